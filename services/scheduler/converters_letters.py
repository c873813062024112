"""The second look's answers on the wire: what a mail says and to whom."""

from collections.abc import Collection
from datetime import date

from dunlin.scheduler.v1 import letters_pb2 as pb
from dunlin.scheduler.v1 import scheduler_pb2

from services.scheduler.converters import TYPES_OUT
from services.scheduler.domain.about import Card, MethodFact, PayDay, PaymentFact, PlanFact
from services.scheduler.domain.books import Account, Invoice, Method, Plan
from services.scheduler.domain.letter import Letter, NotYet, Withheld, status_of, totals_of
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.occurrences import expiry_of
from services.shared.wire import iso, timestamp

MOST_METHODS = 50

_STATUSES = {
    "past_due": pb.LINE_STATUS_PAST_DUE,
    "open": pb.LINE_STATUS_OPEN,
    "new": pb.LINE_STATUS_NEW,
}


def to_review(answer: Letter | NotYet | Withheld) -> scheduler_pb2.Review:
    """The second look at one notice."""
    if isinstance(answer, Withheld):
        no = scheduler_pb2.Withheld(reason=answer.reason, explanation=answer.explanation)
        return scheduler_pb2.Review(notice_id=answer.notice_id, withheld=no)
    if isinstance(answer, NotYet):
        late = scheduler_pb2.NotYet(
            not_before=timestamp(answer.until), reason=answer.reason, explanation=answer.explanation
        )
        return scheduler_pb2.Review(notice_id=answer.notice_id, not_yet=late)
    return scheduler_pb2.Review(notice_id=answer.notice.notice_id, letter=to_letter(answer))


def to_letter(letter: Letter) -> pb.Letter:
    """What a mail says and to whom."""
    notice = letter.notice
    result = pb.Letter(
        type=TYPES_OUT[notice.type],
        recipients=[pb.Recipient(**to._asdict()) for to in letter.verdict.recipients],
        organization_id=notice.organization_id,
        organization_name=_organization_name(letter),
        time_zone=letter.time_zone,
        language=letter.language,
        today=iso(letter.today),
    )
    if letter.subject is not None:
        result.invoice.CopyFrom(_invoice(letter.subject.invoice, letter.subject.pay_token))
    _say_about(result, letter)
    return result


def _organization_name(letter: Letter) -> str:
    if letter.subject is not None:
        return letter.subject.invoice.organization_name
    found = letter.account or letter.contact
    return found.organization_name if found else ""


def _say_about(result: pb.Letter, letter: Letter) -> None:
    """Fills in what the mail is about, beside the invoice."""
    notice, about = letter.notice, letter.notice.about
    if notice.type is NoticeType.DUE_NOTICE:
        days = letter.verdict.days_past_due
        result.due.CopyFrom(pb.DueDate(days_past_due=days, threshold_days=notice.threshold))
    elif isinstance(about, PaymentFact) and letter.subject:
        result.payment.CopyFrom(_payment(about, letter.subject.invoice))
    elif isinstance(about, PlanFact) and letter.subject:
        result.plans.plans.append(_told_plan(about, letter.subject.invoice))
    elif isinstance(about, MethodFact):
        result.method.CopyFrom(pb.LetterMethod(label=about.label, failure_reason=about.failure_reason))
    elif isinstance(about, PayDay) and letter.account:
        result.plans.CopyFrom(_plans_on(about.pays_on, letter.account))
    elif isinstance(about, Card) and letter.account:
        card = next(m for m in letter.account.methods if m.method_id == about.method_id)
        result.method.CopyFrom(_method(card, letter.today))
    elif notice.type is NoticeType.INVOICE:
        result.notification.CopyFrom(_notification(letter))
    elif notice.type is NoticeType.ACCOUNT_SUMMARY and letter.account:
        result.summary.CopyFrom(_summary(letter.account, letter.today, letter.verdict.paused_invoices))
    elif notice.access:
        result.access.contact_id = notice.access.contact_id


def _invoice(invoice: Invoice, pay_token: str = "") -> pb.LetterInvoice:
    return pb.LetterInvoice(
        invoice_id=invoice.invoice_id,
        number=invoice.number,
        issued_on=iso(invoice.issued_on),
        due_on=iso(invoice.due_on),
        amount_minor=invoice.amount_minor,
        balance_minor=invoice.balance_minor,
        currency=invoice.currency,
        pay_token=pay_token,
    )


def _payment(payment: PaymentFact, invoice: Invoice) -> pb.LetterPayment:
    """A failure takes nothing, so its fact tells no balance: it is what the books say."""
    balance = invoice.balance_minor if payment.balance_minor is None else payment.balance_minor
    return pb.LetterPayment(
        payment_id=payment.payment_id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        method_label=payment.method_label,
        ended_at=timestamp(payment.ended_at),
        balance_minor=balance,
        failure_reason=payment.failure_reason,
    )


def _told_plan(plan: PlanFact, invoice: Invoice) -> pb.LetterPlan:
    """A payment as its fact told it, on the invoice as it stands."""
    return pb.LetterPlan(
        invoice=_invoice(invoice),
        pays_on=iso(plan.pays_on),
        amount_minor=plan.amount_minor,
        method_label=plan.method_label,
        moved_from=iso(plan.moved_from),
    )


def _plan(plan: Plan, invoice: Invoice) -> pb.LetterPlan:
    return pb.LetterPlan(
        invoice=_invoice(invoice),
        pays_on=iso(plan.pays_on),
        amount_minor=plan.amount_minor,
        method_label=plan.method_label,
        by_autopay=plan.by_autopay,
    )


def _plans_on(pays_on: date, account: Account) -> pb.LetterPlans:
    invoices = {one.invoice_id: one for one in (*account.invoices, *account.planned)}
    plans = [plan for plan in account.plans if plan.pays_on == pays_on]
    listed = [_plan(plan, invoices[plan.invoice_id]) for plan in plans if plan.invoice_id in invoices]
    whole = next((day for day in account.pay_days if day.pays_on == pays_on), None)
    if whole is None or whole.payments <= len(listed):
        return pb.LetterPlans(plans=listed)
    return pb.LetterPlans(
        plans=listed,
        more_plans=whole.payments - len(listed),
        totals=[pb.PlansTotal(**total._asdict()) for total in whole.totals],
    )


def _method(method: Method, today: date) -> pb.LetterMethod:
    return pb.LetterMethod(
        label=method.label,
        nickname=method.nickname,
        expires_month=method.expires_month,
        expires_year=method.expires_year,
        expired=_has_expired(method, today),
    )


def _has_expired(method: Method, today: date) -> bool:
    return (method.expires_year, method.expires_month) < (today.year, today.month)


def _notification(letter: Letter) -> pb.LetterNotification:
    """When the invoice is paid by itself, unless it is past due or mails are not to tell."""
    subject = letter.subject
    if subject is None or subject.plan is None or not letter.tells_plan:
        return pb.LetterNotification()
    if status_of(subject.invoice, letter.today) == "past_due" or subject.plan.pays_on < letter.today:
        return pb.LetterNotification()
    return pb.LetterNotification(plan=_plan(subject.plan, subject.invoice))


def _summary(account: Account, today: date, paused: Collection[int]) -> pb.LetterSummary:
    tokens = dict(zip((one.invoice_id for one in account.invoices), account.pay_tokens, strict=False))
    methods = [method for method in account.methods if _is_worth_telling(method, today)]
    return pb.LetterSummary(
        lines=[
            pb.SummaryLine(
                invoice=_invoice(one, tokens.get(one.invoice_id, "")),
                status=_STATUSES[status_of(one, today, paused)],
            )
            for one in account.payable
        ],
        more_invoices=account.more_invoices,
        totals=[pb.SummaryTotal(**total._asdict()) for total in totals_of(account, today, paused)],
        methods=[_method(method, today) for method in methods[:MOST_METHODS]],
    )


def _is_worth_telling(method: Method, today: date) -> bool:
    """Whether a card has expired or expires within a month; bank accounts do not."""
    return bool(method.expires_month) and (
        expiry_of(method.expires_year, method.expires_month, today) is not None
    )

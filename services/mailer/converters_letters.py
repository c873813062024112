"""The second look on the wire to what mails are written from."""

from collections.abc import Callable
from datetime import date

from dunlin.scheduler.v1 import letters_pb2, notices_pb2, scheduler_pb2

from services.mailer.domain.languages import spoken
from services.mailer.domain.letter import (
    About,
    Access,
    Due,
    Invoice,
    Letter,
    LineStatus,
    Method,
    Notification,
    NotYet,
    Payment,
    Plan,
    Plans,
    PlansTotal,
    Recipient,
    Summary,
    SummaryLine,
    Total,
    Unusable,
    Verdict,
    Withheld,
)
from services.mailer.domain.templates import TemplateType
from services.shared.errors import Invalid
from services.shared.money import is_currency
from services.shared.wire import date_of, instant

_STATUSES = {
    letters_pb2.LINE_STATUS_PAST_DUE: LineStatus.PAST_DUE,
    letters_pb2.LINE_STATUS_OPEN: LineStatus.OPEN,
    letters_pb2.LINE_STATUS_NEW: LineStatus.NEW,
}

# What a notice of each type is about. The two that have two templates are chosen between below.
_TYPES = {
    (notices_pb2.NOTICE_TYPE_DUE_NOTICE, "due"): TemplateType.DUE_NOTICE_BEFORE,
    (notices_pb2.NOTICE_TYPE_PAYMENT_SUCCEEDED, "payment"): TemplateType.PAYMENT_SUCCEEDED,
    (notices_pb2.NOTICE_TYPE_PAYMENT_FAILED, "payment"): TemplateType.PAYMENT_FAILED,
    (notices_pb2.NOTICE_TYPE_PAYMENT_SCHEDULED, "plans"): TemplateType.PAYMENT_SCHEDULED,
    (notices_pb2.NOTICE_TYPE_PAYMENT_RESCHEDULED, "plans"): TemplateType.PAYMENT_RESCHEDULED,
    (notices_pb2.NOTICE_TYPE_PAYMENT_CANCELLED, "plans"): TemplateType.PAYMENT_CANCELLED,
    (notices_pb2.NOTICE_TYPE_METHOD_FAILED, "method"): TemplateType.METHOD_FAILED,
    (notices_pb2.NOTICE_TYPE_WELCOME, "access"): TemplateType.WELCOME,
    (notices_pb2.NOTICE_TYPE_PASSWORD_RESET, "access"): TemplateType.PASSWORD_RESET,
    (notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY, "summary"): TemplateType.ACCOUNT_SUMMARY,
    (notices_pb2.NOTICE_TYPE_INVOICE, "notification"): TemplateType.INVOICE,
    (notices_pb2.NOTICE_TYPE_UPCOMING_PAYMENTS, "plans"): TemplateType.UPCOMING_PAYMENTS,
    (notices_pb2.NOTICE_TYPE_METHOD_EXPIRATION, "method"): TemplateType.METHOD_EXPIRING,
}
_ABOUT_ONE_PLAN = frozenset(
    {
        TemplateType.PAYMENT_SCHEDULED,
        TemplateType.PAYMENT_RESCHEDULED,
        TemplateType.PAYMENT_CANCELLED,
    }
)
_ABOUT_AN_INVOICE = ("due", "payment", "notification")


def verdict(review: scheduler_pb2.Review) -> Verdict | None:
    """What the second look says; None if that is nothing that this release knows of.

    A letter that makes no sense is `Unusable`, and spoils no other one.
    """
    if review.WhichOneof("verdict") == "withheld":
        return Withheld(review.withheld.reason, review.withheld.explanation)
    if review.WhichOneof("verdict") == "not_yet":
        late = review.not_yet
        return NotYet(instant(late.not_before), late.reason, late.explanation)
    if review.WhichOneof("verdict") is None:
        return None
    try:
        return _letter(review.letter)
    except Invalid as refusal:
        return Unusable(f"The second look cannot be understood: {refusal.message}")


def _letter(letter: letters_pb2.Letter) -> Letter:
    if not letter.recipients:
        raise Invalid("it names no recipient.")
    about, type = _about(letter), _type(letter)
    if type in _ABOUT_ONE_PLAN and isinstance(about, Plans) and len(about.plans) > 1:
        raise Invalid(f"a mail of type {type.value} is about one payment.")
    return Letter(
        type=type,
        recipients=tuple(Recipient(one.name, one.email) for one in letter.recipients),
        organization_id=letter.organization_id,
        organization_name=letter.organization_name,
        about=about,
        invoice=_invoice_of(letter),
        time_zone=letter.time_zone,
        language=spoken(letter.language) or "",
        today=date_of(letter.today, "today"),
    )


def _type(letter: letters_pb2.Letter) -> TemplateType:
    about = letter.WhichOneof("about") or "nothing"
    type = _TYPES.get((letter.type, about))
    if type is None:
        raise Invalid(f"there is no template for the type {letter.type} about {about}.")
    if about == "due" and letter.due.days_past_due > 0:
        return TemplateType.DUE_NOTICE_AFTER
    if type is TemplateType.METHOD_EXPIRING and letter.method.expired:
        return TemplateType.METHOD_EXPIRED
    return type


def _about(letter: letters_pb2.Letter) -> About:
    readers: dict[str, Callable[[], About]] = {
        "due": lambda: Due(letter.due.days_past_due, letter.due.threshold_days),
        "payment": lambda: _payment(letter.payment),
        "summary": lambda: _summary(letter.summary),
        "plans": lambda: _plans(letter.plans),
        "method": lambda: _method(letter.method),
        "notification": lambda: _notification(letter.notification),
        "access": lambda: Access(letter.access.contact_id),
    }
    reader = readers.get(letter.WhichOneof("about") or "")
    if reader is None:
        raise Invalid("it does not say what it is about.")
    return reader()


def _invoice_of(letter: letters_pb2.Letter) -> Invoice | None:
    if letter.HasField("invoice"):
        return _invoice(letter.invoice)
    if letter.WhichOneof("about") in _ABOUT_AN_INVOICE:
        raise Invalid("it names no invoice.")
    return None


def _invoice(invoice: letters_pb2.LetterInvoice) -> Invoice:
    return Invoice(
        invoice_id=invoice.invoice_id,
        number=invoice.number,
        issued_on=date_of(invoice.issued_on, "issued_on"),
        due_on=date_of(invoice.due_on, "due_on"),
        amount_minor=invoice.amount_minor,
        balance_minor=invoice.balance_minor,
        currency=_currency(invoice.currency),
        pay_token=invoice.pay_token,
    )


def _payment(payment: letters_pb2.LetterPayment) -> Payment:
    return Payment(
        amount_minor=payment.amount_minor,
        currency=_currency(payment.currency),
        method_label=payment.method_label,
        ended_at=instant(payment.ended_at),
        balance_minor=payment.balance_minor,
        failure_reason=payment.failure_reason,
    )


def _summary(summary: letters_pb2.LetterSummary) -> Summary:
    return Summary(
        lines=tuple(SummaryLine(_invoice(line.invoice), _status(line.status)) for line in summary.lines),
        totals=tuple(
            Total(_currency(one.currency), one.open_minor, one.past_due_minor) for one in summary.totals
        ),
        more_invoices=max(0, summary.more_invoices),
        methods=tuple(map(_method, summary.methods)),
    )


def _status(status: letters_pb2.LineStatus.ValueType) -> LineStatus:
    if status not in _STATUSES:
        raise Invalid(f"there is no status {status} of an invoice.")
    return _STATUSES[status]


def _plans(plans: letters_pb2.LetterPlans) -> Plans:
    if not plans.plans:
        raise Invalid("it names no payment.")
    totals = (PlansTotal(_currency(one.currency), one.amount_minor) for one in plans.totals)
    return Plans(tuple(map(_plan, plans.plans)), max(0, plans.more_plans), tuple(totals))


def _plan(plan: letters_pb2.LetterPlan) -> Plan:
    return Plan(
        invoice=_invoice(plan.invoice),
        pays_on=_needed_date(plan.pays_on, "pays_on"),
        amount_minor=plan.amount_minor,
        method_label=plan.method_label,
        by_autopay=plan.by_autopay,
        moved_from=date_of(plan.moved_from, "moved_from"),
    )


def _needed_date(text: str, field: str) -> date:
    day = date_of(text, field)
    if day is None:
        raise Invalid(f"it has no {field}.")
    return day


def _method(method: letters_pb2.LetterMethod) -> Method:
    month, year = method.expires_month, method.expires_year
    if not (month == year == 0 or (1 <= month <= 12 and 1 <= year <= 9999)):
        raise Invalid(f"there is no month {month} of the year {year}.")
    return Method(method.label, method.nickname, month, year, method.expired, method.failure_reason)


def _notification(notification: letters_pb2.LetterNotification) -> Notification:
    return Notification(_plan(notification.plan) if notification.HasField("plan") else None)


def _currency(code: str) -> str:
    if not is_currency(code):
        raise Invalid(f"{code[:10]!r} is not a currency.")
    return code

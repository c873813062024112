"""What each token of a letter becomes, as plain text."""

from datetime import UTC, date, datetime

from services.mailer.domain.company import Company, takes_replies
from services.mailer.domain.letter import (
    Access,
    Due,
    Invoice,
    Letter,
    Method,
    Notification,
    Payment,
    Plan,
    Plans,
    Summary,
)
from services.mailer.domain.templates import TemplateType
from services.mailer.wording.speech import Speech, count_of, zone

MOST_NAMES = 3
"""More contacts than that are greeted by their organization's name."""

_ACCESS_PATHS = {TemplateType.WELCOME: "welcome", TemplateType.PASSWORD_RESET: "reset"}


def values(letter: Letter, company: Company, public_url: str, speech: Speech) -> dict[str, str]:
    """Exactly the tokens that the letter's type knows. `letter.today` is set."""
    result = {
        "contact.name": greeting(letter, speech),
        "organization.name": letter.organization_name,
    }
    if invoice := letter.single_invoice:
        result |= _invoice(invoice, speech)
        result["pay.link"] = pay_link(invoice, company, public_url)
    result |= _about(letter, public_url, speech)
    return result | {
        "portal.link": portal_link(public_url),
        "company.name": company.name,
        "company.phone": company.phone,
        "company.address": company.address,
        "company.reach_us": speech.reach_us(replies=takes_replies(company), phone=company.phone),
    }


def greeting(letter: Letter, speech: Speech) -> str:
    """Whom a mail greets: the contacts by name, or the organization where there are none or many."""
    names = list(dict.fromkeys(one.name.strip() for one in letter.readers if one.name.strip()))
    if not names or len(names) > MOST_NAMES:
        return letter.organization_name
    return speech.listed(names)


def today_of(letter: Letter, at: datetime) -> date:
    """The organization's date at that instant."""
    return letter.today or at.astimezone(zone(letter.time_zone) or UTC).date()


def portal_link(public_url: str) -> str:
    """Where clients sign in."""
    return f"{public_url}/portal"


def pay_link(invoice: Invoice, company: Company, public_url: str) -> str:
    """The address of the Pay Now page, filled in for this invoice; or, if mails bear none, of the portal."""
    if not company.pay_links:
        return portal_link(public_url)
    return f"{public_url}/pay/{invoice.pay_token}" if invoice.pay_token else f"{public_url}/pay"


def method_name(method: Method, speech: Speech) -> str:
    """What a method is, with what the client calls it."""
    label = speech.method(method.label)
    return f"{label} ({method.nickname})" if method.nickname else label


def _about(letter: Letter, public_url: str, speech: Speech) -> dict[str, str]:
    today = letter.today or date.min
    match letter.about:
        case Due() as due:
            found = _due(due, speech)
        case Payment() as payment:
            found = _payment(payment, letter.type, letter.time_zone, speech)
        case Summary() as summary:
            found = _summary(summary, today, speech)
        case Plans() as plans if letter.type is TemplateType.UPCOMING_PAYMENTS:
            found = _plans(plans, today, speech)
        case Plans() as plans:
            found = _plan(plans.plans[0], letter.type, today, speech)
        case Method() as method:
            found = _method(method, letter.type, speech)
        case Access() as access:
            found = _access(access, letter.type, public_url, speech)
        case Notification(plan):
            found = {"invoice.paid_by_itself": speech.paid_by_itself(plan) if plan else ""}
    return found


def _invoice(invoice: Invoice, speech: Speech) -> dict[str, str]:
    return {
        "invoice.number": invoice.number,
        "invoice.amount": speech.money(invoice.amount_minor, invoice.currency),
        "invoice.balance": speech.money(invoice.balance_minor, invoice.currency),
        "invoice.issued_on": speech.day(invoice.issued_on),
        "invoice.due_on": speech.day(invoice.due_on),
    }


def _due(due: Due, speech: Speech) -> dict[str, str]:
    return {
        "due.days": speech.number(abs(due.days_past_due)),
        "due.days_text": speech.days(due.days_past_due),
        "due.when": speech.when(-due.days_past_due),
    }


def _payment(payment: Payment, type: TemplateType, time_zone: str, speech: Speech) -> dict[str, str]:
    result = {
        "payment.amount": speech.money(payment.amount_minor, payment.currency),
        "payment.balance": speech.money(payment.balance_minor, payment.currency),
        "payment.method": speech.method(payment.method_label),
        "payment.date": speech.moment(payment.ended_at, time_zone),
    }
    if type is TemplateType.PAYMENT_FAILED:
        result["payment.failure"] = speech.payment_failure(payment.failure_reason)
    return result


def _summary(summary: Summary, today: date, speech: Speech) -> dict[str, str]:
    late = [(one.past_due_minor, one.currency) for one in summary.totals if one.past_due_minor]
    return {
        "summary.sentence": speech.summary_sentence(summary),
        "summary.date": speech.day(today),
        "summary.invoices": speech.open_invoices(count_of(summary)),
        "summary.total": speech.amounts([(one.open_minor, one.currency) for one in summary.totals]),
        "summary.past_due": speech.amounts(late),
    }


def _plans(plans: Plans, today: date, speech: Speech) -> dict[str, str]:
    first = plans.plans[0].pays_on
    return {
        "payments.sentence": speech.plans_sentence(plans, today),
        "payments.count": speech.payments(len(plans.plans) + plans.more_plans),
        "payments.total": speech.total(plans),
        "payments.first_date": speech.day(first),
        "payments.first_when": speech.when((first - today).days),
    }


def _plan(plan: Plan, type: TemplateType, today: date, speech: Speech) -> dict[str, str]:
    result = {
        "payment.amount": speech.money(plan.amount_minor, plan.invoice.currency),
        "payment.date": speech.day(plan.pays_on),
        "payment.when": speech.when((plan.pays_on - today).days),
        "payment.method": speech.method(plan.method_label),
    }
    if type is TemplateType.PAYMENT_RESCHEDULED:
        result["payment.change"] = speech.change_sentence(plan)
        result["payment.previous_date"] = speech.day(plan.moved_from)
    return result


def _access(access: Access, type: TemplateType, public_url: str, speech: Speech) -> dict[str, str]:
    link = f"{portal_link(public_url)}/{_ACCESS_PATHS[type]}/{access.token}"
    return {"access.link": link, "access.valid_for": speech.words.link_lifetime}


def _method(method: Method, type: TemplateType, speech: Speech) -> dict[str, str]:
    result = {
        "method.name": method_name(method, speech),
        "method.label": speech.method(method.label),
        "method.nickname": method.nickname,
        "method.expires": speech.month(method.expires_year, method.expires_month),
    }
    if type is TemplateType.METHOD_FAILED:
        result["method.failure"] = speech.method_failure(method.failure_reason)
    return result

"""How amounts, dates and spans of time are written, and what each token of a letter becomes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from services.mailer.domain.company import Company
from services.mailer.domain.letter import Due, Letter, Payment
from services.mailer.domain.templates import TemplateType
from services.shared.money import to_decimal

_FAILURES = {
    "CARD_DECLINED": "the card was declined",
    "INSUFFICIENT_FUNDS": "the account does not hold enough money",
    "RETURNED": "the bank returned the payment",
    "PROVIDER_ERROR": "the payment service reported an error",
}


@lru_cache(maxsize=1)
def locale() -> Locale:
    """The language of all mails; the one place to choose it."""
    return Locale.parse("en_US")


@lru_cache(maxsize=4096)
def money(minor: int, currency: str) -> str:
    """An amount of minor units as people write it: "$1,280.50"."""
    text = format_currency(Decimal(to_decimal(minor, currency)), currency, locale=locale())
    # A currency without a sign of its own is written by its code, which needs a space that does not break.
    return text.replace(currency, f"{currency}\u00a0") if currency in text else text


@lru_cache(maxsize=1024)
def day(on: date | None) -> str:
    """A date that nobody can misread: "March 4, 2026"; empty for none."""
    return format_date(on, "long", locale=locale()) if on else ""


def moment(at: datetime) -> str:
    """An instant: "March 4, 2026, 2:30 PM UTC"; the zone is named because the reader's may be another."""
    # CLDR puts a narrow no-break space before PM, which many mail programs show as a box.
    return format_datetime(at, "MMMM d, y, h:mm a 'UTC'", tzinfo=UTC, locale=locale()).replace("\u202f", " ")


def days(count: int) -> str:
    """ "3 days", "1 day", "today" for none; the sign does not matter."""
    return "today" if count == 0 else "1 day" if abs(count) == 1 else f"{abs(count)} days"


def failure(reason: str) -> str:
    """A stable code of a failed payment in words."""
    return _FAILURES.get(reason, "the payment could not be completed")


def greeting(letter: Letter) -> str:
    """Whom a mail greets: the contacts by name, or the organization where there are none or many."""
    names = list(dict.fromkeys(one.name.strip() for one in letter.recipients if one.name.strip()))
    if not names or len(names) > 3:
        return letter.organization_name
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def values(letter: Letter, company: Company, public_url: str) -> dict[str, str]:
    """What each token that the letter's type knows becomes, as plain text."""
    invoice = letter.invoice
    result = {
        "contact.name": greeting(letter),
        "organization.name": letter.organization_name,
        "invoice.number": invoice.number,
        "invoice.amount": money(invoice.amount_minor, invoice.currency),
        "invoice.balance": money(invoice.balance_minor, invoice.currency),
        "invoice.issued_on": day(invoice.issued_on),
        "invoice.due_on": day(invoice.due_on),
        "pay.link": pay_link(letter, public_url),
        "company.name": company.name,
        "company.phone": company.phone,
        "company.address": company.address,
    }
    if letter.due:
        result |= _due(letter.due)
    if letter.payment:
        result |= _payment(letter.payment)
    return result


def pay_link(letter: Letter, public_url: str) -> str:
    """The address of the Pay Now page, filled in for this invoice."""
    return f"{public_url}/pay/{letter.invoice.pay_token}" if letter.invoice.pay_token else f"{public_url}/pay"


def _due(due: Due) -> dict[str, str]:
    text = days(due.days_past_due)
    when = text if due.days_past_due == 0 else f"in {text}" if due.days_past_due < 0 else f"{text} ago"
    return {"due.days": str(abs(due.days_past_due)), "due.days_text": text, "due.when": when}


def _payment(payment: Payment) -> dict[str, str]:
    return {
        "payment.amount": money(payment.amount_minor, payment.currency),
        "payment.balance": money(payment.balance_minor, payment.currency),
        "payment.method": payment.method_label,
        "payment.date": moment(payment.ended_at),
        "payment.failure": failure(payment.failure_reason),
    }


@dataclass(frozen=True)
class Fact:
    """One line of the table of facts; the one that matters most is `strong`."""

    label: str
    value: str
    strong: bool = False


def facts(type: TemplateType, values: dict[str, str]) -> tuple[Fact, ...]:
    """The lines between header and footer, without empty ones."""
    lines = [Fact("Invoice", values["invoice.number"])]
    if type in (TemplateType.DUE_NOTICE_BEFORE, TemplateType.DUE_NOTICE_AFTER):
        lines += [Fact("Issued", values["invoice.issued_on"])]
        lines += [Fact("Date due", values["invoice.due_on"])]
        if values["invoice.amount"] != values["invoice.balance"]:
            lines += [Fact("Invoice amount", values["invoice.amount"])]
        lines += [Fact("Amount due", values["invoice.balance"], strong=True)]
    elif type is TemplateType.PAYMENT_SUCCEEDED:
        lines += [Fact("Amount paid", values["payment.amount"], strong=True)]
        lines += [Fact("Paid with", values["payment.method"]), Fact("Date", values["payment.date"])]
        lines += [Fact("Remaining balance", values["payment.balance"])]
    else:
        lines += [Fact("Amount tried", values["payment.amount"])]
        lines += [Fact("Payment method", values["payment.method"]), Fact("Date", values["payment.date"])]
        lines += [Fact("Still to be paid", values["invoice.balance"], strong=True)]
    return tuple(line for line in lines if line.value)

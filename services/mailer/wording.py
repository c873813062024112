"""How amounts, dates and spans of time are written, and what each token of a letter becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from services.mailer.domain.company import Company, takes_replies
from services.mailer.domain.letter import Due, Letter, Payment
from services.mailer.domain.templates import TemplateType
from services.shared.money import in_words, minor_digits

_FAILURES = {
    "CARD_DECLINED": "the card was declined",
    "INSUFFICIENT_FUNDS": "the account has insufficient funds",
    "RETURNED": "the bank returned the payment",
    "PROVIDER_ERROR": "the payment processor reported an error",
}


@lru_cache(maxsize=1)
def locale() -> Locale:
    """The language of all mails; the one place to choose it."""
    return Locale.parse("en_US")


@lru_cache(maxsize=4096)
def money(minor: int, currency: str) -> str:
    """An amount of minor units as people write it: "$1,280.50"."""
    before, digits, after = _around(currency, minor < 0)
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{before}{whole:,}.{rest:0{digits}}{after}" if digits else f"{before}{whole:,}{after}"


@lru_cache(maxsize=512)
def _around(currency: str, negative: bool) -> tuple[str, int, str]:
    """What stands around a number of that currency, and its decimals; taken from how one unit is written."""
    digits = minor_digits(currency)
    one = f"1.{'0' * digits}" if digits else "1"
    before, _, after = in_words(-(10**digits) if negative else 10**digits, currency, locale()).partition(one)
    return before, digits, after


@lru_cache(maxsize=1024)
def day(on: date | None) -> str:
    """A date that nobody can misread: "March 4, 2026"; empty for none."""
    return format_date(on, "long", locale=locale()) if on else ""


def moment(at: datetime, time_zone: str = "") -> str:
    """An instant in that zone, UTC if empty: "March 4, 2026, 8:30 AM CST"; the reader's may be another."""
    there = at.astimezone(_zone(time_zone))
    text = format_datetime(there, "MMMM d, y, h:mm a", tzinfo=there.tzinfo, locale=locale())
    # CLDR puts a narrow no-break space before PM, which many mail programs show as a box.
    return f"{text} {_abbreviation(there)}".replace("\u202f", " ")


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    # A mail in UTC is better than none where the machine does not know a zone that another one knows.
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _abbreviation(at: datetime) -> str:
    """ "CST", or "UTC+05:30" where the zone has no letters of its own."""
    name = at.tzname() or ""
    return name if name.isalpha() else f"UTC{at.isoformat()[-6:]}"


@lru_cache(maxsize=4096)
def number(count: int) -> str:
    """A whole number as people write it: "735,526"."""
    return format_decimal(count, locale=locale())


def days(count: int) -> str:
    """ "3 days", "1 day", "today" for none; the sign does not matter."""
    return "today" if count == 0 else "1 day" if abs(count) == 1 else f"{number(abs(count))} days"


def failure(reason: str) -> str:
    """A stable code of a failed payment in words."""
    return _FAILURES.get(reason, "the payment could not be completed")


def greeting(letter: Letter) -> str:
    """Whom a mail greets: the contacts by name, or the organization where there are none or many."""
    names = list(dict.fromkeys(one.name.strip() for one in letter.recipients if one.name.strip()))
    if not names or len(names) > 3:
        return letter.organization_name
    if len(names) == 3:
        return f"{names[0]}, {names[1]}, and {names[2]}"
    return " and ".join(names)


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
        "company.reach_us": reach_us(company),
    }
    if letter.due:
        result |= _due(letter.due)
    if letter.payment:
        result |= _payment(letter.payment, letter.time_zone)
    return result


def pay_link(letter: Letter, public_url: str) -> str:
    """The address of the Pay Now page, filled in for this invoice."""
    return f"{public_url}/pay/{letter.invoice.pay_token}" if letter.invoice.pay_token else f"{public_url}/pay"


def reach_us(company: Company) -> str:
    """What readers with a question should do, to follow "please"; never a reply that nobody would read."""
    if takes_replies(company):
        return "reply to this email"
    return f"call us at {company.phone}" if company.phone else "contact us"


def _due(due: Due) -> dict[str, str]:
    text = days(due.days_past_due)
    when = text if due.days_past_due == 0 else f"in {text}" if due.days_past_due < 0 else f"{text} ago"
    return {"due.days": number(abs(due.days_past_due)), "due.days_text": text, "due.when": when}


def _payment(payment: Payment, time_zone: str) -> dict[str, str]:
    return {
        "payment.amount": money(payment.amount_minor, payment.currency),
        "payment.balance": money(payment.balance_minor, payment.currency),
        "payment.method": payment.method_label,
        "payment.date": moment(payment.ended_at, time_zone),
        "payment.failure": failure(payment.failure_reason),
    }


@dataclass(frozen=True)
class Fact:
    """One line of the table of facts; the one that matters most is `strong`."""

    label: str
    value: str
    strong: bool = False


def facts(type: TemplateType, values: Mapping[str, str]) -> tuple[Fact, ...]:
    """The lines between header and footer, without empty ones."""
    lines = [Fact("Invoice", values["invoice.number"])]
    if type in (TemplateType.DUE_NOTICE_BEFORE, TemplateType.DUE_NOTICE_AFTER):
        lines += [Fact("Invoice date", values["invoice.issued_on"])]
        lines += [Fact("Due date", values["invoice.due_on"])]
        if values["invoice.amount"] != values["invoice.balance"]:
            lines += [Fact("Invoice amount", values["invoice.amount"])]
        lines += [Fact("Amount due", values["invoice.balance"], strong=True)]
    elif type is TemplateType.PAYMENT_SUCCEEDED:
        lines += [Fact("Amount paid", values["payment.amount"], strong=True)]
        lines += [Fact("Payment method", values["payment.method"]), Fact("Date", values["payment.date"])]
        lines += [Fact("Remaining balance", values["payment.balance"])]
    else:
        lines += [Fact("Attempted amount", values["payment.amount"])]
        lines += [Fact("Payment method", values["payment.method"]), Fact("Date", values["payment.date"])]
        lines += [Fact("Balance due", values["invoice.balance"], strong=True)]
    return tuple(line for line in lines if line.value)

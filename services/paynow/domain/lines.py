"""The lines of an invoice list: what each one says, and whether it may be taken."""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple, NoReturn
from zoneinfo import available_timezones

from services.paynow.domain.addresses import AddressMalformed, address_key
from services.paynow.domain.books import INVOICE_STATUSES, ORGANIZATION_STATUSES, PAID, Address
from services.shared.money import MoneyError, is_currency, parse_decimal

LONGEST_ID = 100
"""Characters in an organization's id, an invoice's number, an organization's type."""

LONGEST_NAME = 200
LONGEST_POSTAL_ADDRESS = 500
MOST_ADDRESSES = 50
"""Addresses of one contact."""

EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
"""Dates of an invoice; one outside is a slip, such as year 13."""

# Line breaks in a name would end a mail header; the others have no business in a list either.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_MONEY_REASONS = {
    "NOT_A_NUMBER": "AMOUNT_MALFORMED",
    "TOO_MANY_DECIMALS": "AMOUNT_TOO_PRECISE",
    "TOO_LARGE": "AMOUNT_TOO_LARGE",
}


class SyncRecord(NamedTuple):
    """One line as it came: texts that nobody has checked. Fields are as in the proto."""

    line: int
    organization_id: str
    organization_name: str
    organization_type: str
    organization_status: str
    organization_address: str
    organization_time_zone: str
    contact_name: str
    contact_emails: tuple[str, ...]
    contact_default: bool | None
    invoice_number: str
    issued_on: str
    due_on: str
    currency: str
    amount: str
    balance: str
    status: str


class OrganizationClaim(NamedTuple):
    """What a line says of the organization; an empty detail says nothing."""

    organization_id: str
    name: str
    type: str
    status: str
    address: str
    time_zone: str


class ContactClaim(NamedTuple):
    """What a line says of a contact; `starred` is None where it does not say."""

    name: str
    addresses: tuple[Address, ...]
    starred: bool | None


class InvoiceClaim(NamedTuple):
    """What a line says of the invoice; money is in minor units."""

    organization_id: str
    number: str
    issued_on: date | None
    due_on: date | None
    currency: str
    amount_minor: int
    balance_minor: int
    status: str


class InvoiceLine(NamedTuple):
    """A line that may be taken."""

    line: int
    organization: OrganizationClaim
    contact: ContactClaim | None
    invoice: InvoiceClaim
    imprint: str = ""  # see domain.repeats


class LineRefusal(NamedTuple):
    """Why a line is refused: the column as in Dunlin's own format, a stable reason, words with the cure."""

    line: int
    field: str
    reason: str
    message: str


class _Wrong(Exception):
    """The first thing that is wrong with a line."""


def check_line(record: SyncRecord, imprint: str = "") -> InvoiceLine | LineRefusal:
    """The line's meaning, or the first thing that is wrong with it, from left to right.

    White space around a value is no part of it. Everything else is exact: nothing is normalised, and a
    name that begins with = + - or @ is a name.
    """
    try:
        said = OrganizationClaim(
            record.organization_id,
            record.organization_name,
            record.organization_type,
            record.organization_status,
            record.organization_address,
            record.organization_time_zone,
        )
        organization = _organization(said)
        contact = _contact(record.contact_name, record.contact_emails, record.contact_default)
        invoice = _invoice(record, organization.organization_id)
        return InvoiceLine(record.line, organization, contact, invoice, imprint)
    except _Wrong as wrong:
        return LineRefusal(record.line, *wrong.args)


def duplicate(line: InvoiceLine, first: int) -> LineRefusal:
    """The refusal of a line whose invoice was in line `first` already."""
    return LineRefusal(
        line.line,
        "invoice_number",
        "DUPLICATE_NUMBER",
        f"Invoice {_shown(line.invoice.number)} of this organization is already on line {first};"
        " list each invoice once.",
    )


def currency_changed(line: InvoiceLine, before: str) -> LineRefusal:
    """The refusal of a line whose invoice has payments in another currency that are not booked yet."""
    return LineRefusal(
        line.line,
        "currency",
        "CURRENCY_CHANGED",
        f"Payments of invoice {_shown(line.invoice.number)} in {before} are not in the books yet;"
        " acknowledge them before its currency changes.",
    )


# An organization, and often a contact, is on many lines in a row: each is checked once.
@lru_cache(maxsize=16_384)
def _organization(said: OrganizationClaim) -> OrganizationClaim:
    organization_id = _text(said.organization_id, "organization_id", "ORGANIZATION_ID", LONGEST_ID)
    name = _text(said.name, "organization_name", "ORGANIZATION_NAME", LONGEST_NAME)
    kind = _text(said.type, "organization_type", "ORGANIZATION_TYPE", LONGEST_ID, needed=False)
    status = said.status.strip()
    if status and status not in ORGANIZATION_STATUSES:
        _refuse(
            "organization_status",
            "ORGANIZATION_STATUS_UNKNOWN",
            f"{_shown(status)} is not a valid status; use one of {', '.join(ORGANIZATION_STATUSES)}.",
        )
    address = _postal_address(said.address)
    time_zone = said.time_zone.strip()
    if time_zone and time_zone not in _time_zones():
        _refuse(
            "time_zone",
            "TIME_ZONE_UNKNOWN",
            f"{_shown(time_zone)} is not a known time zone; write its IANA name, such as America/New_York.",
        )
    return OrganizationClaim(organization_id, name, kind, status, address, time_zone)


def _postal_address(text: str) -> str:
    lines = text.replace("\r\n", "\n").strip().split("\n")
    for line in lines:
        _text(line, "address", "ADDRESS", LONGEST_POSTAL_ADDRESS, needed=False)
    if sum(map(len, lines)) > LONGEST_POSTAL_ADDRESS:
        _too_long("address", "ADDRESS", LONGEST_POSTAL_ADDRESS)
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=65_536)
def _contact(name: str, emails: tuple[str, ...], starred: bool | None) -> ContactClaim | None:
    name = _text(name, "contact_name", "CONTACT_NAME", LONGEST_NAME, needed=False)
    if len(emails) > MOST_ADDRESSES:
        _refuse("contact_email", "TOO_MANY_ADDRESSES", f"A contact has at most {MOST_ADDRESSES} addresses.")
    addresses: dict[str, Address] = {}
    for email in emails:
        if written := email.strip():
            try:
                key = address_key(written)
            except AddressMalformed as error:
                words = f"{_shown(written)} is not a valid email address: {error}"
                _refuse("contact_email", "EMAIL_MALFORMED", words)
            addresses.setdefault(key, Address(key, written))
    if not name and not addresses:
        return None
    return ContactClaim(name, tuple(addresses.values()), starred)


def _invoice(record: SyncRecord, organization_id: str) -> InvoiceClaim:
    number = _text(record.invoice_number, "invoice_number", "NUMBER", LONGEST_ID)
    issued_on = _date(record.issued_on, "issued_on")
    due_on = _date(record.due_on, "due_on")
    currency = record.currency.strip()
    if not is_currency(currency):
        _refuse(
            "currency",
            "CURRENCY_UNKNOWN",
            f"{_shown(currency)} is not a currency in use; write its ISO 4217 code, such as USD.",
        )
    amount = _money(record.amount, "amount", currency)
    balance = amount if record.balance == record.amount else _money(record.balance, "balance", currency)
    status = record.status.strip()
    if status not in INVOICE_STATUSES:
        _refuse(
            "status",
            "STATUS_UNKNOWN",
            f"{_shown(status)} is not a valid invoice status; use one of {', '.join(INVOICE_STATUSES)}.",
        )
    if balance > amount:
        _refuse("balance", "BALANCE_ABOVE_AMOUNT", "The balance is above the amount; it is at most that.")
    if status == PAID and balance:
        _refuse("balance", "PAID_WITH_BALANCE", "The invoice is paid; write 0 as its balance.")
    return InvoiceClaim(organization_id, number, issued_on, due_on, currency, amount, balance, status)


def _money(text: str, field: str, currency: str) -> int:
    text = text.strip()
    try:
        minor = _minor(text, currency)
    except MoneyError as error:
        words = str(error) if text else f"{field} is empty; write an amount such as 1234.50."
        _refuse(field, _MONEY_REASONS.get(error.reason, error.reason), words)
    if minor < 0:
        _refuse(field, "AMOUNT_NEGATIVE", f"{_shown(text)} is negative; write 0 or more.")
    return minor


_minor = lru_cache(maxsize=65_536)(parse_decimal)  # many invoices are of the same amount


def _date(text: str, field: str) -> date | None:
    try:
        day = _day(text)
    except ValueError:
        _refuse(field, "DATE_MALFORMED", f"{_shown(text)} is not a valid date; write it as 2026-01-31.")
    if day is not None and not EARLIEST <= day <= LATEST:
        _refuse(field, "DATE_OUT_OF_RANGE", f"{_shown(text)} is not between {EARLIEST} and {LATEST}.")
    return day


@lru_cache(maxsize=16_384)
def _day(text: str) -> date | None:
    text = text.strip()
    if not text:
        return None
    # date.fromisoformat would also take 20260131 and 2026-W05-6.
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _text(text: str, field: str, thing: str, longest: int, *, needed: bool = True) -> str:
    """The text without the white space around it: one line, not too long."""
    # Most texts are printable, and that is much quicker to see.
    if not text.isprintable() and _CONTROL.search(text):
        _refuse(
            field,
            f"{thing}_MALFORMED",
            f"{_shown(text)} contains a line break or another control character; write it on one line.",
        )
    text = text.strip()
    if needed and not text:
        _refuse(field, f"{thing}_MISSING", f"{field} is empty; every line needs it.")
    if len(text) > longest:
        _too_long(field, thing, longest)
    return text


def _too_long(field: str, thing: str, longest: int) -> NoReturn:
    _refuse(field, f"{thing}_TOO_LONG", f"{field} is longer than {longest} characters.")


def _refuse(field: str, reason: str, message: str) -> NoReturn:
    raise _Wrong(field, reason, message)


def _shown(text: str) -> str:
    """The text as a message can hold it: in quotes, without control characters, not endless."""
    return repr(text if len(text) <= 60 else text[:59] + "…")

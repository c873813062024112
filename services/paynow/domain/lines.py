"""The lines of an invoice list: what each one says, and whether it may be taken."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import available_timezones

from services.paynow.domain.books import INVOICE_STATUSES, ORGANIZATION_STATUSES, PAID, Address
from services.paynow.domain.cells import (
    LONGEST_ID,
    LONGEST_NAME,
    LineRefusal,
    Wrong,
    date_of,
    money_of,
    refuse,
    shown,
    text_of,
    too_long,
)
from services.paynow.domain.languages import language_tag
from services.shared.addresses import AddressMalformed, address_key
from services.shared.money import is_currency

LONGEST_POSTAL_ADDRESS = 500
MOST_ADDRESSES = 50
"""Addresses of one contact."""
# Names in the list of zones that are no place: "as this machine is set" and "not set yet".
_NO_ZONES = frozenset({"localtime", "Factory"})


class SyncRecord(NamedTuple):
    """One line as it came: texts that nobody has checked. Fields are as in the proto."""

    line: int
    organization_id: str
    organization_name: str
    organization_type: str
    organization_status: str
    organization_address: str
    organization_time_zone: str
    organization_currency: str
    organization_language: str
    contact_name: str
    contact_emails: tuple[str, ...]
    contact_default: bool | None
    contact_profile: str
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
    currency: str = ""
    language: str = ""


class ContactClaim(NamedTuple):
    """What a line says of a contact; `starred` is None where it does not say.

    `profile` is the id or the name of a client profile, which nobody has looked up; empty says nothing.
    """

    name: str
    addresses: tuple[Address, ...]
    starred: bool | None
    profile: str = ""


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


def check_line(record: SyncRecord, imprint: str = "") -> InvoiceLine | LineRefusal:
    """The line's meaning, or the first thing that is wrong with it, from left to right.

    White space around a value is no part of it. Everything else is exact: nothing is normalised, and a
    name that begins with = + - or @ is a name.
    """
    try:
        organization, contact = _head(record)
        invoice = _invoice(record, organization.organization_id)
        return InvoiceLine(record.line, organization, contact, invoice, imprint)
    except Wrong as wrong:
        return LineRefusal(record.line, *wrong.args)


def has_sound_head(record: SyncRecord) -> bool:
    """Whether what the line says of the organization and the contact may be taken."""
    try:
        _head(record)
    except Wrong:
        return False
    return True


def _head(record: SyncRecord) -> tuple[OrganizationClaim, ContactClaim | None]:
    said = OrganizationClaim(
        record.organization_id,
        record.organization_name,
        record.organization_type,
        record.organization_status,
        record.organization_address,
        record.organization_time_zone,
        record.organization_currency,
        record.organization_language,
    )
    organization = _organization(said)
    return organization, _contact(
        record.contact_name, record.contact_emails, record.contact_default, record.contact_profile
    )


def duplicate(line: InvoiceLine, first: int) -> LineRefusal:
    """The refusal of a line whose invoice was in line `first` already."""
    return LineRefusal(
        line.line,
        "invoice_number",
        "DUPLICATE_NUMBER",
        f"Invoice {shown(line.invoice.number)} of this organization is already on line {first};"
        " list each invoice once.",
    )


def currency_changed(line: InvoiceLine, before: str) -> LineRefusal:
    """The refusal of a line whose invoice has payments in another currency that are not booked yet."""
    return LineRefusal(
        line.line,
        "currency",
        "CURRENCY_CHANGED",
        f"Payments of invoice {shown(line.invoice.number)} in {before} are not in the books yet;"
        " acknowledge them before its currency changes.",
    )


def profile_unknown(line: InvoiceLine, profiles: Mapping[str, str]) -> LineRefusal:
    """The refusal of a line whose contact is to have a client profile that there is not."""
    known = ", ".join(sorted(set(profiles.values()))) or "none yet"
    asked = shown(line.contact.profile if line.contact else "")
    return LineRefusal(
        line.line,
        "contact_profile",
        "PROFILE_UNKNOWN",
        f"{asked} is no client profile; write the id or the name of one ({known[:200]}), or leave it empty.",
    )


# An organization, and often a contact, is on many lines in a row: each is checked once.
@lru_cache(maxsize=16_384)
def _organization(said: OrganizationClaim) -> OrganizationClaim:
    organization_id = text_of(said.organization_id, "organization_id", "ORGANIZATION_ID", LONGEST_ID)
    name = text_of(said.name, "organization_name", "ORGANIZATION_NAME", LONGEST_NAME)
    kind = text_of(said.type, "organization_type", "ORGANIZATION_TYPE", LONGEST_ID, needed=False)
    status = said.status.strip()
    if status and status not in ORGANIZATION_STATUSES:
        refuse(
            "organization_status",
            "ORGANIZATION_STATUS_UNKNOWN",
            f"{shown(status)} is not a valid status; use one of {', '.join(ORGANIZATION_STATUSES)}.",
        )
    address = _postal_address(said.address)
    time_zone = said.time_zone.strip()
    if time_zone and time_zone not in _time_zones():
        refuse(
            "time_zone",
            "TIME_ZONE_UNKNOWN",
            f"{shown(time_zone)} is not a known time zone; write its IANA name, such as America/New_York.",
        )
    currency = said.currency.strip()
    if currency and not is_currency(currency):
        refuse(
            "organization_currency",
            "CURRENCY_UNKNOWN",
            f"{shown(currency)} is not a currency in use; write its ISO 4217 code, such as USD.",
        )
    language = said.language.strip()
    if language and not (language := language_tag(language)):
        refuse(
            "language",
            "LANGUAGE_MALFORMED",
            f"{shown(said.language)} is not a language; write its BCP 47 tag, such as de or pt-BR.",
        )
    return OrganizationClaim(organization_id, name, kind, status, address, time_zone, currency, language)


def _postal_address(text: str) -> str:
    lines = text.replace("\r\n", "\n").strip().split("\n")
    for line in lines:
        text_of(line, "address", "ADDRESS", LONGEST_POSTAL_ADDRESS, needed=False)
    if sum(map(len, lines)) > LONGEST_POSTAL_ADDRESS:
        too_long("address", "ADDRESS", LONGEST_POSTAL_ADDRESS)
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


@lru_cache(maxsize=65_536)
def _contact(name: str, emails: tuple[str, ...], starred: bool | None, profile: str) -> ContactClaim | None:
    name = text_of(name, "contact_name", "CONTACT_NAME", LONGEST_NAME, needed=False)
    if len(emails) > MOST_ADDRESSES:
        refuse("contact_email", "TOO_MANY_ADDRESSES", f"A contact has at most {MOST_ADDRESSES} addresses.")
    addresses: dict[str, Address] = {}
    for email in emails:
        if written := email.strip():
            try:
                key = address_key(written)
            except AddressMalformed as error:
                words = f"{shown(written)} is not a valid email address: {error}"
                refuse("contact_email", "EMAIL_MALFORMED", words)
            addresses.setdefault(key, Address(key, written))
    if not name and not addresses:
        return None
    return ContactClaim(name, tuple(addresses.values()), starred, profile.strip())


def _invoice(record: SyncRecord, organization_id: str) -> InvoiceClaim:
    number = text_of(record.invoice_number, "invoice_number", "NUMBER", LONGEST_ID)
    issued_on = date_of(record.issued_on, "issued_on")
    due_on = date_of(record.due_on, "due_on")
    currency = record.currency.strip()
    if not is_currency(currency):
        refuse(
            "currency",
            "CURRENCY_UNKNOWN",
            f"{shown(currency)} is not a currency in use; write its ISO 4217 code, such as USD.",
        )
    amount = money_of(record.amount, "amount", currency)
    balance = amount if record.balance == record.amount else money_of(record.balance, "balance", currency)
    status = record.status.strip()
    if status not in INVOICE_STATUSES:
        refuse(
            "status",
            "STATUS_UNKNOWN",
            f"{shown(status)} is not a valid invoice status; use one of {', '.join(INVOICE_STATUSES)}.",
        )
    if balance > amount:
        refuse("balance", "BALANCE_ABOVE_AMOUNT", "The balance is above the amount; it is at most that.")
    if status == PAID and balance:
        refuse("balance", "PAID_WITH_BALANCE", "The invoice is paid; write 0 as its balance.")
    return InvoiceClaim(organization_id, number, issued_on, due_on, currency, amount, balance, status)

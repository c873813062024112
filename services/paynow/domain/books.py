"""The books as the ledger knows them: organizations, contacts, invoices, and sums over them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from services.shared.errors import Invalid, Missing

OPEN: Final = "open"
PAID: Final = "paid"
CANCELLED: Final = "cancelled"
THIRD_PARTY: Final = "third_party"
INVOICE_STATUSES: Final = (OPEN, PAID, CANCELLED, THIRD_PARTY)

ORGANIZATION_STATUSES: Final = ("active", "inactive", "associated")


class OrganizationMissing(Missing):
    """The ledger knows no organization of that id."""

    reason = "ORGANIZATION_MISSING"


class InvoiceMissing(Missing):
    """The ledger knows no invoice of that id."""

    reason = "INVOICE_MISSING"


class TooMany(Invalid):
    """A request asks for, or brings, more at once than one request may."""

    reason = "TOO_MANY"


class Address(NamedTuple):
    """An e-mail address as it is compared (see `address_key`) and as it was written.

    `position` orders the addresses of a contact, ascending with gaps; it is 0 until one has it.
    """

    email_key: str
    email: str
    position: int = 0


ContactKey = tuple[str, int]
"""Organization id and position of a contact."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at an organization; `position` counts from 1 in the order in which the books named them.

    `contact_id` is 0 until the ledger has stored the contact.
    """

    contact_id: int
    organization_id: str
    position: int
    name: str
    is_primary: bool
    starred_by_hand: bool
    starred_by_crm: bool
    is_default: bool
    addresses: tuple[Address, ...]
    profile_id: str = ""
    signed_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """A client company that owes money. Fields are as in the proto; contacts are loaded where asked for."""

    organization_id: str
    name: str
    type: str
    status: str
    address: str
    time_zone: str
    currency: str
    contacts: tuple[Contact, ...] = ()
    language: str = ""


class Invoice(NamedTuple):
    """An invoice as it stands. Money is in minor units; `balance_minor` is what remains to be paid."""

    invoice_id: int
    organization_id: str
    organization_name: str
    number: str
    issued_on: date | None
    due_on: date | None
    currency: str
    amount_minor: int
    balance_minor: int
    reserved_minor: int
    status: str


class DueInvoice(NamedTuple):
    """What a tick needs to know of an invoice."""

    invoice_id: int
    organization_id: str
    number: str
    due_on: date
    balance_minor: int
    reserved_minor: int
    reachable: bool
    time_zone: str


class Addressee(NamedTuple):
    """One address of one default contact."""

    name: str
    email: str


class CurrencyTotal(NamedTuple):
    """What is owed in one currency, in minor units."""

    currency: str
    open_minor: int
    past_due_minor: int
    open_invoices: int
    past_due_invoices: int


@dataclass(frozen=True, slots=True)
class OrganizationSummary:
    """An organization in a list, with what it owes."""

    organization: Organization
    totals: tuple[CurrencyTotal, ...]

    @property
    def open_invoices(self) -> int:
        """How many invoices are open with a positive balance, in all currencies."""
        return sum(total.open_invoices for total in self.totals)


class AgingBucket(NamedTuple):
    """What is open within a span of days past due; see `domain.aging`."""

    currency: str
    from_days: int
    to_days: int
    balance_minor: int
    invoices: int


@dataclass(frozen=True, slots=True)
class BooksSummary:
    """Totals over the books, as of an instant; `last_synced_at` is None until a sync has completed."""

    totals: tuple[CurrencyTotal, ...]
    aging: tuple[AgingBucket, ...]
    organizations: int
    last_synced_at: datetime | None
    counted_at: datetime

"""What the ledger tells of invoices and the people behind them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple


class DueInvoice(NamedTuple):
    """What a tick needs to know of an open invoice; amounts in minor units."""

    invoice_id: int
    organization_id: str
    number: str
    due_on: date
    balance_minor: int
    reserved_minor: int
    reachable: bool
    time_zone: str = ""


class DueBatch(NamedTuple):
    """A batch of due invoices by id; `total` counts all of them, in the first batch only."""

    invoices: tuple[DueInvoice, ...]
    total: int


class Recipient(NamedTuple):
    """One address of one contact; the name may be empty."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as the books have it now; amounts in minor units of `currency`.

    `status` is one of open, paid, cancelled, third_party.
    """

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


@dataclass(frozen=True, slots=True)
class Plan:
    """A payment of an invoice that is to be made by itself; the amount in the invoice's minor units."""

    scheduled_id: str
    invoice_id: int
    pays_on: date
    amount_minor: int
    method_label: str
    by_autopay: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """An invoice and whom to tell about it: every address of the default contacts, in order.

    `plan` is its next payment that is to be made by itself.
    """

    invoice: Invoice
    addressees: tuple[Recipient, ...]
    pay_token: str = ""
    time_zone: str = ""
    language: str = ""
    plan: Plan | None = None


class Debtor(NamedTuple):
    """An organization that has open invoices."""

    organization_id: str
    organization_name: str
    time_zone: str
    reachable: bool


class Moved(NamedTuple):
    """Organizations that got another time zone since an instant, and came to the books before another one."""

    since: datetime
    known_before: datetime


class DebtorBatch(NamedTuple):
    """A batch of debtors by id; `total` counts all of them, in the first batch only."""

    debtors: tuple[Debtor, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Method:
    """A card or bank account on file that was not deleted; month and year are 0 for a bank account."""

    method_id: str
    label: str
    nickname: str
    expires_month: int
    expires_year: int


class ExpiringCard(NamedTuple):
    """A card and whether anybody can be told of it."""

    organization_id: str
    method: Method
    time_zone: str
    reachable: bool


class UpcomingDay(NamedTuple):
    """A local date on which payments of an organization are made by themselves."""

    organization_id: str
    pays_on: date
    time_zone: str
    reachable: bool


class Total(NamedTuple):
    """What is open in one currency, and what of it is past due, in minor units."""

    currency: str
    open_minor: int
    past_due_minor: int


class PlansTotal(NamedTuple):
    """What payments in one currency come to, in minor units."""

    currency: str
    amount_minor: int


class PlansOfDay(NamedTuple):
    """What all payments on one day come to, the currency with the most payments first."""

    pays_on: date
    payments: int
    totals: tuple[PlansTotal, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """An organization with everything that is open.

    `invoices` are the open ones, the earliest due date first, with their Pay Now tokens in `pay_tokens`;
    `more_invoices` are not among them. `planned` has the invoices of `plans` that are not open. Of the days
    that were asked for, `plans` has the first 200 payments of each, and `pay_days` what all of them come to.
    """

    organization_id: str
    organization_name: str
    time_zone: str
    language: str
    addressees: tuple[Recipient, ...]
    invoices: tuple[Invoice, ...]
    pay_tokens: tuple[str, ...]
    more_invoices: int
    totals: tuple[Total, ...]
    methods: tuple[Method, ...]
    plans: tuple[Plan, ...]
    planned: tuple[Invoice, ...] = ()
    pay_days: tuple[PlansOfDay, ...] = ()

    @property
    def payable(self) -> tuple[Invoice, ...]:
        """The open invoices that are not being paid in full at this moment."""
        return tuple(one for one in self.invoices if one.reserved_minor < one.balance_minor)


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at an organization, with all addresses in order."""

    contact_id: int
    organization_id: str
    organization_name: str
    name: str
    emails: tuple[str, ...]
    profile_id: str
    signed_in_at: datetime | None
    language: str = ""
    organization_type: str = ""
    organization_status: str = ""


class ContactBatch(NamedTuple):
    """A batch of contacts by id; `total` counts all of them, in the first batch only."""

    contacts: tuple[Contact, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """Which contacts to list; what is empty does not filter."""

    profile_id: str = ""
    without_types: tuple[str, ...] = ()
    without_statuses: tuple[str, ...] = ()

"""Accounts: organizations with everything that is open, and whom to tell about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from services.paynow.domain.books import Addressee, Contact, CurrencyTotal, Invoice, Organization
from services.paynow.domain.on_file import StoredMethod
from services.paynow.domain.plans import PlannedPayment

MOST_INVOICES = 200
"""Of one account, the earliest due first."""

MOST_METHODS = 50
"""Of one account, unless some are asked for."""

MOST_PLANS = 200
"""Of one account, or on each of the days that are asked for."""


class Moved(NamedTuple):
    """Organizations whose time zone a sync has changed at that instant or later.

    With `known_before` only those that came to the books before it, or of which that is not known.
    """

    since: datetime
    known_before: datetime | None = None


class Debtor(NamedTuple):
    """An organization that has open invoices; `reachable` as far as somebody has an address."""

    organization_id: str
    name: str
    time_zone: str
    reachable: bool


class ExpiringMethod(NamedTuple):
    """A card on file, and whether anybody can be told of it."""

    method: StoredMethod
    time_zone: str
    reachable: bool


class UpcomingPayments(NamedTuple):
    """One day on which an organization's payments will be made."""

    organization_id: str
    pays_on: date
    payments: int
    time_zone: str
    reachable: bool


class PlannedTotal(NamedTuple):
    """What payments in one currency come to, in minor units."""

    currency: str
    amount_minor: int


class PayDay(NamedTuple):
    """What all payments on one day come to, the currency with the most payments first."""

    pays_on: date
    payments: int
    totals: tuple[PlannedTotal, ...]


class ListedContact(NamedTuple):
    """A contact, and its organization's name, language, type and status."""

    contact: Contact
    organization_name: str
    language: str
    organization_type: str
    organization_status: str


@dataclass(frozen=True, slots=True)
class Subject:
    """An invoice and whom to tell about it; `pay_token` is empty unless it was asked for."""

    invoice: Invoice
    addressees: tuple[Addressee, ...]
    time_zone: str = ""
    language: str = ""
    plan: PlannedPayment | None = None
    pay_token: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """An organization with everything that is open; fields are as in the proto.

    `pay_tokens` is empty, or as long as `invoices`.
    """

    organization: Organization
    addressees: tuple[Addressee, ...]
    invoices: tuple[Invoice, ...]
    totals: tuple[CurrencyTotal, ...]
    methods: tuple[StoredMethod, ...]
    plans: tuple[PlannedPayment, ...]
    pay_tokens: tuple[str, ...] = ()
    pay_days: tuple[PayDay, ...] = ()

    @property
    def more_invoices(self) -> int:
        """How many open invoices are not among `invoices`."""
        return sum(total.open_invoices for total in self.totals) - len(self.invoices)

    @property
    def planned_invoices(self) -> tuple[Invoice, ...]:
        """Invoices of `plans` that are not among `invoices`, each once."""
        listed = {invoice.invoice_id for invoice in self.invoices}
        others: Mapping[int, Invoice] = {plan.invoice.invoice_id: plan.invoice for plan in self.plans}
        return tuple(invoice for key, invoice in others.items() if key not in listed)

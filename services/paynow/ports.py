"""What the use cases of the ledger need; those of payments are in ports_payments."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.paynow.domain.aging import AgedSum
from services.paynow.domain.books import (
    Addressee,
    CurrencyTotal,
    DueInvoice,
    Invoice,
    Organization,
)
from services.paynow.domain.plans import PlannedPayment, Span
from services.paynow.domain.recorded import RecordedInvoice
from services.paynow.domain.repeats import ToldLine
from services.paynow.domain.sync import InvoiceKey, Known, Plan, StaleAddress, SyncReport


@dataclass(frozen=True)
class InvoiceFilter:
    """Which invoices to list; what is empty does not filter."""

    organization_id: str = ""
    number: str = ""
    status: str = ""


@dataclass(frozen=True)
class InvoicePlace:
    """A place in the order of invoices: by due date, those without one last, then by id."""

    due_on: date | None
    invoice_id: int


@dataclass(frozen=True)
class OrganizationPlace:
    """A place in the order of organizations: by case-folded name, then by id."""

    name_key: str
    organization_id: str


class BooksWriter(Protocol):
    """The books within one transaction that changes them."""

    def start_sync(self, at: datetime) -> int:
        """Notes that a sync has begun; returns its id."""
        ...

    def lock(self) -> None:
        """Makes other syncs wait until this transaction ends."""
        ...

    def known(self, organization_ids: Collection[str], invoices: Sequence[InvoiceKey]) -> Known:
        """What is known of them, in a fixed number of statements."""
        ...

    def profiles(self) -> dict[str, str]:
        """The ids of client profiles, by their ids and by their case-folded names."""
        ...

    def apply(self, plan: Plan, at: datetime) -> None:
        """Writes what the plan says, in a fixed number of statements.

        A line that tells a balance sets the books' balance; what remains is that less what was paid here,
        never below 0.
        """
        ...

    def take_untold(self, most: int) -> Sequence[RecordedInvoice]:
        """The first invoices that the other services were not told of, by id; from now on they count as told.

        Comes under the `lock`: ids then count up in the order in which invoices are stored.
        """
        ...

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        """Tells the other services a fact, if and only if this transaction is kept."""
        ...

    def drop_addresses(self, stale: Sequence[StaleAddress]) -> None:
        """Removes the addresses, under the `lock`; those that are gone already do not matter."""
        ...

    def count_batch(self, sync_id: int) -> None:
        """Notes that this transaction is one more batch of the sync."""
        ...

    def finish_sync(self, sync_id: int, at: datetime, report: SyncReport) -> int:
        """Notes that the sync has come to its end; returns how many batches of it are in the books."""
        ...


class BooksReader(Protocol):
    """The books as they stand. No method takes more statements for more rows."""

    def repeated(self, lines: Sequence[ToldLine]) -> set[str]:
        """The imprints of those lines that say word for word what the last line of their invoice said."""
        ...

    def organizations(
        self, search: str, after: OrganizationPlace | None, limit: int
    ) -> Sequence[Organization]:
        """Those whose case-folded name or id contains the case-folded text, by name, without contacts."""
        ...

    def count_organizations(self, search: str = "", *, most: int | None = None) -> int:
        """How many `organizations` would list in all; where there are more than `most`, that."""
        ...

    def organizations_by_id(self, organization_ids: Collection[str]) -> Sequence[Organization]:
        """The known ones, without contacts, in no particular order."""
        ...

    def organization(self, organization_id: str) -> Organization | None:
        """One organization with its contacts in order."""
        ...

    def invoices(self, wanted: InvoiceFilter, after: InvoicePlace | None, limit: int) -> Sequence[Invoice]:
        """Invoices in the order of `InvoicePlace`."""
        ...

    def count_invoices(self, wanted: InvoiceFilter, *, most: int | None = None) -> int:
        """How many `invoices` would list in all; where there are more than `most`, that."""
        ...

    def invoices_by_id(self, invoice_ids: Collection[int]) -> Sequence[Invoice]:
        """The known ones, in no particular order."""
        ...

    def addressees(
        self, organization_ids: Collection[str], profile_ids: Collection[str] = ()
    ) -> dict[str, tuple[Addressee, ...]]:
        """By organization whom to tell, in order; organizations with nobody to tell are not in it.

        The default contacts, or, where client profiles are named, the contacts with one of them.
        """
        ...

    def next_plans(self, invoice_ids: Collection[int], span: Span) -> dict[int, PlannedPayment]:
        """By invoice the first payment within the span that will be made by itself; others are not in it."""
        ...

    def due_invoices(
        self,
        due_on_or_before: date,
        after_invoice_id: int,
        limit: int,
        time_zones: Collection[str] = (),
    ) -> Sequence[DueInvoice]:
        """Open invoices with a positive balance that are due by then, by id.

        Only of organizations with one of the time zones, "" meaning none of their own; of all without any.
        """
        ...

    def count_due_invoices(self, due_on_or_before: date, time_zones: Collection[str] = ()) -> int:
        """How many of them there are in all."""
        ...

    def count_by_due_date(
        self, first: date, last: date, without_organization_ids: Collection[str]
    ) -> Sequence[tuple[date, int]]:
        """How many open invoices with a positive balance are due on each date that occurs, in order."""
        ...

    def totals(
        self, today: date, organization_ids: Collection[str] | None = None
    ) -> dict[str, tuple[CurrencyTotal, ...]]:
        """By organization what is open with a positive balance; None means all organizations, under ""."""
        ...

    def aged_sums(self, today: date, organization_id: str = "") -> Iterable[AgedSum]:
        """What is open with a positive balance, by currency and bucket; "" means all organizations."""
        ...

    def last_synced_at(self) -> datetime | None:
        """When a sync last came to its end, in UTC."""
        ...


class Ledger(Protocol):
    """Where the books are kept."""

    def write(self, *, lasting: bool = True) -> AbstractContextManager[BooksWriter]:
        """A transaction: kept at the end, undone by an exception.

        Unless it is `lasting`, a power cut may undo it until a later one that is.
        """
        ...

    def read(self) -> AbstractContextManager[BooksReader]:
        """A view of what is committed."""
        ...


class PayTokens(Protocol):
    """Makes the signed part of a Pay link."""

    def make(self, invoice: Invoice, email: str, now: datetime) -> str:
        """A token for one invoice and one address, issued at `now`."""
        ...

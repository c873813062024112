"""What the use cases need from the other services."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from services.scheduler.domain.books import (
    Account,
    Contact,
    ContactBatch,
    ContactQuery,
    DebtorBatch,
    DueBatch,
    ExpiringCard,
    Moved,
    Recipient,
    Subject,
    UpcomingDay,
)
from services.scheduler.domain.notice import (
    HandOver,
)


class Ledger(Protocol):
    """The books, kept by another service. Every call may raise `Busy` while it is away."""

    def due_invoices(
        self, due_on_or_before: date, *, after: int, limit: int, time_zones: Collection[str] = ()
    ) -> DueBatch:
        """A batch of open invoices with a balance, by id; fewer than `limit` are the last.

        Only of organizations with one of these time zones, unless that is empty.
        """
        ...

    def subjects(
        self, invoice_ids: Collection[int], *, with_pay_tokens: bool = False, today: date | None = None
    ) -> Mapping[int, Subject]:
        """What is known of at most 500 invoices, as it stands now; plans of before that date do not count."""
        ...

    def count_by_due_date(self, first: date, last: date, *, without: Sequence[str]) -> Mapping[date, int]:
        """How many open invoices with a balance are due on each date, less those of some organizations."""
        ...

    def knows_organization(self, organization_id: str) -> bool:
        """Whether there is such an organization."""
        ...

    def organization_names(self, organization_ids: Collection[str]) -> Mapping[str, str]:
        """The names of those that are known among at most 1000 organizations, by id."""
        ...


class Accounts(Protocol):
    """The books, organization by organization; kept by another service.

    Every call may raise `Busy` while it is away. Batches are in the order of what `after` names, and fewer
    than `limit` are the last. `time_zones` limits them to organizations with one of these, unless that is
    empty.
    """

    def time_zones(self, *, fresh: bool = False) -> list[str]:
        """The time zones that organizations have of their own; up to half a minute old, unless `fresh`."""
        ...

    def debtors(
        self,
        after: str,
        limit: int,
        *,
        profile_ids: Sequence[str] = (),
        time_zones: Collection[str] = (),
        moved: Moved | None = None,
    ) -> DebtorBatch:
        """A batch of organizations with open invoices, by id.

        With `moved` only those that have moved so.
        """
        ...

    def expiring_cards(
        self, expires_by: date, after: tuple[str, str], limit: int, *, time_zones: Collection[str] = ()
    ) -> list[ExpiringCard]:
        """A batch of cards whose last month begins by then, by organization and method."""
        ...

    def upcoming(
        self,
        first: date,
        last: date,
        after: tuple[str, str],
        limit: int,
        *,
        time_zones: Collection[str] = (),
    ) -> list[UpcomingDay]:
        """A batch of days on which payments are made by themselves, by organization and date (as text)."""
        ...

    def accounts(
        self,
        organization_ids: Collection[str],
        *,
        profile_ids: Sequence[str] = (),
        with_pay_tokens: bool = False,
        today: date | None = None,
        pay_days: Collection[date] = (),
        method_ids: Collection[str] = (),
    ) -> Mapping[str, Account]:
        """What is known of at most 200 organizations, as it stands now; past due on that date.

        Of planned payments the first 200 from then on, or the first 200 on each of at most 200 `pay_days`. Of
        methods on file the first 50, or those among at most 200 `method_ids` alone.
        """
        ...

    def addressees(
        self, organization_ids: Collection[str], *, profile_ids: Sequence[str] = ()
    ) -> Mapping[str, tuple[Recipient, ...]]:
        """Whom a mail to each of at most 5000 organizations would go to; not those where it is nobody."""
        ...

    def contacts(self, query: ContactQuery, after: int, limit: int) -> ContactBatch:
        """A batch of contacts, by id."""
        ...

    def contacts_by_id(self, contact_ids: Collection[int]) -> Mapping[int, Contact]:
        """What is known of at most 1000 contacts, as it stands now."""
        ...


class Mailer(Protocol):
    """Sends what was decided; another service."""

    def accept(self, notices: Sequence[HandOver]) -> None:
        """Returns once they are durably queued there; a repeat is safe. Raises `Busy` while it is away."""
        ...

"""What the use cases need from the world."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.forecasting import Count
from services.scheduler.domain.notice import (
    Change,
    Decision,
    HandOver,
    Invitation,
    Known,
    Leaving,
    Notice,
    NoticeFilter,
    NoticeType,
    Occurred,
)
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports_emails import (
    Addresses,
    Campaigns,
    EmailTypes,
    RecordedInvoices,
    Unreached,
    ZoneRuns,
)
from services.scheduler.ports_pauses import Pauses

NewId = Callable[[], str]
"""Makes an id for a notice: a UUID, and a later one sorts after an earlier one."""


class Excluded(NamedTuple):
    """An organization on the list of one type, and since when."""

    type: NoticeType
    organization_id: str
    created_at: datetime


class Rules(Protocol):
    """The due notice rules."""

    def all(self) -> list[Rule]:
        """All rules, the earliest threshold first."""
        ...

    def add(self, rule: Rule) -> bool:
        """Adds it; False if there is one with that threshold."""
        ...

    def set_enabled(self, threshold: int, *, enabled: bool) -> bool:
        """Turns it on or off; False if there is none."""
        ...

    def remove(self, threshold: int) -> Rule | None:
        """Removes it and returns it as it was; None if there is none."""
        ...


class Exclusions(Protocol):
    """Who never gets which type."""

    def page(self, type: NoticeType, after: str, limit: int) -> list[Excluded]:
        """Up to `limit` of them with an organization id larger than `after`, in order."""
        ...

    def count(self, type: NoticeType) -> int:
        """How many there are."""
        ...

    def version(self, type: NoticeType) -> int:
        """A number that is another one once the list has changed."""
        ...

    def among(self, type: NoticeType, organization_ids: Collection[str]) -> set[str]:
        """Which of these organizations are excluded."""
        ...

    def get(self, type: NoticeType, organization_id: str) -> Excluded | None:
        """The exclusion, if there is one. In a transaction that may write, nobody else changes the list."""
        ...

    def add(self, exclusion: Excluded) -> None:
        """Adds it; one that is there stays as it is."""
        ...

    def remove(self, type: NoticeType, organization_id: str) -> None:
        """Removes it, if it is there."""
        ...


class Notices(Protocol):
    """The notice ledger. In a transaction that may write, what it reads by id is locked."""

    def known(self, invoice_ids: Sequence[int]) -> list[Known]:
        """The due notices of these invoices, of every due date, in one query."""
        ...

    def known_to_change(self, invoice_ids: Sequence[int], notice_ids: Collection[str] = ()) -> list[Known]:
        """As `known`; nobody else changes them before this transaction ends, nor the invoices' receipts.

        The same holds for the notices with these ids. Whoever has to lock notices by invoice and by id does
        it with one call.
        """
        ...

    def add(self, notices: Sequence[Notice]) -> None:
        """Inserts notices, each with its first decision. All are new."""
        ...

    def change(self, changes: Sequence[Change], at: datetime) -> None:
        """Records new decisions made at that instant; a notice that becomes queued is to be handed over.

        Several are such as this transaction has read `known_to_change`.
        """
        ...

    def get(self, notice_ids: Collection[str]) -> dict[str, Notice]:
        """The notices that exist among these."""
        ...

    def occurred(self, type: NoticeType, occurrences: Collection[str]) -> list[Occurred]:
        """Those of these occurrences that have a notice; in a transaction that may write they are locked."""
        ...

    def add_new(self, notices: Sequence[Notice]) -> int:
        """Inserts those whose occurrence has no notice of their type yet, each with its first decision.

        None is a due notice. Returns how many were new.
        """
        ...

    def of_occurrence(self, type: NoticeType, occurrence: str) -> Notice | None:
        """The notice of that type and occurrence, if there is one."""
        ...

    def leaving(self, type: NoticeType, organization_ids: Collection[str]) -> list[Leaving]:
        """What is queued of that type to these organizations, and was sent since the first of it was decided.

        The type is an account summary or an expiring method. Nothing is locked; one that is sent meanwhile is
        there once.
        """
        ...

    def invitations(self, contact_ids: Collection[int]) -> list[Invitation]:
        """The invitations to these contacts that were sent or are on their way."""
        ...

    def held(self, after: str, limit: int) -> list[Notice]:
        """Up to `limit` held notices with an id larger than `after`, in order."""
        ...

    def page(self, only: NoticeFilter, before: tuple[datetime, str] | None, limit: int) -> list[Notice]:
        """Up to `limit` of them, the newest decision first, behind the decision and id `before`."""
        ...

    def of_invoice(self, invoice_id: int) -> list[Notice]:
        """All notices about the invoice, oldest first."""
        ...

    def decisions_on_invoice(self, invoice_id: int) -> list[Decision]:
        """All decisions on them, oldest first."""
        ...

    def to_hand_over(self, now: datetime, limit: int) -> list[HandOver]:
        """Up to `limit` queued notices for the mailer: lane by lane those that waited longest.

        In a transaction that may write, those that others are claiming at this moment are passed over.
        """
        ...

    def claim(self, notice_ids: Sequence[str], *, until: datetime) -> None:
        """Keeps others from handing over, until then, what this transaction has read `to_hand_over`."""
        ...

    def end_claim(self, notice_ids: Sequence[str], *, until: datetime, again_at: datetime) -> None:
        """The mailer is to be told of what was claimed `until` then no earlier than `again_at`.

        What was queued anew in the meantime, or claimed by others, stays as it is.
        """
        ...


class Calendars(Protocol):
    """The company's calendar; there is always one."""

    def get(self) -> Calendar:
        """The calendar."""
        ...

    def get_to_change(self) -> Calendar:
        """The calendar; nobody else changes it before this transaction ends."""
        ...

    def put(self, calendar: Calendar) -> None:
        """Replaces it."""
        ...


class Forecasts(Protocol):
    """The newest count of larger books."""

    def get(self) -> Count | None:
        """The count, if there is one."""
        ...

    def put(self, count: Count) -> None:
        """Replaces it."""
        ...

    def version(self) -> int:
        """A number that is another one once counts have been outdated."""
        ...

    def outdate(self) -> None:
        """Says that what was counted before this transaction's end is not what the next run sends."""
        ...


class Leases(Protocol):
    """Who is doing what only one may do at a time."""

    def take(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """Takes the lease if it is free, expired, or the holder's own; whether it did. Waits for nobody."""
        ...

    def renew(self, name: str, holder: str, *, until: datetime) -> bool:
        """Keeps the lease and locks it for this transaction; False if somebody else has taken it."""
        ...

    def is_held(self, name: str, *, now: datetime) -> bool:
        """Whether somebody holds it."""
        ...

    def release(self, name: str, holder: str) -> None:
        """Gives it back, if it is still the holder's."""
        ...

    def owners(self) -> set[str]:
        """The processes that have taken leases which nobody has given back; see services/shared/owners.py."""
        ...

    def release_owners(self, owners: Collection[str]) -> None:
        """Gives back whatever these processes still have."""
        ...


class Work(Protocol):
    """One transaction."""

    @property
    def rules(self) -> Rules:
        """The rules."""
        ...

    @property
    def email_types(self) -> EmailTypes:
        """The settings of the types."""
        ...

    @property
    def unreached(self) -> Unreached:
        """Who cannot be told anything."""
        ...

    @property
    def zone_runs(self) -> ZoneRuns:
        """How far runs have come."""
        ...

    @property
    def addresses(self) -> Addresses:
        """Addresses that get no mail."""
        ...

    @property
    def recorded(self) -> RecordedInvoices:
        """New invoices that wait."""
        ...

    @property
    def campaigns(self) -> Campaigns:
        """The campaigns."""
        ...

    @property
    def exclusions(self) -> Exclusions:
        """The exclusions."""
        ...

    @property
    def pauses(self) -> Pauses:
        """The pauses."""
        ...

    @property
    def notices(self) -> Notices:
        """The notices."""
        ...

    @property
    def calendar(self) -> Calendars:
        """The calendar."""
        ...

    @property
    def forecasts(self) -> Forecasts:
        """The count of the books."""
        ...

    @property
    def leases(self) -> Leases:
        """The leases."""
        ...


class Store(Protocol):
    """Where the scheduler keeps what it knows."""

    def write(self) -> AbstractContextManager[Work]:
        """A transaction: all of it takes effect at the end, or nothing if an exception leaves it."""
        ...

    def read(self) -> AbstractContextManager[Work]:
        """A look at what is committed; must not write."""
        ...

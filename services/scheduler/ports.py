"""What the use cases need from the world."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import NamedTuple, Protocol

from services.scheduler.domain.books import DueBatch, Subject
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.forecasting import Count
from services.scheduler.domain.notice import (
    Change,
    Decision,
    HandOver,
    Known,
    Notice,
    NoticeFilter,
    NoticeType,
)
from services.scheduler.domain.thresholds import Rule

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

    def last_sent(self) -> dict[int, datetime]:
        """When a notice of each threshold last went out, also of rules that are gone."""
        ...

    def note_sent(self, threshold: int, at: datetime) -> None:
        """Remembers that one went out; an earlier instant than the known one changes nothing."""
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

    def known_to_change(self, invoice_ids: Sequence[int]) -> list[Known]:
        """As `known`; nobody else changes them before this transaction ends, nor the invoices' receipts.

        Whoever has to lock notices by invoice and by id does this first, for the invoices of all of them.
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

    def add_receipt(self, receipt: Notice) -> bool:
        """Inserts a receipt with its first decision; False if the payment has one of that type."""
        ...

    def receipt(self, type: NoticeType, payment_id: str) -> Notice | None:
        """The receipt of that type for the payment, if there is one."""
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
        """Up to `limit` queued notices that the mailer is to be told of, those that waited longest first.

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


class Work(Protocol):
    """One transaction."""

    @property
    def rules(self) -> Rules:
        """The rules."""
        ...

    @property
    def exclusions(self) -> Exclusions:
        """The exclusions."""
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


class Ledger(Protocol):
    """The books, kept by another service. Every call may raise `Busy` while it is away."""

    def due_invoices(self, due_on_or_before: date, *, after: int, limit: int) -> DueBatch:
        """A batch of open invoices with a balance, by id; fewer than `limit` are the last."""
        ...

    def subjects(
        self, invoice_ids: Collection[int], *, with_pay_tokens: bool = False
    ) -> Mapping[int, Subject]:
        """What is known of at most 500 invoices, as it stands now."""
        ...

    def count_by_due_date(self, first: date, last: date, *, without: Sequence[str]) -> Mapping[date, int]:
        """How many open invoices with a balance are due on each date, less those of some organizations."""
        ...

    def knows_organization(self, organization_id: str) -> bool:
        """Whether there is such an organization."""
        ...


class Mailer(Protocol):
    """Sends what was decided; another service."""

    def accept(self, notices: Sequence[HandOver]) -> None:
        """Returns once they are durably queued there; a repeat is safe. Raises `Busy` while it is away."""
        ...

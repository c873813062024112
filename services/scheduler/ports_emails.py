"""What the use cases need to keep about types of mail, addresses, new invoices and campaigns."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from services.scheduler.domain.campaigns import Campaign, Outcomes
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import (
    NoticeType,
)


class EmailTypes(Protocol):
    """The settings of the types, and when mails last went out."""

    def get(self, type: NoticeType) -> EmailType:
        """The settings of one of `SET_BY_STAFF`; of any other the defaults."""
        ...

    def all(self) -> dict[NoticeType, EmailType]:
        """The settings of all `SET_BY_STAFF`."""
        ...

    def get_to_change(self, type: NoticeType) -> EmailType:
        """As `get`; nobody else changes them before this transaction ends."""
        ...

    def put(self, settings: EmailType) -> None:
        """Replaces them."""
        ...

    def last_sent(self) -> dict[tuple[NoticeType, int], datetime]:
        """When a mail of each type and threshold (0 but for due notices) last went out."""
        ...

    def note_sent(self, type: NoticeType, threshold: int, at: datetime) -> None:
        """Remembers that one went out; an earlier instant than the known one changes nothing."""
        ...


class ZoneRun(NamedTuple):
    """How far the runs of a time zone have come; the empty one is the company's.

    `ran_on` is the local date of the newest run that ran by itself, `summed_on` the day up to which account
    summaries are decided: a day as schedules name it, on whatever date its summary went. The run that came so
    far began to read the books at `summed_at`; before it every zone was decided up to `all_summed_on`. So who
    has come from another zone since may have missed the days between that one and `summed_on`.
    """

    zone: str
    ran_on: date | None = None
    summed_on: date | None = None
    summed_at: datetime | None = None
    all_summed_on: date | None = None


class ZoneRuns(Protocol):
    """How far the runs of all time zones have come."""

    def all(self) -> dict[str, ZoneRun]:
        """By zone; only zones that were met before."""
        ...

    def put(self, runs: Collection[ZoneRun]) -> None:
        """Replaces those of these zones."""
        ...

    def forget(self, zones: Collection[str]) -> None:
        """Removes those of these zones."""
        ...


class Unsubscription(NamedTuple):
    """An address that wants no more of a type; `email_key` is the form in which addresses are compared."""

    type: NoticeType
    email_key: str
    email: str
    created_at: datetime
    notice_id: str = ""


class Addresses(Protocol):
    """Addresses that get no mail, or not of every type."""

    def unsubscribed(self, type: NoticeType, email_keys: Collection[str]) -> set[str]:
        """Which of these want no more of the type."""
        ...

    def unsubscribe(self, unsubscription: Unsubscription) -> Unsubscription:
        """Adds it; returns the one that holds, which may be an older one."""
        ...

    def resubscribe(self, type: NoticeType, email_key: str) -> Unsubscription | None:
        """Removes it and returns it as it was; None if there is none."""
        ...

    def unsubscriptions(self, before: tuple[datetime, str] | None, limit: int) -> list[Unsubscription]:
        """Up to `limit` of them, the newest first, behind that instant and key."""
        ...

    def count_unsubscriptions(self) -> int:
        """How many there are."""
        ...

    def suppressed(self, email_keys: Collection[str]) -> set[str]:
        """Which of these get no mail at all."""
        ...

    def note_suppressed(self, email_key: str, reason: str, *, suppressed: bool, told_at: datetime) -> None:
        """Remembers what the mailer told of an address at that instant, unless it told something later."""
        ...


class RecordedInvoice(NamedTuple):
    """An invoice that was new to the books with a sync, and when that was told; not decided on yet."""

    invoice_id: int
    organization_id: str
    sync_id: str
    came_at: datetime
    recorded_id: int = 0
    """Given by the store, in the order in which they came."""


class RecordedInvoices(Protocol):
    """New invoices that wait to be decided on."""

    def add(self, recorded: Sequence[RecordedInvoice]) -> None:
        """Adds them behind those that wait."""
        ...

    def waiting(self, limit: int) -> list[RecordedInvoice]:
        """Up to `limit` of them, in the order in which they came."""
        ...

    def take(self, recorded_ids: Collection[int]) -> list[RecordedInvoice]:
        """Removes these; returns those that nobody else has removed, in their order."""
        ...


class Campaigns(Protocol):
    """Mails to many at once."""

    def add(self, campaign: Campaign) -> bool:
        """Adds it; False if there is one of that id."""
        ...

    def get(self, campaign_id: str) -> Campaign | None:
        """The campaign; in a transaction that may write nobody else changes it."""
        ...

    def put(self, campaign: Campaign) -> None:
        """Replaces it."""
        ...

    def newest(self, type: NoticeType | None, limit: int) -> list[Campaign]:
        """The newest first."""
        ...

    def running(self) -> list[Campaign]:
        """Those that are at work, the oldest first."""
        ...

    def lock_starts(self) -> None:
        """Nobody else starts a campaign before this transaction ends."""
        ...

    def to_withdraw(self, limit: int) -> list[str]:
        """The ids of up to `limit` notices of cancelled campaigns that are still queued; locked."""
        ...

    def outcomes(self, campaign_ids: Collection[str]) -> dict[str, Outcomes]:
        """How many of their notices stand where."""
        ...

    def among(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        """Those that exist among these, by id; nothing is locked."""
        ...


class Unreachable(NamedTuple):
    """An organization that could not be told something: why, how many notices, and when the newest was."""

    organization_id: str
    reason: str
    notices: int
    decided_at: datetime


class Unreached(Protocol):
    """Organizations whose newest notices found no address that can be used."""

    def page(self, before: tuple[datetime, str] | None, limit: int) -> list[Unreachable]:
        """Up to `limit` of them, the newest first, behind that instant and organization.

        One that was told something since is not among them.
        """
        ...

    def count(self) -> int:
        """How many there are."""
        ...

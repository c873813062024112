"""The scheduler's store in memory; the contract tests prove it against SQLite's."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from services.scheduler.domain.calendar import Calendar, CalendarSettings
from services.scheduler.domain.campaigns import Campaign
from services.scheduler.domain.email_types import SET_BY_STAFF, EmailType
from services.scheduler.domain.forecasting import Count
from services.scheduler.domain.notice import (
    Change,
    Decision,
    HandOver,
    Invitation,
    Known,
    Lane,
    Leaving,
    Notice,
    NoticeFilter,
    NoticeType,
    Occurred,
    State,
)
from services.scheduler.domain.pauses import Pause
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports import Excluded
from services.scheduler.ports_emails import RecordedInvoice, Unsubscription, ZoneRun
from services.shared.log import request_id
from tests.fakes.scheduler_parts import (
    FakeAddresses,
    FakeCampaigns,
    FakeEmailTypes,
    FakeRecordedInvoices,
    FakeUnreached,
    FakeZoneRuns,
)
from tests.fakes.scheduler_pauses import FakePauses

FIRST_RULES = (-5, 15, 30, 45, 60, 90)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FIRST_CALENDAR = Calendar(CalendarSettings("UTC", "09:00", sandbox=True, automatic=True), LONG_AGO)


@dataclass
class Tables:
    """What the store holds."""

    rules: dict[int, bool] = field(default_factory=lambda: dict.fromkeys(FIRST_RULES, False))
    last_sent: dict[tuple[NoticeType, int], datetime] = field(default_factory=dict)
    email_types: dict[NoticeType, EmailType] = field(
        default_factory=lambda: {type: EmailType(type) for type in SET_BY_STAFF}
    )
    zone_runs: dict[str, ZoneRun] = field(default_factory=lambda: {"": ZoneRun("")})
    unsubscriptions: dict[tuple[NoticeType, str], Unsubscription] = field(default_factory=dict)
    suppressed: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    recorded: dict[int, RecordedInvoice] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    exclusions: dict[tuple[NoticeType, str], Excluded] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    hand_over_at: dict[str, datetime] = field(default_factory=dict)
    request_ids: dict[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    calendar: list[Calendar] = field(default_factory=lambda: [FIRST_CALENDAR])
    forecasts: list[Count] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def copy(self) -> "Tables":
        """As it is now; the values themselves never change."""
        return Tables(**{name: value.copy() for name, value in vars(self).items()})


class FakeStore:
    """A store in memory; one writer at a time, and an exception undoes the transaction."""

    def __init__(self) -> None:
        self.tables = Tables()
        self._lock = threading.Lock()

    @contextmanager
    def write(self) -> Iterator["FakeWork"]:
        with self._lock:
            draft = self.tables.copy()
            yield FakeWork(draft)
            self.tables = draft

    @contextmanager
    def read(self) -> Iterator["FakeWork"]:
        yield FakeWork(self.tables.copy())


class FakeWork:
    """One transaction."""

    def __init__(self, tables: Tables) -> None:
        self.rules = FakeRules(tables)
        self.email_types = FakeEmailTypes(tables)
        self.zone_runs = FakeZoneRuns(tables)
        self.addresses = FakeAddresses(tables)
        self.unreached = FakeUnreached(tables)
        self.recorded = FakeRecordedInvoices(tables)
        self.campaigns = FakeCampaigns(tables)
        self.exclusions = FakeExclusions(tables)
        self.pauses = FakePauses(tables)
        self.notices = FakeNotices(tables)
        self.calendar = FakeCalendar(tables)
        self.forecasts = FakeForecasts(tables)
        self.leases = FakeLeases(tables)


class FakeRules:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def all(self) -> list[Rule]:
        return [Rule(*item) for item in sorted(self._t.rules.items())]

    def add(self, rule: Rule) -> bool:
        if rule.threshold in self._t.rules:
            return False
        self._t.rules[rule.threshold] = rule.enabled
        return True

    def set_enabled(self, threshold: int, *, enabled: bool) -> bool:
        if threshold not in self._t.rules:
            return False
        self._t.rules[threshold] = enabled
        return True

    def remove(self, threshold: int) -> Rule | None:
        enabled = self._t.rules.pop(threshold, None)
        return None if enabled is None else Rule(threshold, enabled)


class FakeExclusions:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def page(self, type: NoticeType, after: str, limit: int) -> list[Excluded]:
        found = [e for e in self._t.exclusions.values() if e.type is type and e.organization_id > after]
        return sorted(found, key=lambda e: e.organization_id)[:limit]

    def count(self, type: NoticeType) -> int:
        return len(self.page(type, "", len(self._t.exclusions)))

    def version(self, type: NoticeType) -> int:
        return self._t.versions[type]

    def among(self, type: NoticeType, organization_ids: Collection[str]) -> set[str]:
        return {i for i in organization_ids if (type, i) in self._t.exclusions}

    def get(self, type: NoticeType, organization_id: str) -> Excluded | None:
        return self._t.exclusions.get((type, organization_id))

    def add(self, exclusion: Excluded) -> None:
        if self.get(exclusion.type, exclusion.organization_id) is None:
            self._t.exclusions[exclusion.type, exclusion.organization_id] = exclusion
            self._t.versions[exclusion.type] += 1

    def remove(self, type: NoticeType, organization_id: str) -> None:
        if self._t.exclusions.pop((type, organization_id), None):
            self._t.versions[type] += 1


class FakeNotices:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def known(self, invoice_ids: Sequence[int]) -> list[Known]:
        asked = set(invoice_ids)
        return [
            Known(n.notice_id, n.invoice_id, n.due_on, n.threshold, n.state, n.reason)
            for n in self._t.notices.values()
            if n.invoice_id in asked and n.due_on is not None
        ]

    def known_to_change(self, invoice_ids: Sequence[int], notice_ids: Collection[str] = ()) -> list[Known]:
        by_id = {n.invoice_id for n in self.get(notice_ids).values() if n.due_on is not None}
        asked = set(invoice_ids) | by_id
        return [
            k for k in self.known(list(asked)) if k.invoice_id in invoice_ids or k.notice_id in notice_ids
        ]

    def add(self, notices: Sequence[Notice]) -> None:
        taken = {_key(other) for other in self._t.notices.values()}
        for notice in notices:
            if notice.notice_id in self._t.notices or _key(notice) in taken:
                raise ValueError(f"there is such a notice: {notice}")
            taken.add(_key(notice))
            self._t.notices[notice.notice_id] = replace(notice, not_before=None)
            self._decided(notice, notice.decided_at, notice.not_before)

    def change(self, changes: Sequence[Change], at: datetime) -> None:
        for notice_id, state, reason, detail, as_of, message_id, not_before in changes:
            notice = replace(
                self._t.notices[notice_id],
                state=state,
                reason=reason,
                detail=detail,
                decided_at=at,
                as_of=as_of,
                message_id=message_id,
            )
            self._t.notices[notice_id] = notice
            self._decided(notice, at, not_before)

    def _decided(self, notice: Notice, at: datetime, not_before: datetime | None = None) -> None:
        self._t.hand_over_at.pop(notice.notice_id, None)
        self._t.request_ids[notice.notice_id] = request_id.get()
        if notice.state is State.QUEUED:
            self._t.hand_over_at[notice.notice_id] = not_before or at
        decision = Decision(
            notice.notice_id, notice.threshold, notice.state, notice.reason, notice.detail, at, notice.as_of
        )
        self._t.decisions.append(decision)

    def get(self, notice_ids: Collection[str]) -> dict[str, Notice]:
        return {i: self._t.notices[i] for i in notice_ids if i in self._t.notices}

    def occurred(self, type: NoticeType, occurrences: Collection[str]) -> list[Occurred]:
        found = [n for n in self._t.notices.values() if n.type is type and n.occurrence in occurrences]
        return [
            Occurred(n.notice_id, n.organization_id, n.occurrence, n.state, n.reason)
            for n in sorted(found, key=lambda n: n.notice_id)
        ]

    def add_new(self, notices: Sequence[Notice]) -> int:
        added = 0
        for notice in notices:
            if self.of_occurrence(notice.type, notice.occurrence) is None:
                self.add([notice])
                added += 1
        return added

    def of_occurrence(self, type: NoticeType, occurrence: str) -> Notice | None:
        found = (n for n in self._t.notices.values() if n.type is type and n.occurrence == occurrence)
        return next(found, None)

    def leaving(self, type: NoticeType, organization_ids: Collection[str]) -> list[Leaving]:
        found = [n for n in self._leaving(type) if n.organization_id in organization_ids]
        queued = [n.decided_at for n in found if n.state is State.QUEUED]
        return [
            Leaving(n.notice_id, type, n.organization_id, n.occurrence, n.state, n.decided_at, n.lane)
            for n in found
            if queued and (n.state is State.QUEUED or n.decided_at >= min(queued))
        ]

    def invitations(self, contact_ids: Collection[int]) -> list[Invitation]:
        return [
            Invitation(n.notice_id, n.access.contact_id, n.state, n.campaign_id)
            for n in self._leaving(NoticeType.WELCOME)
            if n.access and n.access.contact_id in contact_ids
        ]

    def _leaving(self, type: NoticeType) -> list[Notice]:
        leaving = (State.QUEUED, State.SENT)
        return [n for n in self._t.notices.values() if n.type is type and n.state in leaving]

    def held(self, after: str, limit: int) -> list[Notice]:
        found = [n for n in self._t.notices.values() if n.state is State.HELD and n.notice_id > after]
        return sorted(found, key=lambda n: n.notice_id)[:limit]

    def page(self, only: NoticeFilter, before: tuple[datetime, str] | None, limit: int) -> list[Notice]:
        found = [
            notice
            for notice in self._t.notices.values()
            if (not only.organization_id or notice.organization_id == only.organization_id)
            and (not only.invoice_number or notice.invoice_number == only.invoice_number)
            and (not only.invoice_id or notice.invoice_id == only.invoice_id)
            and (only.type is None or notice.type is only.type)
            and (only.state is None or notice.state is only.state)
            and (not only.campaign_id or notice.campaign_id == only.campaign_id)
            and (before is None or (notice.decided_at, notice.notice_id) < before)
        ]
        return sorted(found, key=lambda n: (n.decided_at, n.notice_id), reverse=True)[:limit]

    def of_invoice(self, invoice_id: int) -> list[Notice]:
        found = [n for n in self._t.notices.values() if n.invoice_id == invoice_id]
        return sorted(found, key=lambda n: n.notice_id)

    def decisions_on_invoice(self, invoice_id: int) -> list[Decision]:
        return [d for d in self._t.decisions if self._t.notices[d.notice_id].invoice_id == invoice_id]

    def to_hand_over(self, now: datetime, limit: int) -> list[HandOver]:
        lanes = list(Lane)
        waiting = sorted(
            (lanes.index(self._t.notices[i].lane), at, i)
            for i, at in self._t.hand_over_at.items()
            if at <= now
        )
        notices = [self._t.notices[i] for *_, i in waiting[:limit]]
        return [
            HandOver(
                n.notice_id, n.organization_id, n.invoice_number, self._t.request_ids[n.notice_id], n.lane
            )
            for n in notices
        ]

    def claim(self, notice_ids: Sequence[str], *, until: datetime) -> None:
        self._t.hand_over_at |= dict.fromkeys(notice_ids, until)

    def end_claim(self, notice_ids: Sequence[str], *, until: datetime, again_at: datetime) -> None:
        for notice_id in notice_ids:
            if self._t.hand_over_at.get(notice_id) == until:
                self._t.hand_over_at[notice_id] = again_at


def _key(notice: Notice) -> tuple[object, ...]:
    if notice.occurrence:
        return notice.type, notice.occurrence
    return notice.invoice_id, notice.due_on, notice.threshold


class FakeCalendar:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def get(self) -> Calendar:
        return self._t.calendar[0]

    def get_to_change(self) -> Calendar:
        return self.get()

    def put(self, calendar: Calendar) -> None:
        self._t.calendar[0] = calendar


class FakeForecasts:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def get(self) -> Count | None:
        return next(iter(self._t.forecasts), None)

    def put(self, count: Count) -> None:
        self._t.forecasts[:] = [count]

    def version(self) -> int:
        return self._t.versions["forecasts"]

    def outdate(self) -> None:
        self._t.versions["forecasts"] += 1


THIS_PROCESS = "this process"


class FakeLeases:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def take(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        other, expires_at = self._t.leases.get(name, (holder, now))
        if other != holder and expires_at > now:
            return False
        self._t.leases[name] = (holder, until)
        return True

    def renew(self, name: str, holder: str, *, until: datetime) -> bool:
        if self._t.leases.get(name, ("", until))[0] != holder:
            return False
        self._t.leases[name] = (holder, until)
        return True

    def is_held(self, name: str, *, now: datetime) -> bool:
        return name in self._t.leases and self._t.leases[name][1] > now

    def release(self, name: str, holder: str) -> None:
        if self._t.leases.get(name, ("", LONG_AGO))[0] == holder:
            del self._t.leases[name]

    def owners(self) -> set[str]:
        return {THIS_PROCESS} if self._t.leases else set()

    def release_owners(self, owners: Collection[str]) -> None:
        if THIS_PROCESS in owners:
            self._t.leases.clear()


def counting_ids() -> Callable[[], str]:
    """Ids that are no UUIDs but sort and read well."""
    numbers = itertools.count(1)
    return lambda: f"n{next(numbers):06}"

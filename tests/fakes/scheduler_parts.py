"""Parts of the scheduler's store in memory: types, runs by zone, addresses, campaigns."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from services.scheduler.domain import reasons
from services.scheduler.domain.campaigns import Campaign, CampaignState, Outcomes
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import Notice, NoticeType, State
from services.scheduler.ports_emails import RecordedInvoice, Unreachable, Unsubscription, ZoneRun

if TYPE_CHECKING:
    from tests.fakes.scheduler import Tables

_NOBODY = (reasons.NO_ADDRESS, reasons.ADDRESSES_SUPPRESSED)


class FakeEmailTypes:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def get(self, type: NoticeType) -> EmailType:
        return self._t.email_types.get(type, EmailType(type))

    def all(self) -> dict[NoticeType, EmailType]:
        return dict(self._t.email_types)

    def get_to_change(self, type: NoticeType) -> EmailType:
        return self.get(type)

    def put(self, settings: EmailType) -> None:
        if settings.type in self._t.email_types:
            self._t.email_types[settings.type] = settings

    def last_sent(self) -> dict[tuple[NoticeType, int], datetime]:
        return dict(self._t.last_sent)

    def note_sent(self, type: NoticeType, threshold: int, at: datetime) -> None:
        self._t.last_sent[type, threshold] = max(at, self._t.last_sent.get((type, threshold), at))


class FakeZoneRuns:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def all(self) -> dict[str, ZoneRun]:
        return dict(self._t.zone_runs)

    def put(self, runs: Collection[ZoneRun]) -> None:
        self._t.zone_runs |= {run.zone: run for run in runs}

    def forget(self, zones: Collection[str]) -> None:
        for zone in zones:
            self._t.zone_runs.pop(zone, None)


class FakeAddresses:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def unsubscribed(self, type: NoticeType, email_keys: Collection[str]) -> set[str]:
        return {key for key in email_keys if (type, key) in self._t.unsubscriptions}

    def unsubscribe(self, unsubscription: Unsubscription) -> Unsubscription:
        key = (unsubscription.type, unsubscription.email_key)
        return self._t.unsubscriptions.setdefault(key, unsubscription)

    def resubscribe(self, type: NoticeType, email_key: str) -> Unsubscription | None:
        return self._t.unsubscriptions.pop((type, email_key), None)

    def unsubscriptions(self, before: tuple[datetime, str] | None, limit: int) -> list[Unsubscription]:
        found = sorted(
            self._t.unsubscriptions.values(), key=lambda u: (u.created_at, u.email_key), reverse=True
        )
        return [u for u in found if before is None or (u.created_at, u.email_key) < before][:limit]

    def count_unsubscriptions(self) -> int:
        return len(self._t.unsubscriptions)

    def suppressed(self, email_keys: Collection[str]) -> set[str]:
        return {key for key in email_keys if self._t.suppressed.get(key, (None, False))[1]}

    def note_suppressed(self, email_key: str, reason: str, *, suppressed: bool, told_at: datetime) -> None:
        known = self._t.suppressed.get(email_key)
        if known is None or known[0] <= told_at:
            self._t.suppressed[email_key] = (told_at, suppressed)


class FakeUnreached:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def _all(self) -> list[Unreachable]:
        told: dict[str, datetime] = {}
        for n in self._t.notices.values():
            if n.state in (State.QUEUED, State.SENT):
                told[n.organization_id] = max(n.decided_at, told.get(n.organization_id, n.decided_at))
        skipped: defaultdict[str, list[Notice]] = defaultdict(list)
        for n in self._t.notices.values():
            is_newest = n.organization_id not in told or told[n.organization_id] <= n.decided_at
            if n.state is State.SKIPPED and n.reason in _NOBODY and is_newest:
                skipped[n.organization_id].append(n)
        found = [
            Unreachable(
                organization_id,
                max(notices, key=lambda n: (n.decided_at, n.notice_id)).reason,
                len(notices),
                max(n.decided_at for n in notices),
            )
            for organization_id, notices in skipped.items()
        ]
        return sorted(found, key=lambda u: (u.decided_at, u.organization_id), reverse=True)

    def page(self, before: tuple[datetime, str] | None, limit: int) -> list[Unreachable]:
        return [u for u in self._all() if before is None or (u.decided_at, u.organization_id) < before][
            :limit
        ]

    def count(self) -> int:
        return len(self._all())


class FakeRecordedInvoices:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def add(self, recorded: Sequence[RecordedInvoice]) -> None:
        for one in recorded:
            self._t.versions["recorded"] += 1
            number = self._t.versions["recorded"]
            self._t.recorded[number] = one._replace(recorded_id=number)

    def waiting(self, limit: int) -> list[RecordedInvoice]:
        return [one for _, one in sorted(self._t.recorded.items())][:limit]

    def take(self, recorded_ids: Collection[int]) -> list[RecordedInvoice]:
        return [self._t.recorded.pop(number) for number in sorted(recorded_ids) if number in self._t.recorded]


class FakeCampaigns:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def add(self, campaign: Campaign) -> bool:
        if campaign.campaign_id in self._t.campaigns:
            return False
        self._t.campaigns[campaign.campaign_id] = campaign
        return True

    def get(self, campaign_id: str) -> Campaign | None:
        return self._t.campaigns.get(campaign_id)

    def put(self, campaign: Campaign) -> None:
        self._t.campaigns[campaign.campaign_id] = campaign

    def newest(self, type: NoticeType | None, limit: int) -> list[Campaign]:
        found = [c for c in self._t.campaigns.values() if type is None or c.type is type]
        return sorted(found, key=lambda c: (c.started_at, c.campaign_id), reverse=True)[:limit]

    def running(self) -> list[Campaign]:
        found = [c for c in self._t.campaigns.values() if c.state is CampaignState.RUNNING]
        return sorted(found, key=lambda c: c.started_at)

    def lock_starts(self) -> None:
        """Only one writes at a time."""

    def to_withdraw(self, limit: int) -> list[str]:
        found = (
            n.notice_id
            for n in self._t.notices.values()
            if n.state is State.QUEUED
            and n.campaign_id in self._t.campaigns
            and self._t.campaigns[n.campaign_id].state is CampaignState.CANCELLED
        )
        return sorted(found)[:limit]

    def outcomes(self, campaign_ids: Collection[str]) -> dict[str, Outcomes]:
        counts = Counter((n.campaign_id, n.state) for n in self._t.notices.values() if n.campaign_id)
        return {
            i: Outcomes(
                counts[i, State.QUEUED],
                counts[i, State.SENT],
                counts[i, State.SKIPPED],
                counts[i, State.FAILED],
            )
            for i in campaign_ids
        }

    def among(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        return {i: self._t.campaigns[i] for i in campaign_ids if i in self._t.campaigns}

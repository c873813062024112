"""Campaigns, and how their notices stand."""

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, select, text, update

from services.scheduler.domain.campaigns import (
    Audience,
    Campaign,
    CampaignState,
    ContactAudience,
    DebtorAudience,
    Outcomes,
)
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.repository.bulk import is_one_of
from services.scheduler.tables import campaigns, notices
from services.shared.upserts import insert_ignoring

_c = campaigns.c


class SqlCampaigns:
    """Implements `ports.Campaigns`."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks

    def add(self, campaign: Campaign) -> bool:
        """Adds it; False if there is one of that id."""
        return insert_ignoring(self._connection, campaigns, [_row(campaign)], conflict=["campaign_id"]) == 1

    def get(self, campaign_id: str) -> Campaign | None:
        """The campaign, if there is one."""
        query = select(campaigns).where(_c.campaign_id == campaign_id)
        query = query.with_for_update() if self._locks else query
        row = self._connection.execute(query).first()
        return None if row is None else _campaign(row)

    def put(self, campaign: Campaign) -> None:
        """Replaces it."""
        change = update(campaigns).where(_c.campaign_id == campaign.campaign_id)
        self._connection.execute(change.values(_row(campaign)))

    def newest(self, type: NoticeType | None, limit: int) -> list[Campaign]:
        """The newest first."""
        query = select(campaigns).order_by(_c.started_at.desc(), _c.campaign_id.desc()).limit(limit)
        query = query.where(_c.type == type.value) if type else query
        return [_campaign(row) for row in self._connection.execute(query)]

    def running(self) -> list[Campaign]:
        """Those that are at work, the oldest first."""
        query = select(campaigns).where(_c.state == CampaignState.RUNNING.value)
        return [_campaign(row) for row in self._connection.execute(query.order_by(_c.started_at))]

    def lock_starts(self) -> None:
        """Lets others who do this wait until the end of this transaction."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE campaigns IN SHARE ROW EXCLUSIVE MODE"))

    def to_withdraw(self, limit: int) -> list[str]:
        """The ids of up to `limit` notices of cancelled campaigns that are still queued; locked."""
        n = notices.c
        cancelled = select(_c.campaign_id).where(_c.state == CampaignState.CANCELLED.value)
        query = select(n.notice_id).where(n.state == State.QUEUED.value, n.campaign_id.is_not(None))
        query = query.where(n.campaign_id.in_(cancelled)).order_by(n.notice_id).limit(limit)
        query = query.with_for_update(of=notices) if self._locks else query
        return list(self._connection.execute(query).scalars())

    def outcomes(self, campaign_ids: Collection[str]) -> dict[str, Outcomes]:
        """How many of their notices stand where."""
        n = notices.c
        query = select(n.campaign_id, n.state, func.count()).group_by(n.campaign_id, n.state)
        query = query.where(
            n.campaign_id.is_not(None), is_one_of(self._connection, n.campaign_id, campaign_ids)
        )
        counts: dict[str, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
        for campaign_id, state, count in self._connection.execute(query):
            counts[campaign_id][state] = count
        return {campaign_id: _outcomes(found) for campaign_id, found in counts.items()}

    def among(self, campaign_ids: Collection[str]) -> dict[str, Campaign]:
        """Those that exist among these, by id; nothing is locked."""
        if not campaign_ids:
            return {}
        query = select(campaigns).where(is_one_of(self._connection, _c.campaign_id, campaign_ids))
        return {row.campaign_id: _campaign(row) for row in self._connection.execute(query)}


def _outcomes(counts: dict[str, int]) -> Outcomes:
    return Outcomes(
        queued=counts.get(State.QUEUED, 0),
        sent=counts.get(State.SENT, 0),
        skipped=counts.get(State.SKIPPED, 0),
        failed=counts.get(State.FAILED, 0),
    )


def _row(campaign: Campaign) -> dict[str, Any]:
    return {
        "campaign_id": campaign.campaign_id,
        "type": campaign.type.value,
        "audience": json.dumps(asdict(campaign.audience), ensure_ascii=False),
        "state": campaign.state.value,
        "total": campaign.total,
        "examined": campaign.examined,
        "after": campaign.after,
        "started_at": campaign.started_at,
        "started_by": campaign.started_by,
        "ended_at": campaign.ended_at,
    }


def _campaign(row: Any) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        audience=_audience(row.type, json.loads(row.audience)),
        total=row.total,
        started_at=row.started_at,
        started_by=row.started_by,
        state=CampaignState(row.state),
        examined=row.examined,
        after=row.after,
        ended_at=row.ended_at,
    )


def _audience(type: str, told: dict[str, Any]) -> Audience:
    if type != NoticeType.WELCOME.value:
        return DebtorAudience()
    lists = {name: tuple(told[name]) for name in ("without_types", "without_statuses")}
    return ContactAudience(**told | lists)

"""Notices that were sent or are on their way."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, select

from services.scheduler.domain.notice import Invitation, Lane, Leaving, NoticeType, State
from services.scheduler.repository.bulk import is_one_of
from services.scheduler.tables import IS_INVITATION, IS_REPEATED, notices

_n = notices.c
_LEAVES = _n.state.in_([State.QUEUED.value, State.SENT.value])


def of_repeated(connection: Connection, type: NoticeType, organization_ids: Collection[str]) -> list[Leaving]:
    """Those that are queued, and those that were sent since the first of them was decided.

    The queued are read first: one that is sent between the two questions is found by either.
    """
    if not organization_ids:
        return []
    columns = (_n.notice_id, _n.organization_id, _n.occurrence, _n.state, _n.decided_at, _n.lane)
    query = select(*columns).where(IS_REPEATED, _n.type == type.value)
    query = query.where(is_one_of(connection, _n.organization_id, organization_ids))

    def read(query: Select[Any]) -> dict[str, Leaving]:
        return {
            row.notice_id: Leaving(
                row.notice_id,
                type,
                row.organization_id,
                row.occurrence,
                State(row.state),
                row.decided_at,
                Lane(row.lane),
            )
            for row in connection.execute(query)
        }

    queued = read(query.where(_n.state == State.QUEUED.value))
    if not queued:
        return []
    since = min(one.decided_at for one in queued.values())
    sent = read(query.where(_n.state == State.SENT.value, _n.decided_at >= since))
    return list((queued | sent).values())


def invitations(connection: Connection, contact_ids: Collection[int]) -> list[Invitation]:
    """The invitations to them."""
    if not contact_ids:
        return []
    query = select(_n.notice_id, _n.contact_id, _n.state, _n.campaign_id).where(IS_INVITATION, _LEAVES)
    query = query.where(is_one_of(connection, _n.contact_id, contact_ids))
    return [
        Invitation(notice_id, contact_id, State(state), campaign_id or "")
        for notice_id, contact_id, state, campaign_id in connection.execute(query)
    ]

"""Notices that were sent or are on their way, organization by organization."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from services.scheduler.domain.about import Access
from services.scheduler.domain.notice import Invitation, NoticeType, Occurred, State
from services.scheduler.repository.abouts import from_json
from services.scheduler.repository.bulk import is_one_of
from services.scheduler.tables import IS_INVITATION, IS_REPEATED, notices

_n = notices.c
_LEAVES = _n.state.in_([State.QUEUED.value, State.SENT.value])


def newer(
    connection: Connection, type: NoticeType, organization_ids: Collection[str], than: str
) -> list[Occurred]:
    """Those of a repeated type with an id larger than that."""
    if not organization_ids:
        return []
    query = select(_n.notice_id, _n.organization_id, _n.occurrence, _n.state, _n.reason)
    query = query.where(IS_REPEATED, _n.type == type.value, _n.notice_id > than, _LEAVES)
    query = query.where(is_one_of(connection, _n.organization_id, organization_ids))
    return [
        Occurred(notice_id, organization_id, occurrence, State(state), reason)
        for notice_id, organization_id, occurrence, state, reason in connection.execute(query)
    ]


def invitations(connection: Connection, organization_ids: Collection[str]) -> list[Invitation]:
    """The invitations to their contacts."""
    if not organization_ids:
        return []
    query = select(_n.notice_id, _n.about, _n.state, _n.campaign_id).where(IS_INVITATION, _LEAVES)
    query = query.where(is_one_of(connection, _n.organization_id, organization_ids))
    found = [(row, from_json(row.about)) for row in connection.execute(query)]
    return [
        Invitation(row.notice_id, about.contact_id, State(row.state), row.campaign_id or "")
        for row, about in found
        if isinstance(about, Access)
    ]

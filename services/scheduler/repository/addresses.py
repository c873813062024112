"""Addresses that get no mail, or not of every type, and organizations that cannot be told anything."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    delete,
    exists,
    func,
    select,
    tuple_,
    update,
)

from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.ports_emails import Unreachable, Unsubscription
from services.scheduler.repository.bulk import is_one_of
from services.scheduler.tables import NOBODY_TO_TELL, notices, unsubscriptions
from services.scheduler.tables import suppressed as _suppressed
from services.shared.upserts import insert_ignoring

_u = unsubscriptions.c
_n = notices.c


class SqlAddresses:
    """Implements `ports.Addresses`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unsubscribed(self, type: NoticeType, email_keys: Collection[str]) -> set[str]:
        """Which of these want no more of the type."""
        if not email_keys:
            return set()
        query = select(_u.email_key).where(_u.type == type.value)
        query = query.where(is_one_of(self._connection, _u.email_key, email_keys))
        return set(self._connection.execute(query).scalars())

    def unsubscribe(self, unsubscription: Unsubscription) -> Unsubscription:
        """Adds it; returns the one that holds."""
        row = unsubscription._asdict() | {"type": unsubscription.type.value}
        insert_ignoring(self._connection, unsubscriptions, [row], conflict=["type", "email_key"])
        found = self._connection.execute(_of(unsubscription.type, unsubscription.email_key)).one()
        return _unsubscription(found)

    def resubscribe(self, type: NoticeType, email_key: str) -> Unsubscription | None:
        """Removes it and returns it as it was."""
        row = self._connection.execute(_of(type, email_key).with_for_update()).first()
        if row is None:
            return None
        self._connection.execute(
            delete(unsubscriptions).where(_u.type == type.value, _u.email_key == email_key)
        )
        return _unsubscription(row)

    def unsubscriptions(self, before: tuple[datetime, str] | None, limit: int) -> list[Unsubscription]:
        """Up to `limit` of them, the newest first."""
        query = select(unsubscriptions)
        if before:
            query = query.where(tuple_(_u.created_at, _u.email_key) < tuple_(*before))
        query = query.order_by(_u.created_at.desc(), _u.email_key.desc()).limit(limit)
        return [_unsubscription(row) for row in self._connection.execute(query)]

    def count_unsubscriptions(self) -> int:
        """How many there are."""
        return self._connection.execute(select(func.count()).select_from(unsubscriptions)).scalar_one()

    def suppressed(self, email_keys: Collection[str]) -> set[str]:
        """Which of these get no mail at all."""
        if not email_keys:
            return set()
        query = select(_suppressed.c.email_key).where(_suppressed.c.is_suppressed)
        query = query.where(is_one_of(self._connection, _suppressed.c.email_key, email_keys))
        return set(self._connection.execute(query).scalars())

    def note_suppressed(self, email_key: str, reason: str, *, suppressed: bool, told_at: datetime) -> None:
        """Remembers what the mailer told, unless it told something later."""
        said = {"reason": reason, "told_at": told_at, "is_suppressed": suppressed}
        row, s = {"email_key": email_key} | said, _suppressed.c
        if not insert_ignoring(self._connection, _suppressed, [row], conflict=["email_key"]):
            older = update(_suppressed).where(s.email_key == email_key, s.told_at <= told_at)
            self._connection.execute(older.values(said))


def _of(type: NoticeType, email_key: str) -> Select[Any]:
    return select(unsubscriptions).where(_u.type == type.value, _u.email_key == email_key)


def _unsubscription(row: Any) -> Unsubscription:
    return Unsubscription(NoticeType(row.type), row.email_key, row.email, row.created_at, row.notice_id)


_told = notices.alias("told")
_newest = func.max(_n.decided_at).label("newest")
_UNREACHED = (
    select(_n.organization_id, func.count().label("notices"), _newest)
    .where(
        NOBODY_TO_TELL,
        ~exists().where(
            and_(
                _told.c.organization_id == _n.organization_id,
                _told.c.state.in_([State.QUEUED.value, State.SENT.value]),
                _told.c.decided_at > _n.decided_at,
            )
        ),
    )
    .group_by(_n.organization_id)
)


def _reason_of(found: Subquery) -> ScalarSelect[Any]:
    """What the newest of an organization's notices says."""
    query = select(_n.reason).where(NOBODY_TO_TELL, _n.organization_id == found.c.organization_id)
    query = query.where(_n.decided_at == found.c.newest).order_by(_n.notice_id.desc()).limit(1)
    return query.correlate(found).scalar_subquery()


class SqlUnreached:
    """Implements `ports.Unreached`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, before: tuple[datetime, str] | None, limit: int) -> list[Unreachable]:
        """Up to `limit` of them, the newest first."""
        found = _UNREACHED.subquery()
        query = select(found.c.organization_id, _reason_of(found), found.c.notices, found.c.newest)
        if before:
            query = query.where(tuple_(found.c.newest, found.c.organization_id) < tuple_(*before))
        query = query.order_by(found.c.newest.desc(), found.c.organization_id.desc()).limit(limit)
        return [Unreachable(*row) for row in self._connection.execute(query)]

    def count(self) -> int:
        """How many there are."""
        found = _UNREACHED.subquery()
        return self._connection.execute(select(func.count()).select_from(found)).scalar_one()

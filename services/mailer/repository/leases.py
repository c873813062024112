"""Leases: which worker deals with which messages, and until when."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    literal_column,
    select,
    union_all,
    update,
)

from services.mailer.domain.message import Claimed, Lane, State
from services.mailer.repository.queue_rows import claimed
from services.mailer.tables import messages, sending

m = messages.c

Rows = Mapping[int, Any]
"""Rows of messages by their keys."""

BACK = {
    "state": case((m.tried_at.is_not(None), State.DEFERRED.value), else_=State.QUEUED.value),
    "lease_owner": None,
}

_PAST = (m.attempts, m.drops, m.tried_at, m.waits_for_review, m.put_off_for, m.request_id)
_LIMITS = (m.lane, m.counted_on, m.in_line, m.test_by)
_IS_STOPPED = select(sending.c.stopped_at.is_not(None)).scalar_subquery().label("is_stopped")
_IN_ORDER = (
    select(m.id, m.state, m.lease_owner, m.asked_at, _IS_STOPPED)
    .where(m.id.in_(bindparam("keys", expanding=True)))
    .order_by(m.id)
    .with_for_update()
)


class SqlLeases:
    """The part of `ports.Messages` that gives and ends leases, and what changes messages under one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(
        self,
        owner: str,
        at: datetime,
        until: datetime,
        limit: int,
        *,
        abandoned: bool = True,
        lanes: Collection[Lane] = tuple(Lane),
        counted_on: date | None = None,
    ) -> list[Claimed]:
        """Locks what it reads, so that rivals on PostgreSQL skip it; SQLite has one writer anyway.

        Each lane is asked on its own, so that the index gives what is due and nothing else; those behind one
        that fills the limit are not asked at all.
        """
        due = [m.due_at.is_not(None), m.due_at <= at, *(() if abandoned else (m.lease_owner.is_(None),))]
        # Written out: as a value, the plan would have to serve any lane.
        asked = [_due(limit, m.lane == literal_column(str(lane.value)), *due) for lane in sorted(lanes)]
        if counted_on is not None:
            counted = m.counted_on == counted_on.isoformat()
            asked.append(
                _due(limit, m.lane.not_in([lane.value for lane in lanes]), counted, m.counted_on != "", *due)
            )
        if not asked:
            return []
        rows = self._connection.execute(union_all(*asked).limit(limit)).all()
        self._change([row.id for row in rows], state=State.SENDING.value, lease_owner=owner, due_at=until)
        return [claimed(row, owner) for row in rows]

    def renew(self, batch: Sequence[Claimed], until: datetime) -> int:
        """Only of what is still held."""
        return len(self._renewed(batch, until))

    def release(self, batch: Sequence[Claimed], at: datetime) -> None:
        """Due at once, as it was before."""
        self._change(self._held(batch), **BACK, due_at=at)

    def owners(self) -> list[str]:
        """Who holds leases; found through the index of leases."""
        query = select(m.lease_owner).where(m.lease_owner.is_not(None)).distinct()
        return [str(owner) for owner in self._connection.execute(query).scalars()]

    def release_owners(self, owners: Sequence[str], at: datetime) -> int:
        """Due at once, as before the claim."""
        held = [row.id for row in self._locked(m.lease_owner.in_(owners))]
        self._change(held, **BACK, due_at=at)
        return len(held)

    def _locked(self, which: ColumnElement[bool]) -> Sequence[Row[Any, Any, Any, Any]]:
        query = select(m.id, m.state, m.lease_owner, m.asked_at).where(which)
        return self._connection.execute(query.order_by(m.id).with_for_update()).all()

    def _by_key(self, batch: Sequence[Claimed]) -> Rows:
        """The rows of these, locked."""
        found = self._connection.execute(_IN_ORDER, {"keys": [message.key for message in batch]})
        return {row.id: row for row in found}

    def _held(self, batch: Sequence[Claimed]) -> set[int]:
        """The keys, locked, of those whose lease has not passed to another worker."""
        if not batch:
            return set()
        rows = self._by_key(batch)
        return {message.key for message in batch if is_held(rows, message)}

    def _renewed(self, batch: Sequence[Claimed], until: datetime) -> set[int]:
        held = self._held(batch)
        self._change(held, due_at=until)
        return held

    def _change(self, keys: Collection[int], **values: Any) -> None:
        if keys:
            self._connection.execute(update(messages).where(m.id.in_(keys)).values(**values))


def _due(limit: int, *which: ColumnElement[bool]) -> Select[Any]:
    """What is due of these, locked unless others have it."""
    found = select(m.id, m.notice_id, m.message_id, m.asked_at, *_PAST, *_LIMITS).where(*which)
    return select(found.order_by(m.due_at, m.id).limit(limit).with_for_update(skip_locked=True).subquery())


def is_held(rows: Rows, message: Claimed) -> bool:
    row = rows[message.key]
    return bool(row.lease_owner == message.owner and row.state == State.SENDING.value)

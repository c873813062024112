"""Messages: the queue with its leases, and the history that is only ever added to."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, insert, or_, select, update

from services.mailer.domain.delivery import Later
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import Claimed, Event, EventKind, Message, Rendered, Request, State
from services.mailer.domain.templates import TemplateType
from services.mailer.ports import Filter
from services.mailer.tables import message_bodies, message_events, messages
from services.shared.database import upsert

m = messages.c

_FRESH: dict[str, Any] = {
    "state": State.QUEUED.value,
    "lease_owner": None,
    "attempts": 0,
    "drops": 0,
    "tried_at": None,
    "waits_for_review": False,
}
_BACK = {
    "state": case((m.tried_at.is_not(None), State.DEFERRED.value), else_=State.QUEUED.value),
    "lease_owner": None,
}
_FINAL: dict[str, Any] = {"due_at": None, "lease_owner": None}


class SqlMessages:
    """See `ports.Messages`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def accept(self, requests: Sequence[Request], domain: str, at: datetime) -> int:
        """The unique notice id decides what is new."""
        if not requests:
            return 0
        ids = [request.notice_id for request in requests]
        statement = upsert(self._connection, messages).on_conflict_do_nothing(index_elements=["notice_id"])
        rows = [_new_row(request, domain, at) for request in requests]
        new = self._connection.execute(statement.returning(m.id), rows).scalars().all()
        withheld = m.notice_id.in_(ids) & (m.state == State.WITHHELD.value)
        again = update(messages).where(withheld).values(**_FRESH, due_at=at, asked_at=at).returning(m.id)
        queued = [*new, *self._connection.execute(again).scalars().all()]
        # One whose second look is under way: should that say no, it was asked for again in the meantime.
        under_way = m.notice_id.in_(ids) & (m.state == State.SENDING.value)
        self._connection.execute(update(messages).where(under_way).values(asked_at=at))
        if queued:
            kinds = (EventKind.QUEUE_TRIGGERED, EventKind.QUEUED)
            self._add_events([_event(key, kind, at) for key in sorted(queued) for kind in kinds])
        return len(queued)

    def claim(self, owner: str, at: datetime, until: datetime, limit: int) -> list[Claimed]:
        """Locks what it reads, so that rivals on PostgreSQL skip it; SQLite has one writer anyway."""
        due = (
            select(m.id, m.notice_id, m.message_id, m.attempts, m.drops, m.tried_at, m.waits_for_review)
            .where(m.due_at <= at)
            .order_by(m.due_at, m.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = [Claimed(*row) for row in self._connection.execute(due)]
        if claimed:
            lease = {"state": State.SENDING.value, "lease_owner": owner, "due_at": until}
            keys = m.id.in_([message.key for message in claimed])
            self._connection.execute(update(messages).where(keys).values(**lease))
        return claimed

    def processed(
        self, message: Claimed, owner: str, rendered: Rendered, at: datetime, until: datetime
    ) -> bool:
        """The mail, its event and the renewed lease in one transaction."""
        values = {
            "type": rendered.type.value,
            "template_version": rendered.template_version,
            "recipients": "\n".join(rendered.recipients),
            "subject": rendered.subject,
            "due_at": until,
            "waits_for_review": False,
        }
        if not self._leave(message, owner, values):
            return False
        # The fastest level: it is on the way of every mail, and base64 and styles shrink well with it too.
        body = {"message": message.key, "mime": zlib.compress(rendered.mime, 1)}
        self._connection.execute(insert(message_bodies), [body])
        self._add_events([_event(message.key, EventKind.PROCESSED, at)])
        return True

    def sent(self, message: Claimed, detail: str, at: datetime) -> bool:
        """What the server has taken is sent, even if the lease was lost meanwhile."""
        values = {"state": State.SENT.value, "sent_at": at, **_FINAL}
        mine = (m.id == message.key) & (m.state != State.SENT.value)
        changed = self._connection.execute(update(messages).where(mine).values(**values)).rowcount
        self._add_events([_event(message.key, EventKind.SENT, at, detail)])
        return changed == 1

    def later(self, message: Claimed, owner: str, outcome: Later, at: datetime) -> bool:
        """Deferred, with the counts that decide the next pause."""
        values = {
            "state": State.DEFERRED.value,
            "due_at": outcome.at,
            "attempts": outcome.past.attempts,
            "drops": outcome.past.drops,
            "tried_at": outcome.past.tried_at,
            "lease_owner": None,
        }
        return self._end(message, owner, values, _event(message.key, EventKind.DEFERRED, at, outcome.detail))

    def failed(self, message: Claimed, owner: str, detail: str, at: datetime) -> bool:
        """Given up."""
        values = {"state": State.FAILED.value, **_FINAL}
        return self._end(message, owner, values, _event(message.key, EventKind.FAILED, at, detail))

    def withhold(
        self, message: Claimed, owner: str, why: Withheld, reviewed_at: datetime, at: datetime
    ) -> bool:
        """Either out of the queue, or back into it if the scheduler has changed its mind since."""
        asked_again = m.asked_at > reviewed_at
        values = {
            "state": case((asked_again, State.QUEUED.value), else_=State.WITHHELD.value),
            "due_at": case((asked_again, m.due_at), else_=None),
            "lease_owner": None,
        }
        detail = f"{why.reason}: {why.explanation}" if why.explanation else why.reason
        if not self._end(message, owner, values, _event(message.key, EventKind.WITHHELD, at, detail)):
            return False
        again = (m.id == message.key) & (m.state == State.QUEUED.value)
        if self._connection.execute(update(messages).where(again).values(due_at=at)).rowcount:
            kinds = (EventKind.QUEUE_TRIGGERED, EventKind.QUEUED)
            self._add_events([_event(message.key, kind, at) for kind in kinds])
        return True

    def await_review(
        self, batch: Sequence[Claimed], owner: str, why: str, due_at: datetime, at: datetime
    ) -> None:
        """Back into the queue, with an event for those whose history does not say so yet."""
        told = [message.key for message in batch if message.waits_for_review]
        for message in batch:
            if message.key not in told and self._leave(message, owner, {"waits_for_review": True}):
                self._add_events([_event(message.key, EventKind.DEFERRED, at, why)])
        values = {**_BACK, "due_at": due_at}
        self._connection.execute(update(messages).where(_held(batch, owner)).values(**values))

    def release(self, batch: Sequence[Claimed], owner: str, at: datetime) -> None:
        """Due at once, as it was before."""
        self._connection.execute(update(messages).where(_held(batch, owner)).values(**_BACK, due_at=at))

    def owners(self) -> list[str]:
        """Who holds leases; found through the index of what is active."""
        query = select(m.lease_owner).where(m.due_at.is_not(None), m.lease_owner.is_not(None)).distinct()
        return [str(owner) for owner in self._connection.execute(query).scalars()]

    def release_owners(self, owners: Sequence[str], at: datetime) -> int:
        """Due at once, as before the claim."""
        held = m.due_at.is_not(None) & m.lease_owner.in_(owners)
        values = {**_BACK, "due_at": at}
        return self._connection.execute(update(messages).where(held).values(**values)).rowcount

    def page(self, wanted: Filter, before: int | None, limit: int) -> list[tuple[int, Message]]:
        """Two queries: the messages, and all their events."""
        query = _filtered(select(messages), wanted)
        if before is not None:
            query = query.where(m.id < before)
        rows = self._connection.execute(query.order_by(m.id.desc()).limit(limit)).all()
        events = self._events([row.id for row in rows])
        return [(row.id, _message(row, events.get(row.id, ()))) for row in rows]

    def get(self, notice_id: str) -> Message | None:
        """One message with its events."""
        row = self._connection.execute(select(messages).where(m.notice_id == notice_id)).first()
        return _message(row, self._events([row.id]).get(row.id, ())) if row else None

    def mime(self, notice_id: str) -> bytes | None:
        """The newest mail written for it."""
        b = message_bodies.c
        query = select(b.mime).join(messages, m.id == b.message).where(m.notice_id == notice_id)
        stored = self._connection.execute(query.order_by(b.id.desc()).limit(1)).scalar()
        return None if stored is None else zlib.decompress(stored)

    def counts(self, since: datetime, until: datetime) -> dict[State, int]:
        """Answered from an index alone."""
        span = (m.created_at >= since) & (m.created_at < until)
        query = select(m.state, func.count()).where(span).group_by(m.state)
        return {State(state): count for state, count in self._connection.execute(query)}

    def _leave(self, message: Claimed, owner: str, values: dict[str, Any]) -> bool:
        """Changes the row if the lease is ours; the database checks that in the same statement."""
        statement = update(messages).where(_held([message], owner)).values(**values)
        return self._connection.execute(statement).rowcount == 1

    def _end(self, message: Claimed, owner: str, values: dict[str, Any], event: dict[str, Any]) -> bool:
        if not self._leave(message, owner, values):
            return False
        self._add_events([event])
        return True

    def _add_events(self, rows: list[dict[str, Any]]) -> None:
        self._connection.execute(insert(message_events), rows)

    def _events(self, keys: Sequence[int]) -> dict[int, tuple[Event, ...]]:
        e = message_events.c
        query = select(message_events).where(e.message.in_(keys)).order_by(e.id)
        found: dict[int, tuple[Event, ...]] = {}
        for row in self._connection.execute(query):
            event = Event(EventKind(row.kind), row.occurred_at, row.detail)
            found[row.message] = (*found.get(row.message, ()), event)
        return found


def _held(batch: Sequence[Claimed], owner: str) -> ColumnElement[bool]:
    keys = m.id.in_([message.key for message in batch])
    return keys & (m.lease_owner == owner) & (m.state == State.SENDING.value)


def _new_row(request: Request, domain: str, at: datetime) -> dict[str, Any]:
    return {
        **_FRESH,
        "notice_id": request.notice_id,
        "message_id": f"<{request.notice_id}@{domain}>",
        "organization_id": request.organization_id,
        "invoice_number": request.invoice_number,
        "template_version": 0,
        "recipients": "",
        "subject": "",
        "created_at": at,
        "asked_at": at,
        "due_at": at,
    }


def _event(key: int, kind: EventKind, at: datetime, detail: str = "") -> dict[str, Any]:
    return {"message": key, "kind": kind.value, "occurred_at": at, "detail": detail[:2000]}


def _filtered(query: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.organization_id:
        query = query.where(m.organization_id == wanted.organization_id)
    if wanted.state:
        query = query.where(m.state == wanted.state.value)
    if wanted.query:
        columns = (m.recipients, m.subject, m.invoice_number)
        query = query.where(or_(*(column.icontains(wanted.query, autoescape=True) for column in columns)))
    return query


def _message(row: Row[Any], events: tuple[Event, ...]) -> Message:
    return Message(
        notice_id=row.notice_id,
        message_id=row.message_id,
        organization_id=row.organization_id,
        invoice_number=row.invoice_number,
        state=State(row.state),
        created_at=row.created_at,
        sent_at=row.sent_at,
        type=TemplateType(row.type) if row.type else None,
        template_version=row.template_version,
        recipients=tuple(row.recipients.split("\n")) if row.recipients else (),
        subject=row.subject,
        events=events,
    )

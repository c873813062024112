"""The history: messages with their events, listed, counted and shown."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select

from services.mailer.domain.message import Event, EventKind, Message, State
from services.mailer.domain.templates import TemplateType
from services.mailer.ports import Filter
from services.mailer.tables import message_bodies, message_events, messages

m = messages.c


class SqlHistory:
    """The part of `ports.Messages` that reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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

    def _events(self, keys: Sequence[int]) -> dict[int, tuple[Event, ...]]:
        e = message_events.c
        query = select(message_events).where(e.message.in_(keys)).order_by(e.id)
        found: dict[int, tuple[Event, ...]] = {}
        for row in self._connection.execute(query):
            event = Event(EventKind(row.kind), row.occurred_at, row.detail)
            found[row.message] = (*found.get(row.message, ()), event)
        return found


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

"""The history: messages with their events, listed, counted and shown."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select, text

from services.mailer.domain.message import Event, EventKind, Message, State
from services.mailer.domain.templates import TemplateType
from services.mailer.ports import Filter
from services.mailer.ports_sending import Addressed
from services.mailer.repository.bulk import insert_rows
from services.mailer.repository.queue_rows import event
from services.mailer.tables import message_bodies, message_events, messages

m = messages.c

MOST_SEARCHED = 50_000
"""Messages that one page of a search looks through without an index; the next page goes on from there."""

SEARCHED_FIRST = 2_000
"""Messages that a search looks through before it asks the index."""

SHORTEST_WORD = 3
"""What the index can find; it knows words by their three letters in a row."""

# As the index "messages_by_words" has it. No search holds a line end, so nothing is found across two of them.
_LINE_END: ColumnElement[str] = literal_column("'\n'")
_WORDS = m.recipients + _LINE_END + m.subject + _LINE_END + m.invoice_number


class SqlHistory:
    """The part of `ports.Messages` that reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, wanted: Filter, before: int | None, limit: int) -> tuple[list[Message], int | None]:
        """Two queries: the messages, and all their events; some more for a search."""
        scope = _scope(wanted, before)
        if wanted.query:
            rows, stop = self._search(scope, wanted.query, limit + 1)
        else:
            rows, stop = self._newest(scope, limit + 1), None
        rest = rows[limit - 1].id if len(rows) > limit else stop
        events = self._events([row.id for row in rows[:limit]])
        return [_message(row, events.get(row.id, ())) for row in rows[:limit]], rest

    def _newest(self, where: Sequence[ColumnElement[bool]], limit: int) -> Sequence[Row[Any]]:
        return self._connection.execute(
            select(messages).where(*where).order_by(m.id.desc()).limit(limit)
        ).all()

    def _search(
        self, scope: Sequence[ColumnElement[bool]], query: str, limit: int
    ) -> tuple[Sequence[Row[Any]], int | None]:
        """What is found, and the last message that was looked at if there are more behind it.

        A word that many mails have is found among the newest, without an index; a rare one by the index.
        """
        told = _told(query)
        has_index = len(query) >= SHORTEST_WORD and self._has_words()
        stop = self._stop(scope, SEARCHED_FIRST if has_index else MOST_SEARCHED)
        near = [*scope, told] if stop is None else [*scope, told, m.id >= stop]
        rows = self._newest(near, limit)
        if not has_index or stop is None or len(rows) == limit:
            return rows, stop
        # On its own, so that nobody thinks of reading all messages in order until enough are found.
        found = select(m.id).where(*scope, told).cte("found").prefix_with("MATERIALIZED")
        newest = select(found.c.id).order_by(found.c.id.desc()).limit(limit)
        return self._newest([m.id.in_(newest)], limit), None

    def _has_words(self) -> bool:
        if self._connection.dialect.name != "postgresql":
            return False
        return bool(self._connection.scalar(text("SELECT to_regclass('messages_by_words') IS NOT NULL")))

    def _stop(self, scope: Sequence[ColumnElement[bool]], most: int) -> int | None:
        """The last of so many messages; None if there are fewer."""
        query = select(m.id).where(*scope).order_by(m.id.desc()).offset(most - 1).limit(1)
        return self._connection.execute(query).scalar_one_or_none()

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

    def addressed(self, key: int) -> Addressed | None:
        """By its primary key."""
        query = select(m.notice_id, m.state, m.recipients, m.sent_at).where(m.id == key)
        row = self._connection.execute(query).first()
        if row is None:
            return None
        recipients = tuple(row.recipients.split("\n")) if row.recipients else ()
        return Addressed(key, row.notice_id, State(row.state), recipients, row.sent_at)

    def tell(self, key: int, kind: EventKind, at: datetime, detail: str) -> None:
        """One row."""
        insert_rows(self._connection, message_events, [event(key, kind, at, detail)])

    def counts(self, since: datetime, until: datetime) -> dict[State, int]:
        """Answered from an index alone; tests do not count."""
        span = (m.created_at >= since) & (m.created_at < until) & (m.test_by == "")
        query = select(m.state, func.count()).where(span).group_by(m.state)
        return {State(state): count for state, count in self._connection.execute(query)}

    def _events(self, keys: Sequence[int]) -> dict[int, tuple[Event, ...]]:
        e = message_events.c
        query = select(message_events).where(e.message.in_(keys)).order_by(e.id)
        found: dict[int, tuple[Event, ...]] = {}
        for row in self._connection.execute(query):
            told = Event(EventKind(row.kind), row.occurred_at, row.detail)
            found[row.message] = (*found.get(row.message, ()), told)
        return found


def _scope(wanted: Filter, before: int | None) -> list[ColumnElement[bool]]:
    """What an index finds. The conditions that add nothing tell which one."""
    scope: list[ColumnElement[bool]] = [] if before is None else [m.id < before]
    if wanted.organization_id:
        scope.append(m.organization_id == wanted.organization_id)
    if wanted.state:
        scope.append(m.state == wanted.state.value)
    if wanted.state is State.QUEUED:
        scope.append(m.due_at.is_not(None))
    if wanted.state is State.SENDING:
        scope.append(m.lease_owner.is_not(None))
    return scope


def _told(query: str) -> ColumnElement[bool]:
    return _WORDS.icontains(query, autoescape=True)


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
        language=row.language,
        threshold_days=row.threshold_days,
        test_by=row.test_by,
    )

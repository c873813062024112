"""The queue: what becomes of messages that wait.

On PostgreSQL every transaction that touches several messages locks them first, in the order of their keys:
so none waits for another one in a circle, and what it then reads of them is what it changes.
"""

import zlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from services.mailer.domain.delivery import Later, Sent
from services.mailer.domain.letter import NotYet, Withheld
from services.mailer.domain.message import Claimed, EventKind, Rendered, Request, State
from services.mailer.ports import Ending, Recorded
from services.mailer.repository.bulk import insert_rows, update_rows
from services.mailer.repository.leases import BACK, SqlLeases, is_held
from services.mailer.repository.queue_rows import (
    FRESH,
    KINDS,
    back,
    event,
    new_row,
    shown,
    words,
    written,
)
from services.mailer.tables import message_bodies, message_events, messages
from services.shared.upserts import upsert

m = messages.c

_ACCEPTING = 6_148_915
"""The advisory lock of whoever accepts; any number that no other lock of this database has."""

_FINAL: dict[str, Any] = {"due_at": None, "lease_owner": None}

_LEASES = select(m.id, m.state, m.lease_owner, m.due_at).where(m.id.in_(bindparam("keys", expanding=True)))
_TOLD = select(message_events.c.message).where(
    message_events.c.message.in_(bindparam("keys", expanding=True)),
    message_events.c.occurred_at == bindparam("at"),
    message_events.c.kind.in_([EventKind.SENT.value, EventKind.DEFERRED.value, EventKind.FAILED.value]),
)


class SqlQueue(SqlLeases):
    """The part of `ports.Messages` that changes messages; most of it under a lease."""

    def accept(self, requests: Sequence[Request], domain: str, at: datetime) -> int:
        """The unique notice id decides what is new."""
        if not requests:
            return 0
        if self._connection.dialect.name == "postgresql":
            # One at a time, as on SQLite: two batches that name the same notices in another order would
            # wait for each other in a circle.
            self._connection.execute(select(func.pg_advisory_xact_lock(_ACCEPTING)))
        statement = upsert(self._connection, messages).on_conflict_do_nothing(index_elements=["notice_id"])
        rows = [new_row(request, domain, at) for request in requests]
        new = self._connection.execute(statement.returning(m.id), rows).scalars().all()
        # In one statement for both states, since on PostgreSQL a message may pass from the one to the other
        # between two of them. A withheld one is queued again. One under way may just now get a no that is
        # older than this acceptance: `asked_at` tells (see `withhold`).
        known = self._locked(
            m.notice_id.in_([request.notice_id for request in requests])
            & m.state.in_([State.WITHHELD.value, State.SENDING.value])
        )
        withheld = [row.id for row in known if row.state == State.WITHHELD.value]
        under_way = [row.id for row in known if row.state == State.SENDING.value]
        self._change(withheld, **FRESH, due_at=at, asked_at=at)
        self._change(under_way, asked_at=at)
        self._queued([*new, *withheld], at)
        return len(new) + len(withheld)

    def processed(
        self, mails: Sequence[tuple[Claimed, Rendered]], at: datetime, until: datetime
    ) -> list[tuple[Claimed, Rendered]]:
        """The mails and their events in one transaction.

        A lease that is far from its end needs no lock: nobody else can take it before the mails have gone.
        """
        found = self._connection.execute(_LEASES, {"keys": [message.key for message, _mail in mails]})
        rows = {row.id: row for row in found}
        soon = at + (until - at) / 2
        old = [message for message, _mail in mails if (rows[message.key].due_at or at) < soon]
        held = {message.key for message, _mail in mails if is_held(rows, message)}
        if old:
            held = held - {message.key for message in old} | self._renewed(old, until)
        ours = [(message, mail) for message, mail in mails if message.key in held]
        if ours:
            # The fastest level: it is on the way of every mail, and styles and base64 shrink well with it.
            bodies = [
                {"message": message.key, "mime": zlib.compress(mail.record, 1)} for message, mail in ours
            ]
            insert_rows(self._connection, message_bodies, bodies)
            self._tell([event for message, mail in ours for event in written(message, mail, at)])
        return ours

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> Recorded:
        """All endings in a handful of statements, however many they are."""
        if not endings:
            return Recorded([], is_stopped=False)
        rows = self._by_key([one.message for one in endings])
        is_stopped = any(row.is_stopped for row in rows.values())
        told = set(self._connection.execute(_TOLD, {"keys": list(rows), "at": at}).scalars()) if again else ()
        endings = [one for one in endings if one.message.key not in told]
        sent = {one.message.key: one for one in endings if isinstance(one.outcome, Sent)}
        news = [one for key, one in sent.items() if rows[key].state != State.SENT.value]
        sent_at = {"state": State.SENT.value, "sent_at": at, **_FINAL}
        update_rows(self._connection, messages, [shown(one) | sent_at for one in news])
        others = [one for one in endings if one.message.key not in sent and is_held(rows, one.message)]
        for one in others:
            self._put_off_or_give_up(one)
        final = [one for one in endings if isinstance(one.outcome, Sent)] + others
        self._tell(
            [event(one.message.key, KINDS[type(one.outcome)], at, one.outcome.detail) for one in final]
        )
        return Recorded(news + others, is_stopped)

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> list[Claimed]:
        """Either out of the queue, or back into it if the scheduler has asked for it again."""
        rows = self._by_key([message for message, _why in refused])
        held = [(message, why) for message, why in refused if is_held(rows, message)]
        again = [message.key for message, _why in held if rows[message.key].asked_at != message.asked_at]
        final = [message.key for message, _why in held if message.key not in again]
        self._change(final, state=State.WITHHELD.value, **_FINAL)
        self._change(again, state=State.QUEUED.value, lease_owner=None, due_at=at)
        self._tell([event(message.key, EventKind.WITHHELD, at, words(why)) for message, why in held])
        self._queued(again, at)
        return [message for message, _why in held if message.key in final]

    def await_review(self, batch: Sequence[Claimed], why: str, due_at: datetime, at: datetime) -> None:
        """Back into the queue, with an event for those whose history does not say so yet."""
        held = self._held(batch)
        silent = [message.key for message in batch if message.key in held and not message.waits_for_review]
        self._change(held, **BACK, due_at=due_at, waits_for_review=True)
        self._tell([event(key, EventKind.DEFERRED, at, why) for key in silent])

    def stand_in_line(self, waiting: Sequence[tuple[Claimed, datetime, str]], at: datetime) -> None:
        """Each until its own time; told when it begins to wait."""
        held = self._held([message for message, _due_at, _why in waiting])
        ours = [(message, due_at, why) for message, due_at, why in waiting if message.key in held]
        rows = [back(message, due_at) | {"in_line": True} for message, due_at, _why in ours]
        update_rows(self._connection, messages, rows)
        silent = [(message.key, why) for message, _due_at, why in ours if not message.in_line]
        self._tell([event(key, EventKind.DEFERRED, at, why) for key, why in silent])

    def put_off(self, waiting: Sequence[tuple[Claimed, NotYet]], at: datetime) -> None:
        """Each until its own time; told in other words than the history has so far."""
        held = self._held([message for message, _why in waiting])
        ours = [
            (message, why, (why.explanation or why.reason)[:200])
            for message, why in waiting
            if message.key in held
        ]
        rows = [
            back(message, why.until) | {"in_line": False, "put_off_for": said} for message, why, said in ours
        ]
        update_rows(self._connection, messages, rows)
        silent = [(message.key, said) for message, _why, said in ours if message.put_off_for != said]
        self._tell([event(key, EventKind.DEFERRED, at, said) for key, said in silent])

    def count_on(self, batch: Sequence[Claimed], day: date) -> None:
        """One statement."""
        self._change([message.key for message in batch], counted_on=day.isoformat())

    def _put_off_or_give_up(self, ending: Ending) -> None:
        if ending.mail is not None:
            update_rows(self._connection, messages, [shown(ending)])
        if isinstance(ending.outcome, Later):
            past = ending.outcome.past
            self._change(
                [ending.message.key],
                state=State.DEFERRED.value,
                due_at=ending.outcome.at,
                attempts=past.attempts,
                drops=past.drops,
                tried_at=past.tried_at,
                lease_owner=None,
            )
        else:
            self._change([ending.message.key], state=State.FAILED.value, **_FINAL)

    def _queued(self, keys: Sequence[int], at: datetime) -> None:
        kinds = (EventKind.QUEUE_TRIGGERED, EventKind.QUEUED)
        self._tell([event(key, kind, at) for key in sorted(keys) for kind in kinds])

    def _tell(self, events: Sequence[dict[str, Any]]) -> None:
        insert_rows(self._connection, message_events, events)

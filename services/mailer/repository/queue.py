"""The queue: messages that wait, and the leases under which workers deal with them.

On PostgreSQL every transaction that touches several messages locks them first, in the order of their keys:
so none waits for another one in a circle, and what it then reads of them is what it changes.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, select, update

from services.mailer.domain.delivery import Later, Never, Sent
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import Claimed, EventKind, Rendered, Request, State
from services.mailer.ports import Ending
from services.mailer.repository.bulk import insert_rows, update_rows
from services.mailer.tables import message_bodies, message_events, messages
from services.shared.upserts import upsert

m = messages.c

_ACCEPTING = 6_148_915
"""The advisory lock of whoever accepts; any number that no other lock of this database has."""

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
_PAST = (m.attempts, m.drops, m.tried_at, m.waits_for_review, m.request_id)

_IN_ORDER = (
    select(m.id, m.state, m.lease_owner, m.asked_at)
    .where(m.id.in_(bindparam("keys", expanding=True)))
    .order_by(m.id)
    .with_for_update()
)
_LEASES = select(m.id, m.state, m.lease_owner, m.due_at).where(m.id.in_(bindparam("keys", expanding=True)))
_TOLD = select(message_events.c.message).where(
    message_events.c.message.in_(bindparam("keys", expanding=True)),
    message_events.c.occurred_at == bindparam("at"),
    message_events.c.kind.in_([EventKind.SENT.value, EventKind.DEFERRED.value, EventKind.FAILED.value]),
)


class SqlQueue:
    """The part of `ports.Messages` that changes messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def accept(self, requests: Sequence[Request], domain: str, at: datetime) -> int:
        """The unique notice id decides what is new."""
        if not requests:
            return 0
        if self._connection.dialect.name == "postgresql":
            # One at a time, as on SQLite: two batches that name the same notices in another order would
            # wait for each other in a circle.
            self._connection.execute(select(func.pg_advisory_xact_lock(_ACCEPTING)))
        statement = upsert(self._connection, messages).on_conflict_do_nothing(index_elements=["notice_id"])
        rows = [_new_row(request, domain, at) for request in requests]
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
        self._change(withheld, **_FRESH, due_at=at, asked_at=at)
        self._change(under_way, asked_at=at)
        self._queued([*new, *withheld], at)
        return len(new) + len(withheld)

    def claim(
        self, owner: str, at: datetime, until: datetime, limit: int, *, abandoned: bool = True
    ) -> list[Claimed]:
        """Locks what it reads, so that rivals on PostgreSQL skip it; SQLite has one writer anyway."""
        due = (
            select(m.id, m.notice_id, m.message_id, m.asked_at, *_PAST)
            .where(m.due_at <= at, *(() if abandoned else (m.lease_owner.is_(None),)))
            .order_by(m.due_at, m.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = self._connection.execute(due).all()
        self._change([row.id for row in rows], state=State.SENDING.value, lease_owner=owner, due_at=until)
        return [Claimed(id, notice, mail, owner, *rest) for id, notice, mail, *rest in rows]

    def renew(self, batch: Sequence[Claimed], until: datetime) -> int:
        """Only of what is still held."""
        return len(self._renewed(batch, until))

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
        held = {message.key for message, _mail in mails if _is_held(rows, message)}
        if old:
            held = held - {message.key for message in old} | self._renewed(old, until)
        ours = [(message, mail) for message, mail in mails if message.key in held]
        if ours:
            # The fastest level: it is on the way of every mail, and styles and base64 shrink well with it.
            bodies = [{"message": message.key, "mime": zlib.compress(mail.mime, 1)} for message, mail in ours]
            insert_rows(self._connection, message_bodies, bodies)
            self._tell([_event(message.key, EventKind.PROCESSED, at) for message, _mail in ours])
        return ours

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> list[Ending]:
        """All endings in a handful of statements, however many they are."""
        if not endings:
            return []
        rows = self._by_key([one.message for one in endings])
        told = set(self._connection.execute(_TOLD, {"keys": list(rows), "at": at}).scalars()) if again else ()
        endings = [one for one in endings if one.message.key not in told]
        sent = {one.message.key: one for one in endings if isinstance(one.outcome, Sent)}
        news = [one for key, one in sent.items() if rows[key].state != State.SENT.value]
        sent_at = {"state": State.SENT.value, "sent_at": at, **_FINAL}
        update_rows(self._connection, messages, [_shown(one) | sent_at for one in news])
        others = [one for one in endings if one.message.key not in sent and _is_held(rows, one.message)]
        for one in others:
            self._put_off_or_give_up(one)
        final = [one for one in endings if isinstance(one.outcome, Sent)] + others
        self._tell(
            [_event(one.message.key, _KINDS[type(one.outcome)], at, one.outcome.detail) for one in final]
        )
        return news + others

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> None:
        """Either out of the queue, or back into it if the scheduler has asked for it again."""
        rows = self._by_key([message for message, _why in refused])
        held = [(message, why) for message, why in refused if _is_held(rows, message)]
        again = [message.key for message, _why in held if rows[message.key].asked_at != message.asked_at]
        final = [message.key for message, _why in held if message.key not in again]
        self._change(final, state=State.WITHHELD.value, **_FINAL)
        self._change(again, state=State.QUEUED.value, lease_owner=None, due_at=at)
        self._tell([_event(message.key, EventKind.WITHHELD, at, _words(why)) for message, why in held])
        self._queued(again, at)

    def await_review(self, batch: Sequence[Claimed], why: str, due_at: datetime, at: datetime) -> None:
        """Back into the queue, with an event for those whose history does not say so yet."""
        held = self._held(batch)
        silent = [message.key for message in batch if message.key in held and not message.waits_for_review]
        self._change(held, **_BACK, due_at=due_at, waits_for_review=True)
        self._tell([_event(key, EventKind.DEFERRED, at, why) for key in silent])

    def release(self, batch: Sequence[Claimed], at: datetime) -> None:
        """Due at once, as it was before."""
        self._change(self._held(batch), **_BACK, due_at=at)

    def owners(self) -> list[str]:
        """Who holds leases; found through the index of leases."""
        query = select(m.lease_owner).where(m.lease_owner.is_not(None)).distinct()
        return [str(owner) for owner in self._connection.execute(query).scalars()]

    def release_owners(self, owners: Sequence[str], at: datetime) -> int:
        """Due at once, as before the claim."""
        held = [row.id for row in self._locked(m.lease_owner.in_(owners))]
        self._change(held, **_BACK, due_at=at)
        return len(held)

    def _locked(self, which: ColumnElement[bool]) -> Sequence[Row[Any, Any, Any, Any]]:
        query = select(m.id, m.state, m.lease_owner, m.asked_at).where(which)
        return self._connection.execute(query.order_by(m.id).with_for_update()).all()

    def _by_key(self, batch: Sequence[Claimed]) -> dict[int, Row[Any, Any, Any, Any]]:
        """The rows of these, locked."""
        found = self._connection.execute(_IN_ORDER, {"keys": [message.key for message in batch]})
        return {row.id: row for row in found}

    def _held(self, batch: Sequence[Claimed]) -> set[int]:
        """The keys, locked, of those whose lease has not passed to another worker."""
        if not batch:
            return set()
        rows = self._by_key(batch)
        return {message.key for message in batch if _is_held(rows, message)}

    def _renewed(self, batch: Sequence[Claimed], until: datetime) -> set[int]:
        held = self._held(batch)
        self._change(held, due_at=until)
        return held

    def _put_off_or_give_up(self, ending: Ending) -> None:
        if ending.mail is not None:
            update_rows(self._connection, messages, [_shown(ending)])
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

    def _change(self, keys: Collection[int], **values: Any) -> None:
        if keys:
            self._connection.execute(update(messages).where(m.id.in_(keys)).values(**values))

    def _queued(self, keys: Sequence[int], at: datetime) -> None:
        kinds = (EventKind.QUEUE_TRIGGERED, EventKind.QUEUED)
        self._tell([_event(key, kind, at) for key in sorted(keys) for kind in kinds])

    def _tell(self, events: Sequence[dict[str, Any]]) -> None:
        insert_rows(self._connection, message_events, events)


_KINDS = {Sent: EventKind.SENT, Later: EventKind.DEFERRED, Never: EventKind.FAILED}


def _is_held(rows: Mapping[int, Row[Any, Any, Any, Any]], message: Claimed) -> bool:
    row = rows[message.key]
    return bool(row.lease_owner == message.owner and row.state == State.SENDING.value)


def _new_row(request: Request, domain: str, at: datetime) -> dict[str, Any]:
    return {
        **_FRESH,
        "notice_id": request.notice_id,
        "message_id": f"<{request.notice_id}@{domain}>",
        "organization_id": request.organization_id,
        "invoice_number": request.invoice_number,
        "request_id": request.request_id,
        "template_version": 0,
        "recipients": "",
        "subject": "",
        "created_at": at,
        "asked_at": at,
        "due_at": at,
    }


def _shown(ending: Ending) -> dict[str, Any]:
    """What lists show of the mail."""
    mail = ending.mail
    return {
        "id": ending.message.key,
        "type": mail.type.value if mail else None,
        "template_version": mail.template_version if mail else 0,
        "recipients": "\n".join(mail.recipients) if mail else "",
        "subject": mail.subject if mail else "",
        "waits_for_review": False,
    }


def _event(key: int, kind: EventKind, at: datetime, detail: str = "") -> dict[str, Any]:
    # The words of servers stand here, and PostgreSQL takes no NUL.
    return {"message": key, "kind": kind.value, "occurred_at": at, "detail": detail.replace("\0", "")[:2000]}


def _words(why: Withheld) -> str:
    return f"{why.reason}: {why.explanation}" if why.explanation else why.reason

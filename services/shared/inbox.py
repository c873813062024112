"""The inbox: facts from other services, taken in once and handled in a transaction of our own."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    func,
    select,
    update,
)

from services.shared import metrics, tracing
from services.shared.clock import Clock
from services.shared.database import BigId, Database, UtcDateTime
from services.shared.facts import UNREADABLE, StoredFact, UnreadableFact
from services.shared.log import request_id as current_request
from services.shared.upserts import insert_ignoring

log = structlog.get_logger()

MOST_ATTEMPTS = 20
"""After so many failures a fact is parked: it stays, with its error, and no longer stands in the way."""

LONGEST_BACKOFF = timedelta(minutes=5)

MOST_TOGETHER = 50
"""Facts that one transaction handles. Its commit waits for the disk; one by one that is some 50 a second."""

Handle = Callable[[Connection, StoredFact], None]
"""Applies one fact within the given transaction; raising undoes all of it."""

Lock = Callable[[Connection, Sequence[StoredFact]], None]
"""Locks what the facts are about in an order in which two who do so never wait for each other."""


def inbox_table(metadata: MetaData) -> Table:
    """The table "inbox" in a service's schema."""
    table = Table(
        "inbox",
        metadata,
        Column("inbox_id", BigId, primary_key=True, autoincrement=True),
        Column("fact_id", String(36), nullable=False, unique=True),
        Column("name", String(60), nullable=False),
        Column("body", Text, nullable=False),
        Column("occurred_at", UtcDateTime, nullable=False),
        Column("request_id", String(64), nullable=False),
        Column("received_at", UtcDateTime, nullable=False),
        Column("handled_at", UtcDateTime),
        Column("attempts", Integer, nullable=False, default=0),
        Column("next_attempt_at", UtcDateTime, nullable=False),
        Column("error", Text),
        # No longer tried; and, once a person has said so, never to be tried again.
        Column("parked_at", UtcDateTime),
        Column("dropped_at", UtcDateTime),
    )
    waiting = is_waiting(table)
    parked = and_(table.c.parked_at.is_not(None), table.c.dropped_at.is_(None))
    order = (table.c.parked_at, table.c.inbox_id)
    Index("inbox_parked", *order, sqlite_where=parked, postgresql_where=parked)
    Index("inbox_waiting", table.c.next_attempt_at, sqlite_where=waiting, postgresql_where=waiting)
    return table


def is_waiting(table: Table) -> ColumnElement[bool]:
    """Whether a fact is still to be handled, now or later."""
    return and_(table.c.handled_at.is_(None), table.c.parked_at.is_(None))


def is_parked(table: Table) -> ColumnElement[bool]:
    """Whether a fact waits for a person."""
    return and_(table.c.parked_at.is_not(None), table.c.dropped_at.is_(None), table.c.handled_at.is_(None))


def waiting_facts(connection: Connection, table: Table) -> int:
    """How many facts are not yet handled; parked ones do not count."""
    return connection.execute(select(func.count()).where(is_waiting(table))).scalar_one()


def parked_facts(connection: Connection, table: Table) -> int:
    """How many facts are no longer tried and wait for a person."""
    return connection.execute(select(func.count()).where(is_parked(table))).scalar_one()


def oldest_waiting(connection: Connection, table: Table) -> datetime | None:
    """When the fact that has waited longest came in; None if none waits."""
    oldest = select(func.min(table.c.received_at)).where(is_waiting(table))
    at: datetime | None = connection.execute(oldest).scalar_one()
    return at


def newest_fact(connection: Connection, table: Table) -> int:
    """The number of the newest fact, 0 if there is none; it only grows."""
    return int(connection.execute(select(func.coalesce(func.max(table.c.inbox_id), 0))).scalar_one())


class Inbox:
    """Takes facts in."""

    def __init__(
        self, database: Database, table: Table, clock: Clock, *, taken: Callable[[], None] = lambda: None
    ) -> None:
        """`taken` is called after facts have come in, to wake whoever handles them."""
        self._database = database
        self._table = table
        self._clock = clock
        self._taken = taken

    def take_in(self, facts: Sequence[StoredFact], unreadable: Sequence[UnreadableFact] = ()) -> int:
        """Stores what was not seen before, durably; returns how many facts were new.

        What is unreadable is parked at once, where a person finds it.
        """
        now = self._clock.now()
        fixed = {"received_at": now, "next_attempt_at": now}
        rows = [fact_row(fact) | fixed for fact in facts]
        parked = [parked_row(fact, now) | fixed for fact in unreadable]
        with self._database.write() as connection:
            accepted = insert_ignoring(connection, self._table, rows, conflict=["fact_id"])
            insert_ignoring(connection, self._table, parked, conflict=["fact_id"])
        metrics.FACTS_TAKEN_IN.inc(accepted)
        self._taken()
        return accepted

    def missing(self, fact_ids: Sequence[str]) -> list[str]:
        """Those of the facts that are not here, in the order asked."""
        t = self._table
        with self._database.read() as connection:
            known = set(connection.execute(select(t.c.fact_id).where(t.c.fact_id.in_(fact_ids))).scalars())
        return [fact_id for fact_id in fact_ids if fact_id not in known]


def fact_row(fact: StoredFact) -> dict[str, Any]:
    """The columns that say what a fact is, and that nobody has tried it yet."""
    return {
        "fact_id": fact.fact_id,
        "name": fact.name,
        "body": json.dumps(fact.body, ensure_ascii=False),
        "occurred_at": fact.occurred_at,
        "request_id": fact.request_id,
        "attempts": 0,
    }


def parked_row(fact: UnreadableFact, now: datetime) -> dict[str, Any]:
    """The columns of what could not be read: kept, and not tried."""
    return {
        "fact_id": fact.fact_id,
        "name": UNREADABLE,
        "body": fact.text,
        "occurred_at": now,
        "request_id": fact.request_id,
        "attempts": 1,
        "error": fact.error,
        "parked_at": now,
    }


class InboxWorker:
    """Handles facts, oldest due first, together as long as all goes well.

    A fact is marked as handled in the transaction that its handler works in, so it takes effect exactly
    once. A transaction in which something fails is undone, and its facts come again one by one, then ever
    more together. A failure of a fact by itself is tried again after 1 s, 2 s, 4 s ... up to 5 minutes, and
    the fact is parked after 20 of them.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        handle: Handle,
        clock: Clock,
        *,
        lock: Lock = lambda _connection, _facts: None,
        most: int = MOST_TOGETHER,
    ) -> None:
        """`lock` is called before several facts, `most` at a time, are handled in one transaction."""
        self._database = database
        self._table = table
        self._handle = handle
        self._clock = clock
        self._lock = lock
        self._most = self._together = most

    def run_once(self) -> bool:
        """Handles facts that are due, in one transaction; whether there were any."""
        t = self._table
        now = self._clock.now()
        due = (
            select(t)
            .where(is_waiting(t), t.c.next_attempt_at <= now)
            .order_by(t.c.next_attempt_at, t.c.inbox_id)
            .limit(self._together)
            .with_for_update(skip_locked=True)
        )
        rows: Sequence[Any] = ()
        facts: list[StoredFact] = []
        try:
            with self._database.write() as connection:
                rows = connection.execute(due).all()
                if rows:
                    facts = [_fact(row) for row in rows]
                    self._handle_all(connection, facts)
                    handled = update(t).where(t.c.inbox_id.in_([row.inbox_id for row in rows]))
                    connection.execute(handled.values(handled_at=now))
        except Exception as error:
            # Whatever a handler runs into, the fact must stay and the others must go on.
            if not rows:
                raise
            self._together = 1
            if len(rows) == 1:
                with _under(rows[0].request_id):
                    self._failed(rows[0].inbox_id, rows[0].attempts, error)
            else:
                log.info("facts not handled together", facts=len(rows), error=type(error).__name__)
            return True
        self._together = min(self._most, 2 * self._together)
        for fact in facts:
            with _under(fact.request_id):
                log.debug("fact handled", name=fact.name, fact_id=fact.fact_id)
        return bool(rows)

    def _handle_all(self, connection: Connection, facts: Sequence[StoredFact]) -> None:
        if len(facts) > 1:
            self._lock(connection, facts)
        for fact in facts:
            with _under(fact.request_id), tracing.span(f"fact {fact.name}"):
                self._handle(connection, fact)

    def _failed(self, inbox_id: int, seen: int, error: Exception) -> None:
        """Notes a failed attempt, unless another one came between: the fact's lock has ended with ours.

        Whoever had it then has handled it, or noted a failure. So has this attempt itself, where only the
        answer to its COMMIT was lost.
        """
        now, attempts = self._clock.now(), seen + 1
        parked = attempts >= MOST_ATTEMPTS
        backoff = min(LONGEST_BACKOFF, timedelta(seconds=2 ** min(attempts - 1, 20)))
        log.exception("fact not handled", inbox_id=inbox_id, attempts=attempts, parked=parked)
        values = {
            "attempts": attempts,
            "error": f"{type(error).__name__}: {error}"[:2000],
            "next_attempt_at": now + backoff,
            "parked_at": now if parked else None,
        }
        t = self._table
        as_it_was = update(t).where(t.c.inbox_id == inbox_id, is_waiting(t), t.c.attempts == seen)
        with self._database.write() as connection:
            noted = connection.execute(as_it_was.values(**values)).rowcount
        if not noted:
            log.info("the fact has been handled, or tried again, meanwhile", inbox_id=inbox_id)


def _fact(row: Any) -> StoredFact:
    return StoredFact(row.fact_id, row.name, json.loads(row.body), row.occurred_at, row.request_id)


@contextmanager
def _under(request: str) -> Iterator[None]:
    """What happens inside belongs to the request that the fact came of, if it names one."""
    before = current_request.set(request or current_request.get())
    try:
        yield
    finally:
        current_request.reset(before)

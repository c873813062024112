"""The inbox: facts from other services, taken in once and handled in a transaction of our own."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import (
    Column,
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

from services.shared.clock import Clock
from services.shared.database import BigId, Database, UtcDateTime, insert_ignoring
from services.shared.facts import StoredFact
from services.shared.log import request_id as current_request

log = structlog.get_logger()

MOST_ATTEMPTS = 20
"""After so many failures a fact is parked: it stays, with its error, and no longer stands in the way."""

LONGEST_BACKOFF = timedelta(minutes=5)

Handle = Callable[[Connection, StoredFact], None]
"""Applies one fact within the given transaction; raising undoes all of it."""


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
        Column("parked_at", UtcDateTime),
    )
    waiting = and_(table.c.handled_at.is_(None), table.c.parked_at.is_(None))
    parked = table.c.parked_at.is_not(None)
    Index("inbox_parked", table.c.parked_at, sqlite_where=parked, postgresql_where=parked)
    Index("inbox_waiting", table.c.next_attempt_at, sqlite_where=waiting, postgresql_where=waiting)
    return table


def waiting_facts(connection: Connection, table: Table) -> int:
    """How many facts are not yet handled; parked ones do not count."""
    query = select(func.count()).where(table.c.handled_at.is_(None), table.c.parked_at.is_(None))
    return connection.execute(query).scalar_one()


def parked_facts(connection: Connection, table: Table) -> int:
    """How many facts are no longer tried."""
    return connection.execute(select(func.count()).where(table.c.parked_at.is_not(None))).scalar_one()


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

    def take_in(self, facts: Sequence[StoredFact]) -> int:
        """Stores the facts that were not seen before, durably; returns how many were new."""
        now = self._clock.now()
        rows: list[dict[str, Any]] = [
            {
                "fact_id": fact.fact_id,
                "name": fact.name,
                "body": json.dumps(fact.body, ensure_ascii=False),
                "occurred_at": fact.occurred_at,
                "request_id": fact.request_id,
                "received_at": now,
                "next_attempt_at": now,
                "attempts": 0,
            }
            for fact in facts
        ]
        with self._database.write() as connection:
            accepted = insert_ignoring(connection, self._table, rows, conflict=["fact_id"])
        self._taken()
        return accepted


class InboxWorker:
    """Handles facts one by one, oldest due first.

    A fact is marked as handled in the transaction that its handler works in, so it takes effect exactly
    once. A failure is tried again after 1 s, 2 s, 4 s ... up to 5 minutes, and parked after 20 of them.
    """

    def __init__(self, database: Database, table: Table, handle: Handle, clock: Clock) -> None:
        self._database = database
        self._table = table
        self._handle = handle
        self._clock = clock

    def run_once(self) -> bool:
        """Handles one fact; whether one was due."""
        t = self._table
        now = self._clock.now()
        due = (
            select(t)
            .where(t.c.handled_at.is_(None), t.c.parked_at.is_(None), t.c.next_attempt_at <= now)
            .order_by(t.c.next_attempt_at, t.c.inbox_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        inbox_id = None
        try:
            with self._database.write() as connection:
                row = connection.execute(due).first()
                if row is None:
                    return False
                inbox_id, attempts = row.inbox_id, row.attempts
                fact = StoredFact(
                    row.fact_id, row.name, json.loads(row.body), row.occurred_at, row.request_id
                )
                token = current_request.set(fact.request_id)
                try:
                    self._handle(connection, fact)
                finally:
                    current_request.reset(token)
                connection.execute(update(t).where(t.c.inbox_id == inbox_id).values(handled_at=now))
        except Exception as error:
            # Whatever a handler runs into, the fact must stay and the others must go on.
            if inbox_id is None:
                raise
            self._failed(inbox_id, attempts + 1, error)
        return True

    def _failed(self, inbox_id: int, attempts: int, error: Exception) -> None:
        now = self._clock.now()
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
        with self._database.write() as connection:
            connection.execute(update(t).where(t.c.inbox_id == inbox_id).values(**values))

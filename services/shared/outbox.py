"""The outbox: facts written in the transaction that makes them true, and relayed afterwards.

A fact is marked only after every subscriber has taken it, so it is delivered at least once; the
subscriber's inbox drops repeats.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, MetaData, String, Table, Text, func, select, update

from services.shared.clock import Clock
from services.shared.database import BigId, Database, UtcDateTime
from services.shared.facts import StoredFact, Subscriber
from services.shared.log import request_id as current_request

BATCH = 200
"""Facts relayed at once."""


def outbox_table(metadata: MetaData) -> Table:
    """The table "outbox" in a service's schema."""
    table = Table(
        "outbox",
        metadata,
        Column("outbox_id", BigId, primary_key=True, autoincrement=True),
        Column("fact_id", String(36), nullable=False, unique=True),
        Column("name", String(60), nullable=False),
        Column("body", Text, nullable=False),
        Column("occurred_at", UtcDateTime, nullable=False),
        Column("request_id", String(64), nullable=False),
        Column("delivered_at", UtcDateTime),
    )
    # Only what waits is in the index, so that finding it stays cheap however long the history grows.
    waiting = table.c.delivered_at.is_(None)
    Index("outbox_waiting", table.c.outbox_id, sqlite_where=waiting, postgresql_where=waiting)
    return table


def append_fact(
    connection: Connection, table: Table, name: str, body: Mapping[str, Any], *, at: datetime
) -> None:
    """Adds a fact to the transaction; it exists if and only if the transaction commits."""
    connection.execute(
        table.insert().values(
            fact_id=str(uuid.uuid4()),
            name=name,
            body=json.dumps(body, ensure_ascii=False),
            occurred_at=at,
            request_id=current_request.get(),
        )
    )


def waiting_facts(connection: Connection, table: Table) -> int:
    """How many facts no subscriber has taken yet."""
    query = select(func.count()).select_from(table).where(table.c.delivered_at.is_(None))
    return connection.execute(query).scalar_one()


def newest_fact(connection: Connection, table: Table) -> int:
    """The number of the newest fact, 0 if there is none; it only grows."""
    return int(connection.execute(select(func.coalesce(func.max(table.c.outbox_id), 0))).scalar_one())


class Relay:
    """Carries facts from one service's outbox to the subscribers."""

    def __init__(
        self, database: Database, table: Table, subscribers: Sequence[Subscriber], clock: Clock
    ) -> None:
        self._database = database
        self._table = table
        self._subscribers = subscribers
        self._clock = clock

    def run_once(self) -> bool:
        """Relays the oldest batch; whether there was one. If a subscriber raises, nothing is marked."""
        t = self._table
        query = select(t).where(t.c.delivered_at.is_(None)).order_by(t.c.outbox_id).limit(BATCH)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return False
        facts = [
            StoredFact(row.fact_id, row.name, json.loads(row.body), row.occurred_at, row.request_id)
            for row in rows
        ]
        for subscriber in self._subscribers:
            subscriber.deliver(facts)
        delivered = update(t).where(t.c.outbox_id.in_([row.outbox_id for row in rows]))
        with self._database.write() as connection:
            connection.execute(delivered.values(delivered_at=self._clock.now()))
        return True

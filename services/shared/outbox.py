"""The outbox: facts written in the transaction that makes them true, and carried out afterwards.

A fact is delivered once it is in the subscriber's inbox. Where a broker stands in between, a fact is first
published: the broker has taken it over, and may still lose it. See `services.shared.relay`.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    MetaData,
    String,
    Table,
    Text,
    and_,
    func,
    select,
)

from services.shared.database import BigId, UtcDateTime
from services.shared.log import request_id as current_request


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
        # A fact that was delivered has both; without a broker both come at once.
        Column("published_at", UtcDateTime),
        Column("delivered_at", UtcDateTime),
    )
    # Only what waits is in the indexes, so that finding it stays cheap however long the history grows.
    for name, waits in (("outbox_to_publish", to_publish(table)), ("outbox_to_audit", to_audit(table))):
        Index(name, table.c.outbox_id, sqlite_where=waits, postgresql_where=waits)
    return table


def to_publish(table: Table) -> ColumnElement[bool]:
    """Whether a fact has still to be handed over, to the broker or to the subscriber."""
    return table.c.published_at.is_(None)


def to_audit(table: Table) -> ColumnElement[bool]:
    """Whether a broker has a fact and nobody knows yet that it has arrived."""
    return and_(table.c.published_at.is_not(None), table.c.delivered_at.is_(None))


def append_fact(
    connection: Connection, table: Table, name: str, body: Mapping[str, Any], *, at: datetime
) -> None:
    """Adds a fact to the transaction; it exists if and only if the transaction commits."""
    append_facts(connection, table, [new_fact(name, body, at=at)])


def append_facts(connection: Connection, table: Table, facts: Sequence[Mapping[str, Any]]) -> None:
    """Adds several at once, as `new_fact` has made them."""
    if facts:
        connection.execute(table.insert(), [dict(fact) for fact in facts])


def new_fact(name: str, body: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """A row of the outbox, under the request that is being dealt with."""
    return {
        "fact_id": str(uuid.uuid4()),
        "name": name,
        "body": json.dumps(body, ensure_ascii=False),
        "occurred_at": at,
        "request_id": current_request.get(),
    }


def waiting_facts(connection: Connection, table: Table) -> int:
    """How many facts are not known to be in the subscriber's inbox yet."""
    # Two counts, so that each is answered by its index alone.
    counts = (select(func.count()).where(waits) for waits in (to_publish(table), to_audit(table)))
    return sum(connection.execute(count).scalar_one() for count in counts)


def oldest_waiting(connection: Connection, table: Table) -> datetime | None:
    """When the oldest fact that is not known to be delivered came true; None if none waits."""
    first = (
        select(table.c.occurred_at).where(waits).order_by(table.c.outbox_id).limit(1)
        for waits in (to_publish(table), to_audit(table))
    )
    return min((at for query in first if (at := connection.execute(query).scalar())), default=None)


def newest_fact(connection: Connection, table: Table) -> int:
    """The number of the newest fact, 0 if there is none; it only grows."""
    return int(connection.execute(select(func.coalesce(func.max(table.c.outbox_id), 0))).scalar_one())

"""Carries facts from an outbox to the subscriber's inbox: straight, or by a broker that is audited.

Any number of relays may run. On PostgreSQL they share the work: a relay holds the rows that it carries
locked, so that others pass them by, and a relay that dies gives them back at once. On SQLite two would
carry the same facts, which costs time and does no harm.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, Select, Table, Update, func, select, update

from services.shared import metrics
from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.facts import Audience, NotDelivered, Publisher, Queue, StoredFact, Subscriber
from services.shared.outbox import to_audit, to_publish

log = structlog.get_logger()

DELIVERED_AT_ONCE = 200
PUBLISHED_AT_ONCE = 1000
AUDITED_AT_ONCE = 500

MOST_CHARACTERS = 1_000_000
"""Of the bodies of facts that are handed over at once, but for a single one."""

OVERDUE = timedelta(seconds=15)
"""A fact that has not arrived so long after the broker took it over may be lost."""

LONG_OVERDUE = timedelta(minutes=5)
"""After so long a fact is published again whatever the queue holds, but of all of them at most"""

AGAIN_AT_ONCE = 100
"""so many, which is one message, within"""

AGAIN_EVERY = timedelta(minutes=1)

MOST_ROUNDS_OF_REST = 25
"""While an audit finds nothing new, it pauses longer and longer, up to so many rounds of its worker."""

_ALONE = 4_190_072
"""Any number; the same in every relay."""

Rows = Sequence[Row[Any]]


class Relay:
    """Delivers facts straight to the subscribers."""

    def __init__(
        self, database: Database, table: Table, subscribers: Sequence[Subscriber], clock: Clock
    ) -> None:
        self._database = database
        self._table = table
        self._subscribers = subscribers
        self._clock = clock

    def run_once(self) -> bool:
        """Relays the oldest batch; whether there was one. If a subscriber raises, nothing is marked."""
        return _carry(self._database, _oldest(self._table, DELIVERED_AT_ONCE), self._deliver)

    def _deliver(self, oldest: Rows) -> list[Update]:
        rows = _light(oldest)
        facts = [_fact(row) for row in rows]
        for subscriber in self._subscribers:
            subscriber.deliver(facts)
        metrics.FACTS_PUBLISHED.inc(len(rows))
        now = self._clock.now()
        return [_change(self._table, rows, published_at=now, delivered_at=now)]


class BrokerRelay:
    """Hands facts to a broker."""

    def __init__(self, database: Database, table: Table, publisher: Publisher, clock: Clock) -> None:
        self._database = database
        self._table = table
        self._publisher = publisher
        self._clock = clock

    def run_once(self) -> bool:
        """Publishes the oldest facts; whether there were any.

        Marks those that the broker has confirmed, then raises `NotDelivered` if there were others.
        """
        errors: list[str] = []

        def publish(oldest: Rows) -> list[Update]:
            rows = _light(oldest)
            published = self._publisher.publish([_fact(row) for row in rows])
            if published.error:
                errors.append(published.error)
            done = [row for row in rows if row.fact_id in published.confirmed]
            metrics.FACTS_PUBLISHED.inc(len(done))
            return [_change(self._table, done, published_at=self._clock.now())] if done else []

        busy = _carry(self._database, _oldest(self._table, PUBLISHED_AT_ONCE), publish)
        if errors:
            raise NotDelivered(errors[0])
        return busy


class Audit:
    """Finds out which published facts have arrived, and has lost ones published again.

    A fact counts as lost if it is overdue, is not in the inbox, and no message waits in the queue: a long
    queue does not grow by copies of what waits in it. But a queue that is never empty may hide a loss for
    ever, so while others arrive the oldest that are long overdue are published again, few at a time; the
    inbox drops copies. While nothing arrives, nobody fetches, and what waits is late and not lost.
    """

    def __init__(
        self, database: Database, table: Table, audience: Audience, queue: Queue, clock: Clock
    ) -> None:
        self._database = database
        self._table = table
        self._audience = audience
        self._queue = queue
        self._clock = clock
        self._after = 0
        self._is_full, self._has_moved = False, False
        self._holds_messages: bool | None = None
        self._rest, self._rests = 0, 0
        self._have_arrived, self._again_from = False, datetime.min.replace(tzinfo=UTC)

    def run_once(self) -> bool:
        """Looks at a page of facts that are under way; whether the next page should follow at once."""
        if self._rest > 0:
            self._rest -= 1
            return False
        t = self._table
        page = (
            select(t.c.outbox_id, t.c.fact_id, t.c.published_at)
            .where(to_audit(t), t.c.outbox_id > self._after)
            .order_by(t.c.outbox_id)
            .limit(AUDITED_AT_ONCE)
        )
        self._is_full = False
        if not _carry(self._database, page, self._compare, alone=True) or not self._is_full:
            self._end_pass()
            return False
        return True

    def _compare(self, rows: Rows) -> list[Update]:
        missing = self._audience.missing([row.fact_id for row in rows])
        arrived = [row for row in rows if row.fact_id not in missing]
        lost = self._lost([row for row in rows if row.fact_id in missing])
        self._after, self._is_full = rows[-1].outbox_id, len(rows) == AUDITED_AT_ONCE
        changes = []
        if arrived:
            self._have_arrived = True
            changes.append(_change(self._table, arrived, delivered_at=self._clock.now()))
        if lost:
            log.warning("facts may be lost on the way and are published again", facts=len(lost))
            changes.append(_change(self._table, lost, published_at=None))
        self._has_moved = self._has_moved or bool(changes)
        return changes

    def _lost(self, missing: Rows) -> Rows:
        now = self._clock.now()
        overdue = [row for row in missing if row.published_at <= now - OVERDUE]
        if not overdue:
            return []
        if self._holds_messages is None:
            self._holds_messages = self._queue.holds_messages()
        return self._few_of(overdue, now) if self._holds_messages else overdue

    def _few_of(self, overdue: Rows, now: datetime) -> Rows:
        if not self._have_arrived or now < self._again_from:
            return []
        few = [row for row in overdue if row.published_at <= now - LONG_OVERDUE][:AGAIN_AT_ONCE]
        if few:
            self._have_arrived, self._again_from = False, now + AGAIN_EVERY
        return few

    def _end_pass(self) -> None:
        """The next pass begins with the oldest fact, later and later while nothing arrives."""
        idle = self._after > 0 and not self._has_moved
        self._rests = min(MOST_ROUNDS_OF_REST, max(1, self._rests * 2)) if idle else 0
        self._rest = self._rests
        self._after, self._has_moved, self._holds_messages = 0, False, None


def _carry(
    database: Database, query: Select[Any], act: Callable[[Rows], Sequence[Update]], *, alone: bool = False
) -> bool:
    """Reads rows, acts on them, and then makes the changes that `act` has answered; whether there were rows.

    If `act` raises, nothing changes. On PostgreSQL others may act on other rows meanwhile, or, with `alone`,
    on none; that costs less than a lock on each row.
    """
    with database.read() as connection:
        rows = connection.execute(query.limit(1) if database.locks_rows else query).all()
    if not rows:
        return False
    if not database.locks_rows:
        # A transaction here would keep every other writer out while others are asked.
        changes = act(rows)
        with database.write() as connection:
            for change in changes:
                connection.execute(change)
        return True
    with database.write() as connection:
        if alone and not connection.execute(select(func.pg_try_advisory_xact_lock(_ALONE))).scalar_one():
            return False
        rows = connection.execute(query if alone else query.with_for_update(skip_locked=True)).all()
        for change in act(rows) if rows else ():
            connection.execute(change)
    return bool(rows)


def _oldest(table: Table, most: int) -> Select[Any]:
    return select(table).where(to_publish(table)).order_by(table.c.outbox_id).limit(most)


def _light(rows: Rows) -> Rows:
    """The first rows, as many as can be handed over together; the others come in another round."""
    size = 0
    for at, row in enumerate(rows):
        size += len(row.body)
        if at and size > MOST_CHARACTERS:
            return rows[:at]
    return rows


def _fact(row: Row[Any]) -> StoredFact:
    return StoredFact(row.fact_id, row.name, json.loads(row.body), row.occurred_at, row.request_id)


def _change(table: Table, rows: Rows, **values: object) -> Update:
    return update(table).where(table.c.outbox_id.in_([row.outbox_id for row in rows])).values(**values)

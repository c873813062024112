"""Rows and values: the mailer's store on SQLAlchemy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from services.mailer import tables
from services.mailer.domain.message import ACTIVE
from services.mailer.domain.sending import open_lanes, today
from services.mailer.repository.bulk import insert_rows
from services.mailer.repository.company import SqlCompanies
from services.mailer.repository.drafts import SqlDrafts
from services.mailer.repository.messages import SqlMessages
from services.mailer.repository.sending import SqlSending
from services.mailer.repository.suppressions import SqlSuppressions
from services.mailer.repository.templates import SqlTemplates
from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.operations_grpc import Backlog
from services.shared.outbox import new_fact, newest_fact, oldest_waiting, waiting_facts
from services.shared.queue_metrics import age


class SqlWork:
    """One transaction; see `ports.Work`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.messages = SqlMessages(connection)
        self.templates = SqlTemplates(connection)
        self.drafts = SqlDrafts(connection)
        self.company = SqlCompanies(connection)
        self.sending = SqlSending(connection)
        self.suppressions = SqlSuppressions(connection)
        self._facts: list[dict[str, Any]] = []

    def announce(self, name: str, body: Mapping[str, Any], at: datetime) -> None:
        """Notes the fact for the outbox."""
        self._facts.append(new_fact(name, body, at=at))

    def finish(self) -> None:
        """Writes what was announced, all at once; the last thing in a transaction."""
        insert_rows(self._connection, tables.outbox, self._facts)


class SqlStore:
    """The mailer's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def write(self) -> Iterator[SqlWork]:
        """A transaction that may write."""
        with self._database.write() as connection:
            work = SqlWork(connection)
            yield work
            work.finish()

    @contextmanager
    def read(self) -> Iterator[SqlWork]:
        """A transaction that only reads."""
        with self._database.read() as connection:
            yield SqlWork(connection)

    def backlog(self) -> Backlog:
        """Facts not yet relayed, messages not yet final, and a number that grows with all that happens."""
        m, e = tables.messages.c, tables.message_events.c
        with self._database.read() as connection:
            queue = connection.execute(
                select(func.count()).where(m.due_at.is_not(None), m.state.in_(ACTIVE))
            ).scalar_one()
            newest_event = connection.execute(select(func.coalesce(func.max(e.id), 0))).scalar_one()
            outbox = waiting_facts(connection, tables.outbox)
            activity = newest_event + newest_fact(connection, tables.outbox)
        return Backlog(outbox=outbox, inbox=0, queue=queue, activity=activity)


def queue_gauges(connection: Connection, clock: Clock) -> dict[str, float]:
    """The mailer's queues at this moment; see docs/metrics.md."""
    m = tables.messages.c
    store, now = SqlSending(connection), clock.now()
    sending = store.read()
    spent = store.spent(today(sending.limits, now)) if sending.limits.daily_cap else 0
    lanes = open_lanes(sending, spent)
    active = (m.due_at.is_not(None), m.state.in_(ACTIVE))
    may_go = m.lane.in_([lane.value for lane in lanes])
    query = select(func.count(), func.min(m.due_at).filter(may_go)).where(*active)
    waiting, due = connection.execute(query).one()
    suppressed = select(func.count()).select_from(tables.suppressions)
    return {
        "dunlin_outbox_facts": waiting_facts(connection, tables.outbox),
        "dunlin_outbox_oldest_seconds": age(oldest_waiting(connection, tables.outbox), clock),
        "dunlin_messages_waiting": waiting,
        "dunlin_messages_overdue_seconds": age(due, clock),
        "dunlin_messages_held": store.waiting(now, lanes),
        "dunlin_sending_stopped": float(sending.is_stopped),
        "dunlin_suppressed_addresses": connection.execute(suppressed).scalar_one(),
    }

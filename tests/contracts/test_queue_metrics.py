"""Queues as metrics: true on both databases, quick, and silent where nothing is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from services.mailer import tables
from services.mailer.domain.bounces import Reason, Suppression
from services.mailer.domain.message import Lane, Request
from services.mailer.domain.sending import Limits
from services.mailer.repository import SqlStore, queue_gauges
from services.shared.database import Database
from services.shared.outbox import append_fact
from services.shared.queue_metrics import QueueMetrics
from tests.fakes.clock import SetClock
from tests.servers import DATABASES, MigratedUrl

MAILER = Path(tables.__file__).parent / "migrations"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Database]:
    database = Database(migrated_url(request.param, MAILER))
    yield database
    database.dispose()


def told(metrics: QueueMetrics) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(metrics)
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (x.split() for x in lines if not x.startswith("#"))}


def test_the_gauges_say_how_much_waits_and_since_when(database: Database) -> None:
    clock = SetClock(NOW)
    metrics = QueueMetrics(database, lambda connection: queue_gauges(connection, clock))
    with database.write() as connection:
        append_fact(connection, tables.outbox, "message_sent", {}, at=NOW - timedelta(seconds=90))
        append_fact(connection, tables.outbox, "message_sent", {}, at=NOW - timedelta(seconds=30))
    with SqlStore(database).write() as work:
        work.messages.accept([Request("n-1", "ORG-1")], "example.test", NOW - timedelta(seconds=700))
    assert told(metrics) == {
        "dunlin_queues_known": 1,
        "dunlin_outbox_facts": 2,
        "dunlin_outbox_oldest_seconds": 90,
        "dunlin_messages_waiting": 1,
        "dunlin_messages_overdue_seconds": 700,
        "dunlin_messages_held": 0,
        "dunlin_sending_stopped": 0,
        "dunlin_suppressed_addresses": 0,
    }


def test_what_is_held_back_is_told_and_is_not_overdue(database: Database) -> None:
    clock = SetClock(NOW)
    with SqlStore(database).write() as work:
        work.messages.accept([Request("n-1", "ORG-1")], "example.test", NOW - timedelta(seconds=700))
        urgent = Request("n-2", "ORG-1", lane=Lane.AT_ONCE)
        work.messages.accept([urgent], "example.test", NOW - timedelta(seconds=5))
        work.suppressions.add(Suppression("ann@a.test", Reason.BY_STAFF, "", NOW))
        work.sending.change(Limits(daily_cap=1))
        work.sending.lock_day(NOW.date(), NOW)
        work.sending.spend(NOW.date(), 1)
    capped = told(QueueMetrics(database, lambda connection: queue_gauges(connection, clock)))
    assert (capped["dunlin_messages_held"], capped["dunlin_messages_overdue_seconds"]) == (1, 5)
    assert (capped["dunlin_suppressed_addresses"], capped["dunlin_sending_stopped"]) == (1, 0)
    with SqlStore(database).write() as work:
        work.sending.stop("Ann", NOW)
    stopped = told(QueueMetrics(database, lambda connection: queue_gauges(connection, clock)))
    assert (stopped["dunlin_messages_held"], stopped["dunlin_messages_overdue_seconds"]) == (2, 0)
    assert stopped["dunlin_sending_stopped"] == 1


def test_two_scrapes_in_a_row_ask_once(database: Database) -> None:
    asked: list[int] = []

    def read(_: Connection) -> dict[str, float]:
        asked.append(1)
        return {"dunlin_outbox_facts": 1}

    metrics = QueueMetrics(database, read)
    assert told(metrics) == told(metrics) == {"dunlin_queues_known": 1, "dunlin_outbox_facts": 1}
    assert len(asked) == 1


def test_a_database_that_cannot_be_asked_is_told_of_instead_of_old_numbers(database: Database) -> None:
    def read(_: Connection) -> dict[str, float]:
        raise SQLAlchemyError("away")

    assert told(QueueMetrics(database, read)) == {"dunlin_queues_known": 0}


@pytest.mark.postgresql
def test_a_scrape_does_not_wait_for_a_slow_statement(migrated_url: MigratedUrl) -> None:
    database = Database(migrated_url("postgresql", MAILER))
    with pytest.raises(SQLAlchemyError), database.glance(0.1) as connection:
        connection.execute(text("SELECT pg_sleep(20)"))
    with database.read() as connection:
        limit = connection.execute(text("SHOW statement_timeout")).scalar_one()
    assert limit == "30s", "others have their own limit still"
    database.dispose()

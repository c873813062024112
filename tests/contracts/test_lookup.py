"""A lookup answers what the usual way answers, and fails as it fails."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Column, Date, MetaData, Table, Text, bindparam, insert, select, text
from sqlalchemy.exc import DBAPIError

from services.shared.database import Database, UtcDateTime
from services.shared.database_errors import DatabaseAway, database_refusal
from services.shared.lookup import Lookup
from tests.e2e.acts import wait_until
from tests.servers import DATABASES, PostgresServer, free_port

metadata = MetaData()
things = Table(
    "things", metadata, Column("name", Text), Column("due_on", Date), Column("made_at", UtcDateTime)
)
BY_NAME = select(things.c.made_at, things.c.name, things.c.due_on).where(
    things.c.name != bindparam("without"), things.c.name == bindparam("name")
)
AT = datetime(2026, 3, 2, 15, 0, 0, 7, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").empty()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('lookup')}/things.sqlite"
    database = Database(url)
    with database.write() as connection:
        metadata.create_all(connection)
        for name, due_on in (("a", date(2026, 3, 1)), ("a", None), ("b", None)):
            connection.execute(insert(things).values(name=name, due_on=due_on, made_at=AT))
    yield database
    database.dispose()


def test_a_lookup_gives_the_rows_that_a_view_gives(database: Database) -> None:
    lookup = Lookup(database, BY_NAME)
    with database.read() as connection:
        for name in ("a", "b", "c"):
            rows = connection.execute(BY_NAME, {"name": name, "without": "x"}).all()
            assert lookup.rows(name=name, without="x") == [tuple(row) for row in rows]
    assert (AT, "a", date(2026, 3, 1)) in lookup.rows(name="a", without="x")


def test_a_lookup_leaves_the_connection_fit_for_transactions(database: Database) -> None:
    lookup = Lookup(database, BY_NAME)

    def undone() -> None:
        with database.write() as connection:
            connection.execute(insert(things).values(name="undone", made_at=AT))
            raise RuntimeError

    for _ in range(3):
        lookup.rows(name="a", without="x")
        with pytest.raises(RuntimeError):
            undone()
    assert lookup.rows(name="undone", without="x") == []


def test_a_lookup_sees_what_was_committed_just_before(database: Database) -> None:
    lookup = Lookup(database, BY_NAME)
    for count in range(1, 4):
        with database.write() as connection:
            connection.execute(insert(things).values(name="new", made_at=AT))
        assert len(lookup.rows(name="new", without="x")) == count


@pytest.mark.postgresql
def test_lookups_one_after_the_other_share_a_connection_and_nobody_keeps_it(postgres: PostgresServer) -> None:
    url = postgres.empty()
    database, other = Database(url), Database(url)
    lookup = Lookup(database, select(text("1")))
    count = Lookup(other, select(text("count(*) FROM pg_stat_activity WHERE datname = current_database()")))
    for _ in range(20):
        lookup.rows()
    assert count.rows() == [(2,)]
    database.dispose()
    wait_until(lambda: count.rows() == [(1,)], what="the connection is closed")
    other.dispose()


@pytest.mark.postgresql
def test_a_lookup_whose_connection_was_ended_says_that_the_database_is_away_and_the_next_one_works(
    postgres: PostgresServer,
) -> None:
    database, other = (Database(url) for url in [postgres.empty()] * 2)
    lookup = Lookup(database, select(text("1")))
    assert lookup.rows() == [(1,)]
    with other.read() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(DBAPIError) as failed:
        lookup.rows()
    assert isinstance(database_refusal(failed.value), DatabaseAway)
    assert lookup.rows() == [(1,)]
    database.dispose()
    other.dispose()


def test_a_lookup_that_can_have_no_connection_says_that_the_database_is_away() -> None:
    database = Database(f"postgresql://dunlin@127.0.0.1:{free_port()}/nowhere")
    with pytest.raises(DBAPIError) as failed:
        Lookup(database, select(text("1"))).rows()
    assert isinstance(database_refusal(failed.value), DatabaseAway)
    database.dispose()

"""Inserting what is not there yet counts the same on both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from services.shared.database import Database
from services.shared.upserts import insert_ignoring
from tests.servers import DATABASES, PostgresServer

metadata = MetaData()
words = Table(
    "words",
    metadata,
    Column("word_id", Integer, primary_key=True),
    Column("word", String, unique=True),
    Column("note", String),
)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    server: PostgresServer | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
    url = server.empty() if server else f"sqlite:///{tmp_path_factory.mktemp('words')}/words.sqlite"
    database = Database(url)
    with database.write() as connection:
        metadata.create_all(connection)
    yield database
    database.dispose()
    if server:
        server.drop(url)


def insert(database: Database, *rows: tuple[str, str]) -> int:
    with database.write() as connection:
        values = [{"word": word, "note": note} for word, note in rows]
        return insert_ignoring(connection, words, values, conflict=["word"])


def test_only_rows_that_were_not_there_count_and_the_others_stay_as_they_were(database: Database) -> None:
    assert insert(database, ("a", "first")) == 1
    assert insert(database, ("a", "second")) == 0
    assert insert(database, ("a", "third"), ("b", "first"), ("c", "first")) == 2
    assert insert(database) == 0
    with database.read() as connection:
        found = connection.execute(select(words.c.word, words.c.note).order_by(words.c.word)).all()
    assert [tuple(row) for row in found] == [("a", "first"), ("b", "first"), ("c", "first")]


def test_many_rows_at_once_are_all_counted(database: Database) -> None:
    rows = [(f"word {number}", "") for number in range(2500)]
    assert insert(database, *rows[:1000]) == 1000
    assert insert(database, *rows) == 1500

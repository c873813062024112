"""A sync of 100,000 invoices, first time and unchanged, beside one executemany of the same rows.

Ours is the whole path of the service from the bytes of the stream's messages to the last commit: parsing,
checking, comparing, writing, a transaction for each thousand lines. What is left out is gRPC's own carrying
of the bytes. The peer has the same rows ready as tuples and writes them, table by table, in one transaction
into the same schema by the driver's executemany.
"""

from __future__ import annotations

import gc
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from dunlin.paynow.v1 import ledger_pb2

from bench import sync_books
from bench.figures import Figure, at_least
from services.shared.database import Database
from services.shared.process import GARBAGE_THRESHOLDS
from tests.servers import PostgresServer

if TYPE_CHECKING:
    from bench.run import Scale

TABLES = ("organizations", "contacts", "addresses", "invoices")
BESIDE = "one executemany of the same rows"

NewDatabase = Callable[[], str]


@dataclass
class Rounds:
    """Invoices per second, round by round."""

    first: list[float] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)


def run(scale: Scale) -> list[Figure]:
    """First time and unchanged, on both databases."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # as every program of ours does at its start
    invoices, rounds = (10_000, 3) if scale.quick else (100_000, 5)
    stream = [request.SerializeToString() for request in sync_books.lists(invoices)]
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        postgres = PostgresServer(scale.postgres_url)
        for name, kind in (("SQLite", "sqlite"), ("PostgreSQL", "postgresql")):
            measured = Rounds()
            for round_ in range(rounds):
                one_round(stream, kind, Path(folder) / str(round_), postgres, measured)
            figures += told(name, invoices, measured)
        postgres.close()
    return figures


def told(name: str, invoices: int, measured: Rounds) -> list[Figure]:
    """The median round of each."""
    first, unchanged, peer = map(statistics.median, (measured.first, measured.unchanged, measured.peer))
    work = f"sync of {invoices:,} invoices on {name}"
    return [
        at_least(f"{work}, first time", BESIDE, "invoices/s", ours=first, peer=peer, goal=0.25),
        at_least(f"{work}, unchanged", "the first time", "invoices/s", ours=unchanged, peer=first, goal=2.0),
    ]


def one_round(
    stream: list[bytes], kind: str, folder: Path, postgres: PostgresServer, measured: Rounds
) -> None:
    """Ours into one new database, the same rows by the peer into another one."""
    with new_database(kind, folder, postgres) as url, new_database(kind, folder, postgres) as other:
        database = Database(url, durable=True)
        invoices = sync_books.BATCH * len(stream)
        for speeds in (measured.first, measured.unchanged):
            began = time.perf_counter()
            report = sync_books.take_in(map(ledger_pb2.SyncBooksRequest.FromString, stream), database)
            speeds.append(invoices / (time.perf_counter() - began))
            assert report.refused == report.changed == 0
        assert report.unchanged == invoices
        database.dispose()
        rows = {table: rows_of(url, table) for table in TABLES}
        measured.peer.append(len(rows["invoices"][1]) / seconds_to_write(other, rows))


@contextmanager
def new_database(kind: str, folder: Path, postgres: PostgresServer) -> Iterator[str]:
    """A migrated, empty database for as long as it is needed."""
    if kind == "postgresql":
        url = postgres.empty()
        sync_books.migrated(url)
        yield url
        postgres.drop(url)
        return
    folder.mkdir(exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    sync_books.migrated(f"sqlite:///{path}")
    yield f"sqlite:///{path}"


def rows_of(url: str, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The table's columns and rows, as the driver gives them."""
    with closing(connected(url)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table}")
        return [column[0] for column in cursor.description], cursor.fetchall()


def seconds_to_write(url: str, rows: dict[str, tuple[list[str], list[tuple[Any, ...]]]]) -> float:
    """How long the peer takes."""
    mark = "?" if url.startswith("sqlite") else "%s"
    with closing(connected(url)) as connection:
        began = time.perf_counter()
        cursor = connection.cursor()
        for table, (columns, values) in rows.items():
            marks = ", ".join([mark] * len(columns))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            cursor.executemany(statement, values)
        connection.commit()
        return time.perf_counter() - began


def connected(url: str) -> Any:
    """A connection of the driver, set as the service sets its own."""
    if not url.startswith("sqlite"):
        return psycopg.connect(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection

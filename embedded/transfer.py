"""Copies the content of one SQLite database into one PostgreSQL database of the same schema, and compares."""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import MetaData, Table, types

from services.shared.database import Database

_CHUNK = 1000
"""Rows held in memory at once."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_REVISION = "alembic_version"
_MARK = "dunlin: moved from a home; content "


class TransferFailed(Exception):
    """A database was not copied; nothing of it has changed. The message says why."""


@dataclass
class TableCount:
    """What one table holds: rows, and the sums of its money columns by (column, currency)."""

    rows: int = 0
    sums: dict[tuple[str, str], int] = field(default_factory=dict)


Rows = Generator[tuple[Any, ...], None, None]

Counts = Mapping[str, TableCount]
"""By table."""


@dataclass(frozen=True)
class Copied:
    """What was copied: the same on both sides, or it would have failed."""

    here: Counts
    there: Counts


def _nothing(_rows: int) -> None:
    pass


class Source:
    """A SQLite database, read in one consistent view."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["Source"]:
        """The database in that file, which must be there."""
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)) as found:
            found.execute("BEGIN")
            yield cls(found)

    def revision(self) -> str:
        """The revision of its schema; empty if it has none."""
        if _REVISION not in self.tables(everything=True):
            return ""
        return str(self._connection.execute(f"SELECT version_num FROM {_REVISION}").fetchone()[0])

    def tables(self, *, everything: bool = False) -> list[str]:
        """The names of the tables with content of ours."""
        query = (
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        names = [name for (name,) in self._connection.execute(query)]
        return sorted(names if everything else set(names) - {_REVISION})

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""
        return [row[1] for row in self._connection.execute(f'PRAGMA table_info("{table}")')]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    def total(self) -> int:
        """How many rows there are in all."""
        return sum(self.count(table) for table in self.tables())

    def rows(self, table: str, columns: list[str]) -> Rows:
        """A table's rows as SQLite stores them, a chunk in memory at a time."""
        listed = ", ".join(f'"{column}"' for column in columns)
        with closing(self._connection.execute(f'SELECT {listed} FROM "{table}"')) as cursor:
            while chunk := cursor.fetchmany(_CHUNK):
                yield from chunk

    def highest(self, table: str, column: str) -> int:
        """The highest number that a key was given so far, 0 if none."""
        highest = self._connection.execute(f'SELECT coalesce(max("{column}"), 0) FROM "{table}"').fetchone()[
            0
        ]
        if "sqlite_sequence" in self._every_name():
            known = self._connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)
            ).fetchone()
            highest = max(highest, known[0] if known else 0)
        return int(highest)

    def _every_name(self) -> set[str]:
        return {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema")}

    def digest(self) -> str:
        """A fingerprint of all content."""
        sha = hashlib.sha256()
        for table in self.tables():
            columns = sorted(self.columns(table))
            sha.update(repr((table, columns)).encode())
            for row in self.rows(table, columns):
                sha.update(repr(row).encode("utf-8", "surrogatepass"))
        return sha.hexdigest()


class Target:
    """A PostgreSQL database that is being filled, within one transaction of ours."""

    def __init__(self, connection: psycopg.Connection[Any], metadata: MetaData) -> None:
        self._connection = connection
        self._metadata = metadata

    @classmethod
    @contextmanager
    def opened(cls, url: str) -> Iterator["Target"]:
        """The whole database, for us alone meanwhile. `TransferFailed` while somebody works on it."""
        database = Database(url)
        try:
            with database.write() as connection:
                metadata = MetaData()
                metadata.reflect(connection)
                driver = connection.connection.driver_connection
                assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the one driver there is
                target = cls(driver, metadata)
                target._hold()
                yield target
        finally:
            database.dispose()

    def _hold(self) -> None:
        # It takes as long as it takes, and the other databases wait in between.
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            self._connection.execute(f"SET LOCAL {limit} = 0")
        names = [sql.Identifier(table.name) for table in self._metadata.sorted_tables]
        if not names:
            return
        try:
            self._connection.execute(sql.SQL("LOCK TABLE {}").format(sql.SQL(", ").join(names)))
        except psycopg.errors.LockNotAvailable:
            raise TransferFailed("A program works on the target; stop it first.") from None

    def revision(self) -> str:
        """The revision of its schema; empty if it has none."""
        if _REVISION not in self._metadata.tables:
            return ""
        found = self._connection.execute(f"SELECT version_num FROM {_REVISION}").fetchone()
        return str(found[0]) if found else ""

    def mark(self) -> str:
        """The fingerprint of what was moved here; empty if nothing was."""
        if _REVISION not in self._metadata.tables:
            return ""
        said = self._metadata.tables[_REVISION].comment or ""
        return said.removeprefix(_MARK) if said.startswith(_MARK) else ""

    def set_mark(self, digest: str) -> None:
        """Writes down what was moved here."""
        statement = sql.SQL("COMMENT ON TABLE {} IS {}")
        self._connection.execute(statement.format(sql.Identifier(_REVISION), sql.Literal(_MARK + digest)))

    def tables(self) -> list[Table]:
        """The tables with content of ours, each after those that it refers to."""
        return [table for table in self._metadata.sorted_tables if table.name != _REVISION]

    def clear(self, table: Table) -> None:
        """Takes out what the migrations have put in, and puts the triggers to rest."""
        name = sql.Identifier(table.name)
        self._connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        self._connection.execute(sql.SQL("DELETE FROM {}").format(name))

    def finish(self, table: Table) -> None:
        """Wakes the triggers."""
        name = sql.Identifier(table.name)
        self._connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
        self._connection.execute(sql.SQL("ANALYZE {}").format(name))

    def fill(self, table: Table, columns: list[str], rows: Rows) -> None:
        """Puts rows as SQLite stores them into a table."""
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        converters = [_converter(table.columns[column].type) for column in columns]
        row: tuple[Any, ...] = ()
        try:
            with closing(rows), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(
                        [
                            convert(value) if value is not None else None
                            for convert, value in zip(converters, row, strict=True)
                        ]
                    )
        except (psycopg.Error, ValueError) as error:
            where = ", ".join(
                f"{column}={value!r}"
                for column, value in zip(columns, row, strict=False)
                if table.columns[column].primary_key
            )
            raise TransferFailed(f"{table.name}, at or before the row {where}: {error}") from None

    def count_on_from(self, table: Table, column: str, highest: int) -> None:
        """Has the next row that is added get a higher key."""
        self._connection.execute(
            "SELECT setval(sequence, %(highest)s, %(used)s)"
            " FROM pg_get_serial_sequence(%(table)s, %(column)s) AS sequence WHERE sequence IS NOT NULL",
            {"table": f'"{table.name}"', "column": column, "highest": max(highest, 1), "used": highest > 0},
        )

    def count(self, table: Table) -> TableCount:
        """What a table holds now."""
        money = _money_columns([column.name for column in table.columns])
        currency = sql.Identifier("currency") if "currency" in table.columns else sql.Literal("")
        sums = [sql.SQL("sum({})").format(sql.Identifier(column)) for column in money]
        columns = sql.SQL(", ").join([currency, sql.SQL("count(*)"), *sums])
        query = sql.SQL("SELECT {} FROM {} GROUP BY 1").format(columns, sql.Identifier(table.name))
        found = TableCount()
        for code, rows, *amounts in self._connection.execute(query):
            found.rows += rows
            for column, amount in zip(money, amounts, strict=True):
                if amount:
                    found.sums[column, code or ""] = int(amount)
        return found


def _converter(kind: types.TypeEngine[Any]) -> Callable[[Any], Any]:
    """From the value that SQLite stores to the one that PostgreSQL takes."""
    if isinstance(kind, types.DateTime):
        return _instant
    if isinstance(kind, types.Boolean):
        return _truth
    if isinstance(kind, types.LargeBinary):
        return bytes
    return lambda value: value


def _instant(value: Any) -> str:
    # PostgreSQL would also take words such as "yesterday".
    if not _INSTANT.fullmatch(value):
        raise ValueError(f"{value!r} is no instant")
    # It is stored in UTC, without saying so.
    return f"{value}+00"


def _truth(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def _money_columns(columns: list[str]) -> list[str]:
    return [column for column in columns if column.endswith("_minor")]


def _counting(rows: Rows, columns: list[str], found: TableCount, progress: Callable[[int], None]) -> Rows:
    """The rows as they are, counted and summed up as they pass."""
    money = [(at, column) for at, column in enumerate(columns) if column in _money_columns(columns)]
    currency = columns.index("currency") if "currency" in columns else None
    with closing(rows):
        for row in rows:
            found.rows += 1
            for at, column in money:
                if row[at]:
                    key = (column, row[currency] or "" if currency is not None else "")
                    found.sums[key] = found.sums.get(key, 0) + row[at]
            if found.rows % _CHUNK == 0:
                progress(_CHUNK)
            yield row
    progress(found.rows % _CHUNK)


def copy(source: Source, target: Target, progress: Callable[[int], None] = _nothing) -> Copied:
    """Copies everything in the target's transaction. `TransferFailed` if a value does not fit.

    The target's tables may hold what its migrations put in; the source's rows take its place.
    """
    tables = target.tables()
    if [table.name for table in sorted(tables, key=lambda table: table.name)] != source.tables():
        raise TransferFailed("The two databases have different tables.")
    here: dict[str, TableCount] = {}
    for table in reversed(tables):
        target.clear(table)
    for table in tables:
        columns = source.columns(table.name)
        if sorted(columns) != sorted(column.name for column in table.columns):
            raise TransferFailed(f"{table.name} has different columns in the two databases.")
        found = here[table.name] = TableCount()
        target.fill(table, columns, _counting(source.rows(table.name, columns), columns, found, progress))
        for column in table.primary_key.columns:
            if isinstance(column.type, types.Integer):
                target.count_on_from(table, column.name, source.highest(table.name, column.name))
    for table in tables:
        target.finish(table)
    return Copied(here, compare(source, target, here))


def compare(source: Source, target: Target, here: Counts) -> Counts:
    """What the target holds. `TransferFailed` if that is not what the source holds."""
    there = {table.name: target.count(table) for table in target.tables()}
    for name, count in here.items():
        if source.count(name) != count.rows or there[name] != count:
            raise TransferFailed(f"{name} holds {count} in the home and {there[name]} in PostgreSQL.")
    return there


def counts(source: Source) -> Counts:
    """What a source holds."""
    found = {}
    for table in source.tables():
        columns = source.columns(table)
        found[table] = TableCount()
        for _row in _counting(source.rows(table, columns), columns, found[table], _nothing):
            pass
    return found

"""The PostgreSQL database that a transfer fills."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import MetaData, Table, types

from embedded.transfer_counts import REVISION, Rows, TableCount, TransferFailed, money_columns
from services.shared.database import Database

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_MARK = "dunlin: moved from a home; content "


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
        if REVISION not in self._metadata.tables:
            return ""
        found = self._connection.execute(f"SELECT version_num FROM {REVISION}").fetchone()
        return str(found[0]) if found else ""

    def mark(self) -> str:
        """The fingerprint of what was moved here; empty if nothing was."""
        if REVISION not in self._metadata.tables:
            return ""
        said = self._metadata.tables[REVISION].comment or ""
        return said.removeprefix(_MARK) if said.startswith(_MARK) else ""

    def set_mark(self, digest: str) -> None:
        """Writes down what was moved here."""
        statement = sql.SQL("COMMENT ON TABLE {} IS {}")
        self._connection.execute(statement.format(sql.Identifier(REVISION), sql.Literal(_MARK + digest)))

    def tables(self) -> list[Table]:
        """The tables with content of ours, each after those that it refers to."""
        return [table for table in self._metadata.sorted_tables if table.name != REVISION]

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
        money = money_columns([column.name for column in table.columns])
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

"""The SQLite database that a transfer reads."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from embedded.transfer_counts import CHUNK, REVISION, Rows


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
        if REVISION not in self.tables(everything=True):
            return ""
        return str(self._connection.execute(f"SELECT version_num FROM {REVISION}").fetchone()[0])

    def tables(self, *, everything: bool = False) -> list[str]:
        """The names of the tables with content of ours."""
        query = (
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        names = [name for (name,) in self._connection.execute(query)]
        return sorted(names if everything else set(names) - {REVISION})

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
            while chunk := cursor.fetchmany(CHUNK):
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

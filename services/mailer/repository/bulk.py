"""Many rows in one statement.

PostgreSQL takes a column of each as an array, which spares it and us a statement for each row; SQLite has no
arrays, and no network on the way.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, update
from sqlalchemy.dialects import postgresql

Rows = Sequence[Mapping[str, Any]]

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here


def insert_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Inserts rows that all have the same columns."""
    _run(connection, table, rows, _insert_arrays, lambda _columns: insert(table))


def update_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Sets columns of rows that are there, each found by its `id`; all rows have the same columns."""

    def plain(columns: tuple[str, ...]) -> Any:
        # A name of its own, because a column's is taken for the value that it is set to.
        values: dict[str, Any] = {name: bindparam(name) for name in columns if name != "id"}
        return update(table).where(table.c.id == bindparam("row_id")).values(values)

    _run(connection, table, rows, _update_arrays, plain)


def _run(
    connection: Connection,
    table: Table,
    rows: Rows,
    arrays: Callable[[Table, tuple[str, ...]], str],
    plain: Callable[[tuple[str, ...]], Any],
) -> None:
    if not rows:
        return
    columns = tuple(rows[0])
    if connection.dialect.name == "postgresql":
        values = {name: [row[name] for row in rows] for name in columns}
        connection.exec_driver_sql(arrays(table, columns), values)
    else:
        connection.execute(plain(columns), [{**row, "row_id": row.get("id")} for row in rows])


@lru_cache(maxsize=32)
def _insert_arrays(table: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM {_unnest(table, columns)}"


@lru_cache(maxsize=32)
def _update_arrays(table: Table, columns: tuple[str, ...]) -> str:
    settings = ", ".join(f"{name} = new.{name}" for name in columns if name != "id")
    source = f"{_unnest(table, columns)} AS new ({', '.join(columns)})"
    return f"UPDATE {table.name} SET {settings} FROM {source} WHERE {table.name}.id = new.id"


def _unnest(table: Table, columns: tuple[str, ...]) -> str:
    arrays = (f"%({name})b::{_type(table, name)}[]" for name in columns)
    return f"unnest({', '.join(arrays)})"


def _type(table: Table, name: str) -> str:
    """The column's type on PostgreSQL."""
    return str(table.c[name].type.compile(_DIALECT))

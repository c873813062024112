"""Inserting what may be there already, on SQLite and PostgreSQL alike."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Select, Table, Text, column, func, literal, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite


class Upsert(Protocol):
    """The part of the two dialects' INSERT that they have in common."""

    def values(self, *rows: Any) -> "Upsert":
        """Sets the rows."""
        ...

    def from_select(self, names: Sequence[str], select: Any) -> "Upsert":
        """Takes the rows from a query."""
        ...

    def on_conflict_do_nothing(self, *, index_elements: Sequence[str], index_where: Any = None) -> Any:
        """Leaves a row that is there as it is."""
        ...

    def on_conflict_do_update(self, *, index_elements: Sequence[str], set_: Mapping[str, Any]) -> Any:
        """Changes a row that is there."""
        ...

    @property
    def excluded(self) -> Any:
        """The row that could not be inserted."""
        ...


def upsert(connection: Connection, table: Table) -> Upsert:
    """An INSERT of the connection's dialect that knows ON CONFLICT."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return cast(Upsert, dialect.insert(table))


def insert_ignoring(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    conflict: Sequence[str],
    where: Any = None,
) -> int:
    """Inserts the rows that are not there yet, by the unique columns `conflict`; returns how many were new.

    Rows must all have the same keys. `where` is the condition of the unique index, if it is partial.
    """
    if not rows:
        return 0
    if len(rows) > 1 and connection.dialect.name == "postgresql":
        statement = upsert(connection, table).from_select(list(rows[0]), _at_once(table, rows))
        parameters = None
    else:
        statement, parameters = upsert(connection, table), [dict(row) for row in rows]
    ignoring = statement.on_conflict_do_nothing(index_elements=conflict, index_where=where)
    # Without the option the count of an INSERT is thrown away by drivers other than SQLite's.
    return connection.execute(ignoring.execution_options(preserve_rowcount=True), parameters).rowcount


def _at_once(table: Table, rows: Sequence[Mapping[str, Any]]) -> Select[Any]:
    """The rows as one value of JSON: one statement with one answer, however many they are.

    Arrays would do as well, but cost the driver four times as much.
    """
    columns = [column(name, table.c[name].type) for name in rows[0]]
    text = json.dumps([dict(row) for row in rows], ensure_ascii=False, default=datetime.isoformat)
    values = func.json_to_recordset(sql_cast(literal(text, Text), postgresql.JSON))
    return select(values.table_valued(*columns).render_derived(with_types=True))

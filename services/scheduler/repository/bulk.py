"""Many rows at once: inserting them, and asking for them."""

from collections.abc import Collection, Sequence
from typing import Any

import psycopg
from sqlalchemy import ARRAY, Column, ColumnElement, Connection, Table, any_, insert, literal
from sqlalchemy.exc import DBAPIError


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Inserts the rows, whose values are in the order of `columns`.

    By COPY on PostgreSQL, which costs the client an eighth of what INSERT does. Errors are SQLAlchemy's
    there too.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
        return
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        lost = driver.closed
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, connection_invalidated=lost, dialect=connection.dialect
        ) from error


def is_one_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column has one of the values; on PostgreSQL they are one parameter, however many."""
    if connection.dialect.name != "postgresql":
        return column.in_(list(values))
    return column == any_(literal(list(values), ARRAY(column.type)))

"""Many rows of texts as one parameter of a query."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, cast, column, func
from sqlalchemy.dialects.postgresql import JSONB


class Texts(NamedTuple):
    """Something to select from, and its columns."""

    rows: FromClause
    columns: Sequence[ColumnElement[str]]


def texts(connection: Connection, values: Sequence[tuple[str, ...]], width: int) -> Texts:
    """The values, each of `width` texts, as rows to join with.

    They travel as one JSON text: `(a, b) IN (...)` makes SQLite read the whole table, and a statement with
    two thousand parameters takes longer to prepare than to run.
    """
    text: ColumnElement[str] = bindparam("texts", json.dumps(values))
    if connection.dialect.name == "postgresql":
        elements = func.jsonb_array_elements(cast(text, JSONB))
        found = elements.table_valued(column("value", JSONB), name="row_of_texts")
        return Texts(found, [found.c.value[index].astext for index in range(width)])
    rows = func.json_each(text).table_valued("value", name="row_of_texts")
    return Texts(rows, [func.json_extract(rows.c.value, f"$[{index}]") for index in range(width)])

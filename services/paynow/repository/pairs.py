"""Many pairs of texts as one parameter of a query."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, cast, column, func
from sqlalchemy.dialects.postgresql import JSONB


class Pairs(NamedTuple):
    """Something to select from, and the two columns in it."""

    rows: FromClause
    first: ColumnElement[str]
    second: ColumnElement[str]


def pairs(connection: Connection, values: Sequence[tuple[str, str]]) -> Pairs:
    """The pairs as rows to join with.

    They travel as one JSON text: `(a, b) IN (...)` makes SQLite read the whole table, and a statement with
    two thousand parameters takes longer to prepare than to run.
    """
    text: ColumnElement[str] = bindparam("pairs", json.dumps(values))
    if connection.dialect.name == "postgresql":
        elements = func.jsonb_array_elements(cast(text, JSONB))
        found = elements.table_valued(column("value", JSONB), name="pair")
        return Pairs(found, found.c.value[0].astext, found.c.value[1].astext)
    rows = func.json_each(text).table_valued("value", name="pair")
    value = rows.c.value
    return Pairs(rows, func.json_extract(value, "$[0]"), func.json_extract(value, "$[1]"))

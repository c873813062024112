"""Many rows of texts as one parameter of a query."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, FromClause, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB


class Texts(NamedTuple):
    """Something to select from, and its columns."""

    rows: FromClause
    columns: Sequence[ColumnElement[str]]


def texts(dialect: str, width: int) -> Texts:
    """Rows of `width` texts to join with; the query then takes them as the parameter "texts" (`as_texts`).

    They travel as one JSON text: `(a, b) IN (...)` makes SQLite read the whole table, and a statement with
    two thousand parameters takes longer to prepare than to run.
    """
    text: ColumnElement[str] = bindparam("texts")
    if dialect == "postgresql":
        elements = func.jsonb_array_elements(cast(text, JSONB))
        found = elements.table_valued(column("value", JSONB), name="row_of_texts")
        return Texts(found, [found.c.value[index].astext for index in range(width)])
    rows = func.json_each(text).table_valued("value", name="row_of_texts")
    return Texts(rows, [func.json_extract(rows.c.value, f"$[{index}]") for index in range(width)])


def is_among(dialect: str, text: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether the text is one of the values; IN with a parameter for each takes longer to prepare."""
    found = texts(dialect, 1)
    wanted = select(found.columns[0]).select_from(found.rows)
    return text.in_(wanted.params(texts=as_texts([(value,) for value in values])))


def as_texts(values: Sequence[tuple[str, ...]]) -> str:
    """What such a query takes; a row with a NUL equals none in the books, and PostgreSQL refuses it."""
    text = json.dumps(values)
    if "\\u0000" in text:
        text = json.dumps([row for row in values if "\0" not in "".join(row)])
    return text

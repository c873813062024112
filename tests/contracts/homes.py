"""Homes whose databases are full of odd values, and what a PostgreSQL database holds in SQLite's terms."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    Table,
    UniqueConstraint,
    create_engine,
    make_url,
    select,
    types,
)

from embedded.home import Home
from embedded.up import migrate

DATABASES = ("scheduler", "mailer", "paynow", "sandbox", "identity")
ODD_TEXTS = (
    "plain",
    "tab\tnew line\nreturn\r backslash \\ \\N \\. quote ' \" percent %s {}",
    "\N{GRINNING FACE} \u0645\u0631\u062d\u0628\u0627 \N{COMBINING ACUTE ACCENT} \u2028 \U0010ffff \x01\x7f",
    "",
    "NULL",
)
ODD_NUMBERS = (2**53 + 1, -(2**63) + 1, 2**63 - 1_000_000, 0, -1)
ODD_INSTANTS = (
    "2026-11-01 06:30:00.000001",
    "1969-12-31 23:59:59.999999",
    "2026-03-08 09:30:00",
    "9999-12-31 23:59:59.000000",
    "0001-01-01 00:00:00.000000",
)
ROWS = len(ODD_TEXTS)


def new_home(root: Path) -> Home:
    """A home whose databases are up to date and were never used."""
    root.mkdir(parents=True, exist_ok=True)
    migrate({"DUNLIN_HOME": str(root), "PATH": "/usr/bin:/bin", **_path()}, lambda _text: None)
    return Home(root)


def _path() -> dict[str, str]:
    repository = Path(__file__).parents[2]
    return {"PYTHONPATH": f"{repository}:{repository / 'protos' / 'gen'}"}


def copy_of(home: Home, root: Path) -> Home:
    """The same home at another place."""
    shutil.copytree(home.root, root)
    return Home(root)


def fill_oddly(home: Home) -> None:
    """Puts rows of odd values into every table."""
    for name in DATABASES:
        engine = create_engine(home.database_url(name))
        metadata = MetaData()
        metadata.reflect(engine)
        for table in metadata.sorted_tables:
            if table.name != "alembic_version":
                _fill(engine, table)
        engine.dispose()


def _fill(engine: Engine, table: Table) -> None:
    path = str(make_url(str(engine.url)).database)
    with closing(sqlite3.connect(path)) as connection, connection:
        parents = {
            column.name: _newest(connection, key.column)
            for column in table.columns
            for key in column.foreign_keys
        }
        for at in range(ROWS):
            row = {
                column.name: parents[column.name][at] if column.name in parents else _odd(column, at, table)
                for column in table.columns
            }
            if table.name == "notices":
                row["due_on" if at % 2 else "occurrence"] = None
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" for _ in row)
            connection.execute(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', list(row.values()))


def _newest(connection: sqlite3.Connection, column: Column[Any]) -> list[Any]:
    rows = connection.execute(f'SELECT "{column.name}" FROM "{column.table.name}" ORDER BY rowid DESC')
    return [row[0] for row in rows]


def _odd(column: Column[Any], at: int, table: Table) -> Any:
    is_key = column.primary_key or column.name in _unique_columns(table)
    if column.nullable and not is_key and at % 3 == 0:
        return None
    kind = column.type
    if isinstance(kind, types.BigInteger):
        return ODD_NUMBERS[at] if not column.primary_key else 1000 + at
    if isinstance(kind, types.Integer) and is_key:
        return 1000 + at
    for odd, values in _ODD.items():
        if isinstance(kind, odd):
            return values[at]
    if column.name == "currency":
        return ("USD", "JPY", "KWD", "USD", "")[at]
    text = f"{at}{ODD_TEXTS[at]}" if is_key else ODD_TEXTS[at]
    length = getattr(kind, "length", None)
    return text[:length] if length else text


def _unique_columns(table: Table) -> set[str]:
    indexes = [index for index in table.indexes if index.unique]
    constraints = [found for found in table.constraints if isinstance(found, UniqueConstraint)]
    return {column.name for found in (*indexes, *constraints) for column in found.columns}


_ODD: dict[type[types.TypeEngine[Any]], tuple[Any, ...]] = {
    types.Boolean: (0, 1, 1, 0, 1),
    types.DateTime: ODD_INSTANTS,
    types.Date: ("2024-02-29", "0001-01-01", "9999-12-31", "2026-11-01", "1969-07-20"),
    types.LargeBinary: (bytes(range(256)), b"", b"\x00\\x00", b"\xff\xfe", b"%PDF"),
    types.SmallInteger: (3, -1, 2**15 - 1, -(2**15), 0),
    types.Integer: (3, -1, 2**31 - 1, -(2**31), 0),
    types.JSON: ("{}", "[1, null, true]", '{"n": 1152921504606846976}', '"\\u00e9\U0001f600"', "null"),
}


def in_sqlite(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a SQLite database, by table; columns in the order of their names."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {}
        for name in names:
            if name.startswith("sqlite_"):
                continue
            columns = sorted(row[1] for row in connection.execute(f'PRAGMA table_info("{name}")'))
            listed = ", ".join(f'"{column}"' for column in columns)
            kinds = {row[1]: str(row[2]) for row in connection.execute(f'PRAGMA table_info("{name}")')}
            rows = connection.execute(f'SELECT {listed} FROM "{name}"').fetchall()
            found[name] = sorted(
                (
                    tuple(_same(kinds[column], value) for column, value in zip(columns, row, strict=True))
                    for row in rows
                ),
                key=repr,
            )
        return found


def _same(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "DATETIME" and "." not in value:
        return f"{value}.000000"
    return json.loads(value) if kind == "JSON" else value


def in_postgresql(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """The same of a PostgreSQL database, in the terms of SQLite."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    metadata = MetaData()
    metadata.reflect(engine)
    found = {}
    with engine.connect() as connection:
        for table in metadata.tables.values():
            columns = sorted(column.name for column in table.columns)
            rows = connection.execute(select(*(table.columns[column] for column in columns)))
            found[table.name] = sorted((tuple(_as_sqlite(value) for value in row) for row in rows), key=repr)
    engine.dispose()
    return found


_AS_SQLITE: Mapping[type, Callable[[Any], Any]] = {
    bool: int,
    datetime: lambda value: value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"),
    date: lambda value: value.isoformat(),
    memoryview: bytes,
}


def _as_sqlite(value: Any) -> Any:
    convert = _AS_SQLITE.get(type(value))
    return convert(value) if convert else value

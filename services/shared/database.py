"""One database of one service: transactions, and the few types that SQLite and PostgreSQL differ in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

BUSY_SECONDS = 30
"""How long a SQLite writer waits for another one before it gives up."""

POOL_SECONDS = 5
"""How long a call waits for a free connection on PostgreSQL before it is told to come again."""

LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
"""What a connection to PostgreSQL is held to: no statement, lock or forgotten transaction lasts for ever."""

_CONNECTION: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "dunlin",
    # A server that is gone without a word is given up after 30 s, also in the middle of an answer.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit primary key that counts up by itself on both databases."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Takes aware datetimes only, gives them back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: SQLite has no zones, so it stores UTC without one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, aware and in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Connections to one database, and transactions on them.

    `durable` makes a commit survive a power cut on SQLite too; without it a commit survives the
    death of the process, and a power cut may undo the newest ones. Money wants it, mail does not.
    """

    def __init__(self, url: str, *, durable: bool = False) -> None:
        self._engine = _engine(url, durable=durable)

    @property
    def locks_rows(self) -> bool:
        """Whether SELECT ... FOR UPDATE locks rows; without it (SQLite) there is one writer at a time."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, undone by an exception.

        On SQLite it takes the one write lock at once, so that it never has to be tried again.
        """
        with self._engine.connect() as connection:
            connection.info["dunlin_begin"] = "BEGIN IMMEDIATE"
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from: one consistent view on SQLite, statement by statement on PostgreSQL."""
        with self._engine.connect() as connection:
            connection.info["dunlin_begin"] = "BEGIN"
            if self.locks_rows:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def glance(self, seconds: float) -> Iterator[Connection]:
        """To read something that is not worth waiting for: one view, and no statement lasts longer."""
        with self._engine.connect() as connection:
            connection.info["dunlin_begin"] = "BEGIN"
            with connection.begin():
                if self.locks_rows:
                    milliseconds = int(seconds * 1000)
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
                yield connection

    def ping(self) -> None:
        """Raises unless the database answers, and has been migrated at all."""
        with self.read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM alembic_version")

    def dispose(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


def _engine(url: str, *, durable: bool) -> Engine:
    return _sqlite(url, durable=durable) if url.startswith("sqlite") else _postgresql(url)


def _postgresql(url: str) -> Engine:
    # What a URL says by itself goes before these: a long report may raise its own limits.
    parts = make_url(url)
    if parts.drivername in {"postgresql", "postgres"}:
        parts = parts.set(drivername="postgresql+psycopg")
    limits = " ".join(f"-c {name}={value}" for name, value in LIMITS.items())
    options = {**_CONNECTION, "options": limits} | parts.query
    return create_engine(
        parts.set(query={}),
        connect_args=options,
        pool_pre_ping=True,
        pool_size=20,
        pool_timeout=POOL_SECONDS,
        # A failover moves the name to another server; connections do not stay with the old one for ever.
        pool_recycle=1800,
        # The values of a statement belong to clients; an error that is logged does not show them.
        hide_parameters=True,
    )


def _sqlite(url: str, *, durable: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=20,
        hide_parameters=True,
    )
    synchronous = "FULL" if durable else "NORMAL"

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver's own transaction handling would begin too late; ours begins below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.info.get("dunlin_begin", "BEGIN"))

    return engine


class Upsert(Protocol):
    """The part of the two dialects' INSERT that they have in common."""

    def values(self, *rows: Any) -> "Upsert":
        """Sets the rows."""
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
    statement = upsert(connection, table).on_conflict_do_nothing(index_elements=conflict, index_where=where)
    # Without the option the count of an INSERT is thrown away by drivers other than SQLite's.
    statement = statement.execution_options(preserve_rowcount=True)
    return connection.execute(statement, [dict(row) for row in rows]).rowcount

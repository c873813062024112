"""One database of one service: transactions, and the few types that SQLite and PostgreSQL differ in."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.types import TypeDecorator

from services.shared.readers import LIFE_SECONDS, REST_SECONDS, Readers

BUSY_SECONDS = 30
"""How long a SQLite writer waits for another one before it gives up."""

HANGING_SECONDS = 1.0

POOL_SECONDS = 5
"""How long a call waits for a free connection on PostgreSQL before it is told to come again."""

LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
"""What a connection to PostgreSQL is held to: no statement, lock or forgotten transaction lasts for ever."""

ZONE = {"timezone": "UTC"}
"""In a zone of the server's choice the first and the last day that Python knows could not be read."""

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
        self._readers = Readers(self._engine)
        self._pinged_at: float | None = None

    @property
    def locks_rows(self) -> bool:
        """Whether SELECT ... FOR UPDATE locks rows; without it (SQLite) there is one writer at a time."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, undone by an exception.

        On SQLite it takes the one write lock at once, so that it never has to be tried again. Unless it is
        `lasting`, a power cut may undo it until a later one that is: it does not wait for the disk.
        """
        with self._engine.connect() as connection:
            connection.info["dunlin_begin"] = "BEGIN IMMEDIATE"
            connection.info["dunlin_lasting"] = lasting
            with connection.begin():
                if self.locks_rows and not lasting:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
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

    def driver(self) -> AbstractContextManager[Any]:
        """See `Readers.one`; for `Lookup`."""
        return self._readers.one()

    @property
    def dialect(self) -> Dialect:
        """What tells SQLite and PostgreSQL apart for SQLAlchemy."""
        return self._engine.dialect

    def ping(self) -> None:
        """Raises unless the database answers, and has been migrated at all. For one thread."""
        self._pinged_at = time.monotonic()
        try:
            with self.read() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM alembic_version")
        finally:
            self._pinged_at = None

    @property
    def hangs(self) -> bool:
        """Whether the last `ping` waits for an answer still, after a second: others would wait as well."""
        pinged_at = self._pinged_at
        return pinged_at is not None and time.monotonic() - pinged_at > HANGING_SECONDS

    def dispose(self) -> None:
        """Closes all connections."""
        self._readers.close()
        self._engine.dispose()


def _engine(url: str, *, durable: bool) -> Engine:
    return _sqlite(url, durable=durable) if url.startswith("sqlite") else _postgresql(url)


def _postgresql(url: str) -> Engine:
    # What a URL says by itself goes before these: a long report may raise its own limits.
    parts = make_url(url)
    if parts.drivername in {"postgresql", "postgres"}:
        parts = parts.set(drivername="postgresql+psycopg")
    asked = " ".join(parts.normalized_query.get("options", ()))
    settings = " ".join(f"-c {name}={value}" for name, value in {**LIMITS, **ZONE}.items())
    # Of settings that are named twice the later ones hold.
    options = {**_CONNECTION, **parts.query, "options": f"{settings} {asked}".rstrip()}
    engine = create_engine(
        parts.set(query={}),
        connect_args=options,
        pool_size=20,
        pool_timeout=POOL_SECONDS,
        pool_recycle=int(LIFE_SECONDS),
        # The values of a statement belong to clients; an error that is logged does not show them.
        hide_parameters=True,
    )
    _ask_after_a_rest(engine)
    return engine


def _ask_after_a_rest(engine: Engine) -> None:
    """Has a connection that has rested asked whether its server is still there, before it is used again.

    SQLAlchemy's own pre-ping would ask each time, which doubles the price of a short question.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: object, record: Any) -> None:
        record.info["dunlin_rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: object) -> None:
        rests_since = record.info.get("dunlin_rests_since")
        if rests_since is None or time.monotonic() - rests_since < REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool opens a new one instead


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
        wanted = synchronous if connection.info.get("dunlin_lasting", True) else "NORMAL"
        if connection.info.get("dunlin_synchronous", synchronous) != wanted:
            connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
            connection.info["dunlin_synchronous"] = wanted
        connection.exec_driver_sql(connection.info.get("dunlin_begin", "BEGIN"))

    return engine

"""The scheduler's store on SQLAlchemy: rows in, values out; the locks are visible here."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from services.scheduler.repository.forecasts import SqlForecasts
from services.scheduler.repository.notices import SqlNotices
from services.scheduler.repository.settings import SqlCalendar, SqlExclusions, SqlLeases, SqlRules
from services.shared.database import Database


class SqlWork:
    """One transaction. With `locks`, what is read to be decided on stays as it was read until the end."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self.rules = SqlRules(connection)
        self.exclusions = SqlExclusions(connection, locks=locks)
        self.notices = SqlNotices(connection, locks=locks)
        self.calendar = SqlCalendar(connection)
        self.forecasts = SqlForecasts(connection)
        self.leases = SqlLeases(connection)


class SqlStore:
    """Implements `ports.Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def write(self) -> Iterator[SqlWork]:
        """A transaction that may write."""
        with self._database.write() as connection:
            yield SqlWork(connection, locks=True)

    @contextmanager
    def read(self) -> Iterator[SqlWork]:
        """A look at what is committed."""
        with self._database.read() as connection:
            yield SqlWork(connection, locks=False)

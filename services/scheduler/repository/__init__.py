"""The scheduler's store on SQLAlchemy: rows in, values out; the locks are visible here."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from services.scheduler.repository.addresses import SqlAddresses, SqlUnreached
from services.scheduler.repository.campaigns import SqlCampaigns
from services.scheduler.repository.email_types import SqlEmailTypes, SqlZoneRuns
from services.scheduler.repository.forecasts import SqlForecasts
from services.scheduler.repository.notices import SqlNotices
from services.scheduler.repository.pauses import SqlPauses
from services.scheduler.repository.recorded import SqlRecordedInvoices
from services.scheduler.repository.settings import SqlCalendar, SqlExclusions, SqlLeases, SqlRules
from services.shared.database import Database


class SqlWork:
    """One transaction. With `locks`, what is read to be decided on stays as it was read until the end."""

    def __init__(self, connection: Connection, *, locks: bool, owner: str = "") -> None:
        self.rules = SqlRules(connection)
        self.email_types = SqlEmailTypes(connection)
        self.zone_runs = SqlZoneRuns(connection)
        self.addresses = SqlAddresses(connection)
        self.unreached = SqlUnreached(connection)
        self.recorded = SqlRecordedInvoices(connection)
        self.campaigns = SqlCampaigns(connection, locks=locks)
        self.exclusions = SqlExclusions(connection, locks=locks)
        self.pauses = SqlPauses(connection, locks=locks)
        self.notices = SqlNotices(connection, locks=locks)
        self.calendar = SqlCalendar(connection)
        self.forecasts = SqlForecasts(connection)
        self.leases = SqlLeases(connection, owner)


class SqlStore:
    """Implements `ports.Store`.

    `owner` is the process that takes leases; of one without a name nobody can say that it has died.
    """

    def __init__(self, database: Database, owner: str = "") -> None:
        self._database = database
        self._owner = owner

    @contextmanager
    def write(self) -> Iterator[SqlWork]:
        """A transaction that may write."""
        with self._database.write() as connection:
            yield SqlWork(connection, locks=True, owner=self._owner)

    @contextmanager
    def read(self) -> Iterator[SqlWork]:
        """A look at what is committed."""
        with self._database.read() as connection:
            yield SqlWork(connection, locks=False, owner=self._owner)

"""An invoice whose currency changes in a list, while payments of it are not booked, and after."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from services.paynow.domain.lines import SyncRecord
from services.paynow.repository.books import SqlLedger
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import SystemClock
from services.shared.database import Database
from tests.fakes.paynow_payments import MIGRATIONS
from tests.servers import DATABASES, MigratedUrl

DOLLARS = SyncRecord(
    2, "A", "A Ltd", *[""] * 4, "Ana", ("ana@a.test",), None,
    "A-1", "2026-01-01", "2026-02-01", "USD", "100.00", "100.00", "open",
)  # fmt: skip
YEN = DOLLARS._replace(currency="JPY", amount="10000", balance="10000", organization_name="A Corporation")


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Database]:
    database = Database(migrated_url(request.param, MIGRATIONS))
    yield database
    database.dispose()


@pytest.mark.parametrize("what", ["paid_here_minor", "reserved_minor"])
def test_a_currency_changes_only_once_all_payments_are_booked(database: Database, what: str) -> None:
    ledger = SqlLedger(database)
    sync_books([[DOLLARS]], ledger=ledger, clock=SystemClock())
    change(database, f"UPDATE invoices SET {what} = 6000")
    refused = sync_books([[YEN]], ledger=ledger, clock=SystemClock())
    assert (refused.refused, refused.changed) == (1, 0)
    (refusal,) = refused.refusals
    assert (refusal.line, refusal.field, refusal.reason) == (2, "currency", "CURRENCY_CHANGED")
    assert "in USD" in refusal.message
    assert read(database) == ("USD", 10_000, "A Ltd"), "nothing of the line was taken"
    change(database, f"UPDATE invoices SET {what} = 0")
    assert sync_books([[YEN]], ledger=ledger, clock=SystemClock()).changed == 1
    assert read(database) == ("JPY", 10_000, "A Corporation")


def change(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.execute(text(statement))


def read(database: Database) -> tuple[object, ...]:
    query = (
        "SELECT invoices.currency, amount_minor, organizations.name"
        " FROM invoices JOIN organizations USING (organization_id)"
    )
    with database.read() as connection:
        return tuple(connection.execute(text(query)).one())

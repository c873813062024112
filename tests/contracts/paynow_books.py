"""Ledgers to hold to their promises: one in memory, one in SQLite."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import update

from services.paynow.domain.books import Invoice
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.sync import SyncReport
from services.paynow.ports import InvoiceFilter, Ledger
from services.paynow.repository.books import SqlLedger
from services.paynow.tables import invoices
from services.paynow.use_cases import books
from services.paynow.use_cases.sync import sync_books
from services.shared.database import Database
from services.shared.migrate import migrate
from tests.fakes.clock import SetClock
from tests.fakes.paynow_books import BooksInMemory, numbered

MIGRATIONS = Path(books.__file__).parents[1] / "migrations"
TODAY = date(2026, 3, 2)
KINDS = ("memory", "sqlite")


class Store(NamedTuple):
    """A ledger, and the means to act as the payments half."""

    ledger: Ledger
    take_payment: Callable[..., None]

    def sync(self, *records: SyncRecord, at: datetime | None = None) -> SyncReport:
        """One stream of one batch."""
        clock = SetClock(at) if at else SetClock()
        return sync_books([numbered(*records)], ledger=self.ledger, clock=clock)

    def only_invoice(self) -> Invoice:
        """The one that there is."""
        page = books.list_invoices(InvoiceFilter(), None, 10, ledger=self.ledger)
        (found,) = page.invoices
        return found

    def told(self, organization_id: str = "O-1") -> list[str]:
        """The addresses that a mail to the organization goes to."""
        with self.ledger.read() as view:
            return [to.email for to in view.addressees([organization_id]).get(organization_id, ())]


@contextmanager
def open_store(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store of that kind."""
    if kind == "memory":
        memory = BooksInMemory()
        yield Store(memory, memory.take_payment)
        return
    with open_database(folder) as database:

        def take_payment(invoice_id: int, paid_here_minor: int, reserved_minor: int = 0) -> None:
            statement = update(invoices).where(invoices.c.invoice_id == invoice_id)
            with database.write() as connection:
                connection.execute(
                    statement.values(
                        paid_here_minor=paid_here_minor,
                        reserved_minor=reserved_minor,
                        balance_minor=invoices.c.books_balance_minor - paid_here_minor,
                    )
                )

        yield Store(SqlLedger(database), take_payment)


@contextmanager
def open_database(folder: Path) -> Iterator[Database]:
    """A migrated, empty database."""
    url = f"sqlite:///{folder / 'paynow.sqlite'}"
    migrate(url, MIGRATIONS)
    database = Database(url)
    yield database
    database.dispose()

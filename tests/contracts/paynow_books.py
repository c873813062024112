"""Ledgers to hold to their promises: one in memory, one on each database."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update

from services.paynow.domain.books import Invoice
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.sync import SyncReport
from services.paynow.ports import InvoiceFilter, Ledger
from services.paynow.repository.books import SqlLedger
from services.paynow.tables import invoices, outbox
from services.paynow.use_cases import books
from services.paynow.use_cases.sync import sync_books
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.fakes.paynow_books import BooksInMemory, numbered
from tests.fakes.paynow_payments import MIGRATIONS
from tests.servers import DATABASES, MigratedUrl

TODAY = date(2026, 3, 2)
KINDS = ["memory", *DATABASES]


class Store(NamedTuple):
    """A ledger, and the means to act as the payments half."""

    ledger: Ledger
    take_payment: Callable[..., None]
    forget_imprints: Callable[[], None]
    """As if all invoices were from before there were imprints."""
    facts: Callable[[], list[tuple[str, dict[str, Any]]]]
    """What the other services were told so far, names and bodies in order."""

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
def open_store(kind: str, migrated_url: MigratedUrl) -> Iterator[Store]:
    """An empty store of that kind."""
    if kind == "memory":
        memory = BooksInMemory()
        yield Store(memory, memory.take_payment, memory.forget_imprints, lambda: memory.facts)
        return
    with open_database(kind, migrated_url) as database:

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

        def forget_imprints() -> None:
            with database.write() as connection:
                connection.execute(update(invoices).values(imprint=""))

        yield Store(SqlLedger(database), take_payment, forget_imprints, lambda: facts_of(database))


def facts_of(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """What is in the outbox."""
    with database.read() as connection:
        found = connection.execute(select(outbox.c.name, outbox.c.body).order_by(outbox.c.outbox_id)).all()
    return [(name, json.loads(body)) for name, body in found]


@contextmanager
def open_database(kind: str, migrated_url: MigratedUrl) -> Iterator[Database]:
    """A migrated, empty database."""
    database = Database(migrated_url(kind, MIGRATIONS))
    yield database
    database.dispose()

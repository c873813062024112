"""Accounts to hold to their promises: some in memory, some on each database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

from services.paynow.domain.accounts import Account
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.on_file import MethodRecord
from services.paynow.domain.plan_lines import PlanRecord
from services.paynow.domain.plans import PlannedPayment, Span
from services.paynow.domain.sync import SyncReport
from services.paynow.ports import Ledger
from services.paynow.ports_accounts import Accounts
from services.paynow.repository.accounts_writer import SqlAccounts
from services.paynow.repository.books import SqlLedger
from services.paynow.use_cases import accounts
from services.paynow.use_cases.sync import sync_books
from services.paynow.use_cases.sync_accounts import sync_methods, sync_plans
from services.shared.database import Database
from tests.contracts.paynow_books import facts_of, open_database
from tests.fakes.clock import SetClock
from tests.fakes.paynow_accounts import AccountsInMemory
from tests.fakes.paynow_books import BooksInMemory, numbered
from tests.servers import MigratedUrl


class Tokens:
    """Pay tokens that can be read."""

    def make(self, invoice: Any, email: str, now: Any) -> str:
        """Invoice and address."""
        return f"{invoice.number} for {email}"


class World(NamedTuple):
    """Books with accounts, and what they have told."""

    ledger: Ledger
    accounts: Accounts
    facts: Callable[[], list[tuple[str, dict[str, Any]]]]

    def sync(self, *records: SyncRecord, at: datetime | None = None) -> SyncReport:
        """Invoices, in one batch."""
        clock = SetClock(at) if at else SetClock()
        return sync_books([numbered(*records)], ledger=self.ledger, clock=clock)

    def sync_methods(self, *records: MethodRecord) -> SyncReport:
        """Methods, in one batch."""
        lines = [record._replace(line=line) for line, record in enumerate(records, 1)]
        return sync_methods([lines], accounts=self.accounts, clock=SetClock())

    def sync_plans(self, *records: PlanRecord) -> SyncReport:
        """AutoPay and scheduled payments, in one batch."""
        lines = [record._replace(line=line) for line, record in enumerate(records, 1)]
        return sync_plans([lines], accounts=self.accounts, clock=SetClock())

    def account(self, organization_id: str = "O-1", **asked: Any) -> Account:
        """One account."""
        wanted = {"profile_ids": [], "with_pay_tokens": False, "today": None} | asked
        (found,) = accounts.read_accounts(
            [organization_id], accounts=self.accounts, tokens=Tokens(), clock=SetClock(), **wanted
        )
        return found

    def plans(self, organization_id: str = "O-1", span: Span = Span()) -> Sequence[PlannedPayment]:  # noqa: B008  # immutable
        """What will be made by itself."""
        with self.accounts.read() as books:
            return books.plans([organization_id], 1000, span).get(organization_id, ())

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """The facts beside those of new invoices."""
        return [(name, body) for name, body in self.facts() if name != "invoices_recorded"]


def day(number: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, number)


@contextmanager
def open_world(kind: str, migrated_url: MigratedUrl) -> Iterator[World]:
    """An empty world of that kind."""
    if kind == "memory":
        yield world_in_memory()
        return
    with open_database(kind, migrated_url) as database:
        yield world_on(database)


def world_in_memory() -> World:
    """An empty world that forgets everything."""
    books = BooksInMemory()
    return World(books, AccountsInMemory(books), lambda: books.facts)


def world_on(database: Database) -> World:
    """The world in a migrated database."""
    return World(SqlLedger(database), SqlAccounts(database), lambda: facts_of(database))

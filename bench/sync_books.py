"""Invoice lists of any length for the benchmarks, and what takes them in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from dunlin.paynow.v1 import ledger_pb2

from services.paynow import tables
from services.paynow.converters import sync_batches
from services.paynow.domain.sync import SyncReport
from services.paynow.repository.books import SqlLedger
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.migrate import migrate

OF_ONE = 10
"""Invoices of one organization."""

BATCH = 1000
"""Records in one message of the stream, the most that it may have."""


def migrated(url: str) -> None:
    """Brings the database up to date."""
    migrate(url, Path(tables.__file__).parent / "migrations")


def number_of(invoice: int) -> str:
    """The number that is printed on it."""
    return f"INV-{invoice:07}"


def email_of(invoice: int) -> str:
    """The address of its organization's contact."""
    return f"accounts@client-{invoice // OF_ONE}.test"


def lists(invoices: int) -> Iterator[ledger_pb2.SyncBooksRequest]:
    """A whole list as messages of the stream: organizations in a row, as accounting systems export them."""
    for numbers in _batched(range(invoices), BATCH):
        yield ledger_pb2.SyncBooksRequest(records=[_record(number) for number in numbers])


def _batched(numbers: range, size: int) -> Iterator[range]:
    for first in range(0, len(numbers), size):
        yield numbers[first : first + size]


def _record(number: int) -> ledger_pb2.SyncRecord:
    organization = number // OF_ONE
    cents = f"{100 + number * 7919 % 90_000}.{number % 100:02}"
    issued = date(2026, 1, 1) + timedelta(days=number * 31 % 365)
    return ledger_pb2.SyncRecord(
        line=number + 2,
        organization_id=f"C-{organization:06}",
        organization_name=f"Client {organization} Incorporated",
        contact_name=f"Contact of {organization}",
        contact_emails=[email_of(number)],
        invoice_number=number_of(number),
        issued_on=issued.isoformat(),
        due_on=(issued + timedelta(days=30)).isoformat(),
        currency="USD",
        amount=cents,
        balance=cents,
        status="open",
    )


def take_in(requests: Iterable[ledger_pb2.SyncBooksRequest], database: Database) -> SyncReport:
    """What the service does with a stream, from its messages to the last commit."""
    return sync_books(sync_batches(requests), ledger=SqlLedger(database), clock=SystemClock())

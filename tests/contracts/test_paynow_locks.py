"""What SQLite's single writer gives for free, kept on PostgreSQL by locks.

A transaction of the test is held open while another thread does the real thing; the test goes on when the
database says that this one waits for a lock.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from services.paynow.domain.lines import InvoiceLine, SyncRecord, check_line
from services.paynow.domain.payment import Pace, Payment, PaymentState
from services.paynow.domain.sync import StaleAddress, Sync, SyncReport
from services.paynow.ports import BooksWriter
from services.paynow.repository.books import SqlLedger
from services.paynow.use_cases.sync import sync_books
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.fakes.paynow_books import a_record, numbered
from tests.fakes.paynow_payments import MIGRATIONS, SqlBooks, payable
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till
from tests.servers import MigratedUrl

pytestmark = pytest.mark.postgresql


@dataclass
class Shop:
    """A till and the ledger on one PostgreSQL database, and a thread for what happens meanwhile."""

    url: str
    database: Database
    books: SqlBooks
    till: Till
    ledger: SqlLedger
    pool: ThreadPoolExecutor

    def meanwhile(self, act: Callable[[], object]) -> "Future[object]":
        """Starts the act in the other thread; returns once it waits for a lock of this one."""
        doing = self.pool.submit(act)
        pause = threading.Event()
        for _ in range(400):
            if self._waiting():
                return doing
            assert not doing.done(), f"it did not wait for the lock: {doing.result()}"
            pause.wait(0.02)
        raise AssertionError("it neither waits for a lock nor ends")

    def _waiting(self) -> bool:
        query = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with self.database.read() as connection:
            return connection.execute(query).scalar_one() > 0

    def sync(self, *records: SyncRecord) -> SyncReport:
        """A list of these lines."""
        return sync_books([numbered(*records)], ledger=self.ledger, clock=SetClock())


@pytest.fixture
def shop(migrated_url: MigratedUrl) -> Iterator[Shop]:
    url = migrated_url("postgresql", MIGRATIONS)
    database = Database(url, durable=True)
    books = SqlBooks(database)
    books.add_organization("A", EMAIL)
    for number in (1, 2):
        books.add_invoice(payable(number, "A", f"INV-{number}", books=10_000))
    till = Till(books, ScriptedProvider(), SetClock())
    with ThreadPoolExecutor(1) as pool:
        yield Shop(url, database, books, till, SqlLedger(database), pool)
    database.dispose()


def a_line(number: str, **values: object) -> SyncRecord:
    """The invoice as the shop's books have it; `values` replace what a list says anew."""
    known: dict[str, object] = {"organization_id": "A", "organization_name": "A Inc", "contact_name": ""}
    known |= {"contact_emails": (), "issued_on": "", "amount": "100.00", "balance": "100.00"}
    return a_record(number, **known | values)


@pytest.mark.parametrize(
    "of_first", [{"balance": "90.00"}, {"due_on": "2026-04-01"}], ids=["told a balance", "silent about it"]
)
def test_a_sync_and_a_payment_that_meet_on_two_invoices_never_wait_for_each_other(
    shop: Shop, of_first: dict[str, object]
) -> None:
    later_first = (a_line("INV-2", balance="80.00"), a_line("INV-1", **of_first))
    with shop.books.store.write() as work:
        work.lock_invoices([1])
        syncing = shop.meanwhile(lambda: shop.sync(*later_first))
        work.lock_invoices([2])  # a sync that had taken this one already would be in a deadlock with us
    assert syncing.result(30) == SyncReport(0, 2, 0, 0, ())


def test_a_payment_that_ends_while_a_sync_runs_is_not_lost(shop: Shop) -> None:
    with shop.books.store.write() as work:
        invoice = work.lock_invoices([1])[1]
        syncing = shop.meanwhile(lambda: shop.sync(a_line("INV-1", balance="90.00")))
        work.save_invoices([invoice.reserved(4_000).paid(4_000)])
    syncing.result(30)
    after = shop.books.invoice(1)
    assert (after.books_balance_minor, after.paid_here_minor, after.balance_minor) == (9_000, 4_000, 5_000)


def test_a_confirmation_sees_the_balance_that_a_sync_leaves(shop: Shop) -> None:
    quote = shop.till.quote("90.00")
    with shop.ledger.write() as books:
        books.lock()
        apply(books, a_line("INV-1", balance="50.00"))
        confirming = shop.meanwhile(partial(shop.till.confirm, quote))
    assert "cannot be paid" in str(confirming.exception(30))
    assert shop.till.all_payments() == []


def test_two_syncs_of_the_same_new_invoices_add_them_once(shop: Shop) -> None:
    new = a_record("N-1", organization_id="NEW")
    with shop.ledger.write() as books:
        books.lock()
        syncing = shop.meanwhile(lambda: shop.sync(new, replace_number(new, "N-2")))
        apply(books, new)
    assert syncing.result(30) == SyncReport(1, 0, 1, 0, ())


def test_the_end_of_a_sync_waits_for_a_batch_of_another_one(shop: Shop) -> None:
    record = a_record("N-1", organization_id="NEW", contact_emails=("old@x.test", "both@x.test"))
    shop.sync(record)
    at_the_end, locked = threading.Event(), threading.Event()

    def batches() -> Iterator[list[SyncRecord]]:
        yield numbered(record._replace(contact_emails=("both@x.test",)))
        at_the_end.set()
        assert locked.wait(30)

    syncing = shop.pool.submit(lambda: sync_books(batches(), ledger=shop.ledger, clock=SetClock()))
    assert at_the_end.wait(30)
    with shop.ledger.write() as books:
        books.lock()
        locked.set()
        waits = shop.pool.submit(int)  # the pool has one thread, so this ends only after the sync
        pause = threading.Event()
        for _ in range(400):
            if shop._waiting():
                break
            assert not waits.done(), "the sync ended without waiting"
            pause.wait(0.02)
        assert shop._waiting()
        (contact,) = books.known(["NEW"], []).contacts["NEW"]
        books.drop_addresses([StaleAddress(contact.contact_id, "both@x.test")])
    assert syncing.result(30).changed == 1


def test_workers_claim_side_by_side_and_never_the_same_payment(shop: Shop) -> None:
    unanswered(shop, 6)
    now = shop.till.clock.now()
    with shop.books.store.write() as one, shop.books.store.write() as other:
        first = one.claim(now, now + timedelta(seconds=10), 4)
        second = shop.pool.submit(lambda: other.claim(now, now + timedelta(seconds=10), 4)).result(5)
        assert (len(first), len(second)) == (4, 2)
        assert not {one.payment_id for one in first} & {one.payment_id for one in second}
    with shop.books.store.write() as work:
        assert work.claim(now, now, 10) == []


def test_a_claim_that_its_worker_took_to_the_grave_is_free_within_a_minute(shop: Shop) -> None:
    unanswered(shop, 2)
    now, lease = shop.till.clock.now(), timedelta(seconds=Pace().lease)
    with shop.books.store.write() as work:
        assert len(work.claim(now, now + lease, 10)) == 2
    assert lease <= timedelta(seconds=60)
    with shop.books.store.write() as work:
        assert work.claim(now + lease - timedelta(seconds=1), now, 10) == []
        assert len(work.claim(now + lease, now + 2 * lease, 10)) == 2
    # And a transaction that a worker leaves open, because it hangs or its machine is gone, is ended too.
    with shop.database.read() as connection:
        limit = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
    assert limit in ("60s", "1min")


HOLD = """
import sys
from datetime import UTC, datetime, timedelta

from services.paynow.repository.payments import SqlPaymentStore
from services.shared.database import Database

later = datetime.now(UTC) + timedelta(days=1)
with SqlPaymentStore(Database(sys.argv[1])).write() as work:
    print(len(work.claim(later, later, 10)), flush=True)
    sys.stdin.read()
"""


def test_a_worker_that_is_killed_in_the_midst_of_a_claim_leaves_nothing_claimed(shop: Shop) -> None:
    unanswered(shop, 3)
    now = shop.till.clock.now()
    command = [sys.executable, "-c", HOLD, shop.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "3\n"
        with shop.books.store.write() as work:
            assert work.claim(now, now, 10) == []
        worker.kill()
    with shop.books.store.write() as work:
        # Waits for the locks of the dead worker, which the server drops when it sees the connection close.
        work.lock_invoices([1])
        assert len(work.payments([payment.payment_id for payment in shop.till.all_payments()])) == 3
        assert len(work.claim(now, now + timedelta(seconds=10), 10)) == 3


def test_syncs_payments_and_acknowledgements_at_once_add_up(shop: Shop) -> None:
    """Many invoices, in contrary orders, by everybody at once."""
    numbers = range(3, 43)
    for number in numbers:
        shop.books.add_invoice(payable(number, "A", f"INV-{number}", books=10_000))
    made = [paid(shop, number) for number in numbers]
    ready = threading.Barrier(6)

    def lists(step: int, cents: int) -> None:
        ready.wait(30)
        for round_ in range(5):
            balance = f"9{round_}.{cents:02}"
            shop.sync(*[a_line(f"INV-{number}", balance=balance) for number in numbers[::step]])

    def acknowledge(payments: list[Payment]) -> None:
        ready.wait(30)
        for at in range(0, len(payments), 8):
            shop.till.acknowledge(*payments[at : at + 8])

    def pay(first: int) -> None:
        ready.wait(30)
        for number in numbers[first::2]:
            paid(shop, number, key="again")

    acts = [partial(lists, 1, 1), partial(lists, -1, 2), partial(pay, 0), partial(pay, 1)]
    acts += [partial(acknowledge, made[:25]), partial(acknowledge, made[:-26:-1])]
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result(60)
    shop.sync(*[a_line(f"INV-{number}", balance="70.00") for number in numbers])
    for number in numbers:
        invoice = shop.books.invoice(number)
        assert (invoice.reserved_minor, invoice.paid_here_minor) == (0, 100)
        assert invoice.balance_minor == 7_000 - 100


def apply(books: BooksWriter, *records: SyncRecord) -> None:
    """What a sync does with one batch, within a transaction of the test."""
    lines = [line for line in map(check_line, records) if isinstance(line, InvoiceLine)]
    keys = [(line.invoice.organization_id, line.invoice.number) for line in lines]
    known = books.known({organization_id for organization_id, _ in keys}, keys)
    books.apply(Sync().plan(lines, known), SetClock().now())


def replace_number(record: SyncRecord, number: str) -> SyncRecord:
    """Another invoice of the same organization."""
    return record._replace(invoice_number=number)


def paid(shop: Shop, number: int, key: str = "first") -> Payment:
    """A payment of 1.00 that has succeeded."""
    quote = shop.till.quote("1.00", f"INV-{number}")
    payment = shop.till.confirm(quote, key=f"{key}-{number:05}")
    assert payment.state is PaymentState.SUCCEEDED
    return payment


def unanswered(shop: Shop, count: int) -> None:
    """Payments whose outcome is not known, and is to be asked for now."""
    for number in range(count):
        shop.till.confirm(shop.till.quote("1.00"), "fake_silent_approve", f"key-{number:05}")
    shop.till.wait(2)

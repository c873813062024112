"""Payments at once, on a real database: one charge for one confirmation, and never above the balance."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import pytest

from services.paynow import provider_sandbox
from services.paynow.domain.guard import AmountAboveBalance
from services.paynow.domain.payment import KeyReused, Payment, PaymentState
from services.paynow.provider_sandbox import SandboxProvider
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.errors import Refusal
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MIGRATIONS, SqlBooks, payable, succeeded_total
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till
from tests.servers import DATABASES, MigratedUrl

T = TypeVar("T")
THREADS = 20


@dataclass
class Shop:
    """A till on a real database, with the sandbox beside it."""

    till: Till
    sandbox: SandboxProvider
    books: SqlBooks


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Shop]:
    urls = [migrated_url(request.param, scripts) for scripts in (MIGRATIONS, provider_sandbox.MIGRATIONS)]
    databases = [Database(url, durable=True) for url in urls]
    books = SqlBooks(databases[0])
    books.add_organization("A", EMAIL)
    books.add_invoice(payable(1, "A", "INV-1", books=10_000))
    clock = SystemClock()
    sandbox = SandboxProvider(databases[1], clock)
    yield Shop(Till(books, sandbox, clock), sandbox, books)
    for database in databases:
        database.dispose()


def at_once(*acts: Callable[[], T]) -> list[T | Refusal]:
    """Runs all acts at the same moment; a refusal is an answer like any other."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T | Refusal:
        ready.wait(30)
        try:
            return act()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_one_confirmation_sent_twenty_times_at_once_is_one_charge(shop: Shop) -> None:
    quote = shop.till.quote("40.00")
    answers = at_once(*[lambda: shop.till.confirm(quote, "sandbox_approve")] * THREADS)
    assert all(isinstance(answer, Payment) for answer in answers), answers
    assert len({answer.payment_id for answer in answers if isinstance(answer, Payment)}) == 1
    assert list(shop.sandbox.captured().values()) == [4_000]
    invoice = shop.books.invoice()
    assert (invoice.balance_minor, invoice.reserved_minor, invoice.paid_here_minor) == (6_000, 0, 4_000)
    assert [name for name, _ in shop.books.facts()] == ["payment_succeeded"]


def test_one_quote_confirmed_with_twenty_keys_at_once_is_one_charge(shop: Shop) -> None:
    quote = shop.till.quote("40.00")
    keys = [f"key-{number:05}" for number in range(THREADS)]
    answers = at_once(*[partial(shop.till.confirm, quote, "sandbox_approve", key) for key in keys])
    assert sum(isinstance(answer, Payment) for answer in answers) == 1
    assert sum(isinstance(answer, KeyReused) for answer in answers) == THREADS - 1
    assert list(shop.sandbox.captured().values()) == [4_000]


def test_one_key_for_twenty_quotes_at_once_is_one_charge(shop: Shop) -> None:
    quotes = [shop.till.quote("1.00") for _ in range(THREADS)]
    answers = at_once(*[partial(shop.till.confirm, quote, "sandbox_approve") for quote in quotes])
    assert sum(isinstance(answer, Payment) for answer in answers) == 1
    assert sum(isinstance(answer, KeyReused) for answer in answers) == THREADS - 1
    assert list(shop.sandbox.captured().values()) == [100]


def test_quotes_that_exceed_the_balance_together_are_not_all_charged(shop: Shop) -> None:
    quotes = [(shop.till.quote("30.00"), f"key-{number:05}") for number in range(THREADS)]
    answers = at_once(*[partial(shop.till.confirm, quote, "sandbox_approve", key) for quote, key in quotes])
    taken = [answer for answer in answers if isinstance(answer, Payment)]
    assert len(taken) == 3
    assert sum(isinstance(answer, AmountAboveBalance) for answer in answers) == THREADS - 3
    assert sum(shop.sandbox.captured().values()) == succeeded_total(shop.books) == 9_000
    assert shop.books.invoice().balance_minor == 1_000


def test_twenty_workers_resolve_each_payment_once(shop: Shop) -> None:
    clock = SetClock(SystemClock().now())
    till = Till(shop.books, shop.sandbox, clock)
    for number in range(20):
        method = ("sandbox_timeout_then_approve", "sandbox_timeout_then_decline")[number % 2]
        till.confirm(till.quote("1.00"), method, f"key-{number:05}")
    till.wait(1)

    def work() -> None:
        while till.resolve():
            pass

    at_once(*[work] * THREADS)
    assert {payment.state for payment in till.all_payments()} == {PaymentState.SUCCEEDED, PaymentState.FAILED}
    assert len(shop.books.facts()) == 20
    assert sum(shop.sandbox.captured().values()) == succeeded_total(shop.books) == 1_000
    assert shop.books.invoice().reserved_minor == 0


def test_a_charge_and_the_worker_that_gives_it_up_never_disagree(shop: Shop) -> None:
    """A charge that hangs until the worker has closed its key takes no money."""
    provider, clock = ScriptedProvider(), SetClock()
    till = Till(shop.books, provider, clock)
    hanging, released = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        assert released.wait(30)

    provider.before = hang
    quote = till.quote("40.00")
    with ThreadPoolExecutor(1) as pool:
        confirming = pool.submit(till.confirm, quote)
        assert hanging.wait(30)
        till.wait_and_resolve(30)
        released.set()
        payment = confirming.result(30)
    assert (payment.state, payment.failure_reason) == (PaymentState.FAILED, "PROVIDER_ERROR")
    assert provider.captured() == {}
    assert shop.books.invoice().balance_minor == 10_000
    assert len(shop.books.facts()) == 1


def test_payments_and_acknowledgements_at_once_add_up(shop: Shop) -> None:
    made = [till_payment(shop, number) for number in range(10)]
    fresh = [(shop.till.quote("1.00"), f"new-{number:05}") for number in range(THREADS)]
    acts: list[Callable[[], object]] = [
        partial(shop.till.confirm, quote, "sandbox_approve", key) for quote, key in fresh
    ]
    acts += [partial(shop.till.acknowledge, *half) for half in (made[:6], made[4:], made)]
    at_once(*acts)
    invoice = shop.books.invoice()
    assert invoice.books_balance_minor == 10_000 - 1_000
    assert invoice.paid_here_minor == THREADS * 100
    assert invoice.balance_minor == 10_000 - 1_000 - THREADS * 100


def till_payment(shop: Shop, number: int) -> Payment:
    return shop.till.confirm(shop.till.quote("1.00"), "sandbox_approve", f"old-{number:05}")

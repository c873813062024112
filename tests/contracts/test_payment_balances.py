"""What remains of an invoice, whatever the order in which payments, lists and acknowledgements come."""

from collections.abc import Iterator

import pytest

from services.paynow.domain.payment import Payment
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MIGRATIONS, Books, MemoryBooks, SqlBooks, payable
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till
from tests.servers import DATABASES, MigratedUrl


@pytest.fixture(params=["memory", *DATABASES])
def till(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Till]:
    if request.param == "memory":
        yield a_till(MemoryBooks())
    else:
        database = Database(migrated_url(request.param, MIGRATIONS))
        yield a_till(SqlBooks(database))
        database.dispose()


def a_till(books: Books) -> Till:
    books.add_organization("A", EMAIL)
    books.add_invoice(payable(1, "A", "INV-1", books=100))
    return Till(books, ScriptedProvider(), SetClock())


# Each step, and what remains after it. The invoice is of 100; "list 60" is a list with a balance of 60, and
# "list 60/140" one that says a new amount of 140 too.
ORDERS = {
    "pay, acknowledge, list": "pay A 40 = 60, ack A = 60, list 60 = 60, list 60 = 60",
    "pay, list, acknowledge": "pay A 40 = 60, list 60 = 20, ack A = 60, list 60 = 60",
    "pay, acknowledge, stale list, list": "pay A 40 = 60, ack A = 60, list 100 = 60, list 60 = 60",
    "pay, stale list, acknowledge, stale list": (
        "pay A 40 = 60, list 100 = 60, ack A = 60, list 100 = 60, list 60 = 60"
    ),
    "list, pay, acknowledge": "list 90 = 90, pay A 40 = 50, ack A = 50, list 90 = 50, list 50 = 50",
    "two payments, each booked and listed by itself": (
        "pay A 40 = 60, pay B 40 = 20, ack A = 20, list 60 = 20, ack B = 20, list 60 = 20, list 20 = 20"
    ),
    "two payments, each listed before it is acknowledged": (
        "pay A 40 = 60, pay B 40 = 20, list 60 = 0, ack A = 20, list 20 = 0, ack B = 20, list 20 = 20"
    ),
    "two payments in one list, acknowledged one by one": (
        "pay A 40 = 60, pay B 40 = 20, list 20 = 0, ack A = 0, ack B = 20, list 20 = 20"
    ),
    "two payments in one list, acknowledged at once": (
        "pay A 40 = 60, pay B 40 = 20, list 20 = 0, ack A B = 20, list 20 = 20"
    ),
    "one fall is not counted for two payments": (
        "pay A 40 = 60, pay B 40 = 20, list 60 = 0, ack A = 20, ack B = 20, list 20 = 20"
    ),
    "a payment between an acknowledgement and its list": (
        "pay A 40 = 60, ack A = 60, pay B 40 = 20, list 60 = 20, ack B = 20, list 20 = 20"
    ),
    "a payment after the fall of another one": (
        "pay A 40 = 60, list 60 = 20, pay B 20 = 0, list 40 = 0, ack A = 20, ack B = 40, list 40 = 40"
    ),
    "the same, acknowledged the other way round": (
        "pay A 40 = 60, list 60 = 20, pay B 20 = 0, list 40 = 0, ack B = 0, ack A = 40, list 40 = 40"
    ),
    "more is owed": "pay A 40 = 60, list 150/150 = 110, ack A = 110, list 110/150 = 110",
    "more is owed after booking": "pay A 40 = 60, ack A = 60, list 110/150 = 110",
    "more is owed after booking, of the old figure": "pay A 40 = 60, ack A = 60, list 100/140 = 100",
    "paid in full, acknowledged first": "pay A 100 = 0, ack A = 0, list 100 = 0, list 0 = 0",
    "paid in full, listed first": "pay A 100 = 0, list 0 = 0, ack A = 0, list 0 = 0",
    "a check of another amount": "pay A 40 = 60, list 70 = 30, ack A = 30, list 30 = 30",
    # The check looks like the card payment until a list contains both.
    "a check of the same amount": "pay A 40 = 60, list 60 = 20, ack A = 60, list 20 = 20",
    "a check of the same amount, after booking": (
        "pay A 40 = 60, ack A = 60, list 100 = 60, list 20 = 20, list 20 = 20"
    ),
    "a check for all of it": "pay A 40 = 60, list 0 = 0, ack A = 0, list 0 = 0",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_what_remains_is_right_after_every_step(till: Till, order: str) -> None:
    made: dict[str, Payment] = {}
    for step in order.split(", "):
        words, _, remains = step.partition(" = ")
        do(words.split(), till, made)
        assert till.books.invoice().balance_minor == int(remains), step


def do(words: list[str], till: Till, made: dict[str, Payment]) -> None:
    match words:
        case ["pay", name, minor]:
            quote = till.quote(f"0.{int(minor):02}" if int(minor) < 100 else "1.00")
            made[name] = till.confirm(quote, key=f"key of {name}")
            till.wait(1)
        case ["ack", *names]:
            assert till.acknowledge(*(made[name] for name in names)).acknowledged == len(names)
        case ["list", figures]:
            balance, _, amount = figures.partition("/")
            till.books.sync(1, int(balance), int(amount) if amount else None)
        case _:
            raise ValueError(words)

"""What the store of payments promises: the same on memory and on the real tables, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.paynow.domain.guard import Payable
from services.paynow.domain.payment import Payment, PaymentState
from services.paynow.ports_payments import PaymentFilter
from services.paynow.repository.payments import open_charges
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MIGRATIONS, Books, MemoryBooks, SqlBooks, payable
from tests.servers import DATABASES, MigratedUrl

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", *DATABASES])
def books(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Books]:
    if request.param == "memory":
        yield filled(MemoryBooks())
    else:
        database = Database(migrated_url(request.param, MIGRATIONS), durable=True)
        yield filled(SqlBooks(database))
        database.dispose()


@pytest.fixture(params=DATABASES)
def real(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[SqlBooks]:
    database = Database(migrated_url(request.param, MIGRATIONS), durable=True)
    books = SqlBooks(database)
    filled(books)
    yield books
    database.dispose()


def filled(books: Books) -> Books:
    books.add_organization("A", "a@example.test", "both@example.test")
    books.add_organization("B", "b@example.test", "both@example.test", language="de")
    books.add_invoice(payable(1, "A", "INV-1"))
    books.add_invoice(payable(2, "B", "INV-1", due_on=None))
    books.add_invoice(payable(3, "B", "0042"))
    return books


def a_payment(payment_id: str = "p1", **changes: Any) -> Payment:
    payment = Payment(
        payment_id=payment_id,
        quote_id=f"quote of {payment_id}",
        idempotency_key=f"key of {payment_id}",
        method_digest="d" * 64,
        method_label="Card ending 1",
        organization_id="A",
        invoice_id=1,
        invoice_number="INV-1",
        amount_minor=4_000,
        currency="USD",
        payer_email="A@example.test",
        state=PaymentState.CHARGING,
        created_at=NOW,
        next_check_at=NOW + timedelta(seconds=10),
        organization_name="A Inc",
    )
    return replace(payment, **changes)


def added(books: Books, *payments: Payment) -> None:
    with books.store.write() as work:
        for payment in payments:
            assert work.add_payment(payment)


def test_invoices_are_found_by_exactly_their_number(books: Books) -> None:
    def numbered(number: str) -> list[Payable]:
        return books.store.candidates(number, "nobody@example.test")[0]

    assert sorted(invoice.invoice_id for invoice in numbered("INV-1")) == [1, 2]
    assert numbered("0042") == [payable(3, "B", "0042")]
    for other in ("42", "inv-1", "INV-1 ", "INV-%", "INV_1", ""):
        assert numbered(other) == []


def test_organizations_are_found_by_every_address(books: Books) -> None:
    for number in ("INV-1", "none"):
        assert books.store.candidates(number, "a@example.test")[1] == {"A"}
        assert books.store.candidates(number, "both@example.test")[1] == {"A", "B"}
        assert books.store.candidates(number, "nobody@example.test")[1] == set()


def test_a_link_shows_the_invoice_with_the_name_and_the_language(books: Books) -> None:
    with books.store.read() as view:
        shown = view.shown(2)
        assert shown is not None
        assert (shown.invoice, shown.organization_name) == (payable(2, "B", "INV-1", due_on=None), "B Inc")
        assert shown.language == "de"
        assert view.shown(99) is None


def test_a_payment_comes_back_as_it_was_kept(books: Books) -> None:
    payment = a_payment(checks=3, absent_since=NOW, failure_reason="X", ended_at=NOW, acknowledged_at=NOW)
    added(books, payment)
    with books.store.read() as view:
        assert view.payment("p1") == payment
        assert view.payment("p2") is None


def test_a_key_is_taken_once(books: Books) -> None:
    added(books, a_payment("p1"))
    with books.store.write() as work:
        assert not work.add_payment(a_payment("p2", idempotency_key="key of p1"))
    with books.store.read() as view:
        assert view.count(PaymentFilter()) == 1


def test_a_payment_is_found_by_its_quote_before_its_key(books: Books) -> None:
    added(books, a_payment("p1"), a_payment("p2"))
    with books.store.read() as view:
        both = view.payment_for(quote_id="quote of p1", idempotency_key="key of p2")
        by_key = view.payment_for(quote_id="none", idempotency_key="key of p2")
        assert both is not None
        assert by_key is not None
        assert (both.payment_id, by_key.payment_id) == ("p1", "p2")
        assert view.payment_for(quote_id="none", idempotency_key="none") is None


def test_progress_is_saved_and_nothing_else(books: Books) -> None:
    added(books, a_payment("p1"), a_payment("p2"))
    ended = a_payment("p1", state=PaymentState.SUCCEEDED, ended_at=NOW, next_check_at=None)
    with books.store.write() as work:
        work.save_payments([ended])
        work.save_payments([])
        work.lock_invoices([1])
        assert work.payments({"p1", "p2", "p3"}) == [ended, a_payment("p2")]


def test_balances_are_saved_and_nothing_else(books: Books) -> None:
    with books.store.write() as work:
        locked = work.lock_invoices({3, 1, 99})
        assert list(locked) == [1, 3]
        work.save_invoices([locked[1].reserved(500), locked[3].reserved(200).paid(200)])
    assert books.invoice(1) == payable(1, "A", "INV-1", reserved_minor=500)
    assert books.invoice(2) == payable(2, "B", "INV-1", due_on=None)
    assert books.invoice(3) == payable(3, "B", "0042", paid_here_minor=200)


def test_payments_are_claimed_when_they_are_due_and_for_a_lease(books: Books) -> None:
    late = a_payment("p2", next_check_at=NOW - timedelta(seconds=5))
    done = a_payment("p4", state=PaymentState.SUCCEEDED, next_check_at=None)
    added(books, a_payment("p1", next_check_at=NOW), late, a_payment("p3"), done)
    lease = NOW + timedelta(seconds=60)
    with books.store.write() as work:
        assert [payment.payment_id for payment in work.claim(NOW, lease, 10)] == ["p2", "p1"]
    with books.store.write() as work:
        assert work.claim(NOW + timedelta(seconds=9), lease, 10) == []
        assert [payment.payment_id for payment in work.claim(lease, lease, 1)] == ["p3"]


def test_lists_are_filtered_and_go_from_new_to_old(books: Books) -> None:
    succeeded, later = PaymentState.SUCCEEDED, NOW + timedelta(microseconds=1)
    added(
        books,
        a_payment("p1", state=succeeded),
        a_payment("p2", state=succeeded, acknowledged_at=NOW, created_at=later),
        a_payment("p3", organization_id="B", organization_name="B Inc", state=PaymentState.PENDING),
    )
    with books.store.read() as view:

        def ids(**chosen: Any) -> list[str]:
            found = view.page(PaymentFilter(**chosen), None, 10)
            assert view.count(PaymentFilter(**chosen)) == len(found)
            assert view.count(PaymentFilter(**chosen), most=2) == min(2, len(found))
            return [payment.payment_id for payment in found]

        assert ids() == ["p2", "p3", "p1"]
        assert ids(state=succeeded) == ["p2", "p1"]
        assert ids(unacknowledged=True) == ["p1"]
        assert ids(organization_id="B") == ["p3"]
        assert ids(organization_id="B", unacknowledged=True) == []
        rest = view.page(PaymentFilter(), (NOW, "p3"), 10)
        assert [payment.payment_id for payment in rest] == ["p1"]
        assert [payment.payment_id for payment in view.page(PaymentFilter(), None, 1)] == ["p2"]


def test_an_error_undoes_everything(books: Books) -> None:
    def half_done() -> None:
        with books.store.write() as work:
            work.add_payment(a_payment())
            work.save_invoices([work.lock_invoices([1])[1].reserved(500)])
            work.announce("payment_failed", {}, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    with books.store.read() as view:
        assert view.payment("p1") is None
    assert books.invoice(1).reserved_minor == 0
    assert books.facts() == []


def test_a_fact_is_announced_with_the_transaction(books: Books) -> None:
    with books.store.write() as work:
        work.announce("payment_failed", {"reason": "X", "payment": {"amount_minor": 2**53 + 1}}, NOW)
    assert books.facts() == [("payment_failed", {"reason": "X", "payment": {"amount_minor": 2**53 + 1}})]


def test_the_backlog_counts_charges_that_wait_for_their_outcome(real: SqlBooks) -> None:
    states = [*PaymentState, PaymentState.CHARGING]
    for at, state in enumerate(states):
        waits = None if state.is_final else NOW
        young = at == len(states) - 1
        created = NOW + timedelta(seconds=2 if young else 0)
        added(real, a_payment(f"p{at}", state=state, next_check_at=waits, created_at=created))
    with real.database.read() as connection:
        at_three = SetClock(NOW + timedelta(seconds=3))
        assert open_charges(connection, at_three) == 2  # one charging, one unknown

"""The accounting side books payments; for the orders of payments and lists see tests/contracts."""

import pytest

from services.paynow.domain.payment import PaymentMissing, PaymentNotSucceeded
from services.paynow.ports_payments import PaymentFilter
from services.paynow.use_cases.acknowledge import Acknowledged
from services.paynow.use_cases.payments import list_payments
from services.shared.errors import Invalid
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MemoryBooks, payable
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till


@pytest.fixture
def books() -> MemoryBooks:
    books = MemoryBooks()
    books.add_organization("A", EMAIL)
    books.add_invoice(payable(1, "A", "INV-1", books=10_000))
    return books


@pytest.fixture
def till(books: MemoryBooks) -> Till:
    return Till(books, ScriptedProvider(), SetClock())


def waiting(till: Till) -> list[str]:
    page = list_payments(PaymentFilter(unacknowledged=True), 50, "", store=till.books.store)
    return [payment.payment_id for payment in page.payments]


def test_a_booked_payment_leaves_the_export_and_the_books_balance(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote("40.00"))
    assert waiting(till) == [payment.payment_id]
    assert till.acknowledge(payment) == Acknowledged(1, 0)
    assert waiting(till) == []
    invoice = books.invoice()
    assert (invoice.books_balance_minor, invoice.paid_here_minor, invoice.balance_minor) == (6_000, 0, 6_000)
    assert till.payment(payment).acknowledged_at == till.clock.now()


def test_a_repeat_changes_nothing(till: Till, books: MemoryBooks) -> None:
    first, second = till.confirm(till.quote("40.00")), till.confirm(till.quote("10.00"), key="key-00002")
    till.acknowledge(first)
    acknowledged_at = till.payment(first).acknowledged_at
    till.wait(60)
    assert till.acknowledge(first, second, second) == Acknowledged(1, 1)
    assert till.payment(first).acknowledged_at == acknowledged_at
    assert books.invoice().books_balance_minor == 5_000


def test_books_that_have_already_fallen_do_not_fall_below_zero(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote("40.00"))
    books.sync(1, 0)
    till.acknowledge(payment)
    invoice = books.invoice()
    assert (invoice.books_balance_minor, invoice.paid_here_minor, invoice.balance_minor) == (0, 0, 0)


def test_one_that_has_not_succeeded_undoes_the_whole_call(till: Till, books: MemoryBooks) -> None:
    taken = till.confirm(till.quote("40.00"))
    declined = till.confirm(till.quote("10.00"), "fake_decline", key="key-00002")
    with pytest.raises(PaymentNotSucceeded, match=declined.payment_id):
        till.acknowledge(taken, declined)
    assert waiting(till) == [taken.payment_id]
    assert books.invoice().books_balance_minor == 10_000


def test_one_that_does_not_exist_undoes_the_whole_call(till: Till) -> None:
    taken = till.confirm(till.quote("40.00"))
    with pytest.raises(PaymentMissing, match="nothing-like-it"):
        till.acknowledge(taken, "nothing-like-it")
    assert waiting(till) == [taken.payment_id]


def test_nothing_to_acknowledge_is_fine_and_too_much_is_not(till: Till) -> None:
    assert till.acknowledge() == Acknowledged(0, 0)
    with pytest.raises(Invalid) as refused:
        till.acknowledge(*(str(number) for number in range(1001)))
    assert refused.value.violations[0].field == "payment_ids"

"""What is not known is asked for until it is known, and nothing is charged twice for it."""

from itertools import pairwise

import pytest

from services.paynow.domain.payment import Outcome, Payment, PaymentState
from services.paynow.ports_payments import Charge
from services.paynow.use_cases.resolve import conclude, unanswered
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MemoryBooks, payable
from tests.fakes.paynow_provider import Killed, ScriptedProvider
from tests.fakes.paynow_till import EMAIL, PACE, Till


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def books() -> MemoryBooks:
    books = MemoryBooks()
    books.add_organization("A", EMAIL)
    books.add_invoice(payable(1, "A", "INV-1", books=10_000))
    return books


@pytest.fixture
def till(books: MemoryBooks, provider: ScriptedProvider) -> Till:
    return Till(books, provider, SetClock())


def die() -> None:
    raise Killed


def killed(till: Till, method: str = "fake_approve") -> Payment:
    """A confirmation whose process dies during the charge."""
    with pytest.raises(Killed):
        till.confirm(till.quote(), method)
    (payment,) = till.all_payments()
    assert payment.state is PaymentState.CHARGING
    return payment


@pytest.mark.parametrize(
    ("method", "state", "reason"),
    [("fake_silent_approve", "succeeded", ""), ("fake_silent_decline", "failed", "CARD_DECLINED")],
)
def test_an_unknown_charge_ends_as_the_provider_says(
    till: Till, books: MemoryBooks, method: str, state: str, reason: str
) -> None:
    payment = till.confirm(till.quote(), method)
    till.wait(1)
    assert till.resolve()
    resolved = till.payment(payment)
    assert (resolved.state, resolved.failure_reason) == (state, reason)
    assert books.invoice().reserved_minor == 0
    assert books.invoice().balance_minor == (6_000 if state == "succeeded" else 10_000)
    assert [name for name, _ in books.facts()] == [f"payment_{state}"]
    till.wait_and_resolve(60)
    assert len(books.facts()) == 1


def test_a_process_that_dies_after_the_charge_leaves_it_to_the_worker(
    till: Till, books: MemoryBooks, provider: ScriptedProvider
) -> None:
    provider.after = die
    payment = killed(till)
    till.wait(9)
    assert not till.resolve()
    till.wait(1)
    assert till.resolve()
    assert till.payment(payment).state is PaymentState.SUCCEEDED
    assert provider.charges == [payment.payment_id]
    assert books.invoice().balance_minor == 6_000


def test_a_process_that_dies_before_the_charge_frees_the_amount_after_a_grace(
    till: Till, books: MemoryBooks, provider: ScriptedProvider
) -> None:
    provider.before = die
    payment = killed(till)
    till.wait(10)
    till.resolve()
    assert till.payment(payment).state is PaymentState.UNKNOWN
    till.wait_and_resolve(4)
    assert till.payment(payment).state is PaymentState.UNKNOWN
    assert books.invoice().reserved_minor == 4_000
    till.wait_and_resolve(5)
    resolved = till.payment(payment)
    assert (resolved.state, resolved.failure_reason) == (PaymentState.FAILED, "PROVIDER_ERROR")
    assert books.invoice().reserved_minor == 0
    assert len(provider.finds) >= 2


def test_a_charge_that_arrives_after_it_was_given_up_takes_no_money(
    till: Till, books: MemoryBooks, provider: ScriptedProvider
) -> None:
    provider.before = die
    payment = killed(till)
    till.wait_and_resolve(30)
    provider.before = lambda: None
    charge = Charge(payment.payment_id, payment.amount_minor, payment.currency)
    late = provider.charge(charge, "fake_approve", time_limit=6)
    assert late == Outcome.declined("PROVIDER_ERROR")
    assert provider.captured() == {}
    # And the living process that made the late call records it without any harm.
    conclude(payment, late, store=till.books.store, clock=till.clock, pace=PACE)
    assert till.payment(payment).state is PaymentState.FAILED
    assert len(books.facts()) == 1


def test_a_charge_that_arrives_just_before_the_key_is_closed_counts(
    till: Till, provider: ScriptedProvider
) -> None:
    provider.before = die
    payment = killed(till)
    till.wait_and_resolve(12)
    assert till.payment(payment).absent_since is not None
    provider.before = lambda: None
    charge = Charge(payment.payment_id, payment.amount_minor, payment.currency)
    provider.charge(charge, "fake_approve", time_limit=6)
    till.wait_and_resolve(30)
    assert till.payment(payment).state is PaymentState.SUCCEEDED


def test_an_error_of_the_provider_ends_as_a_failure_of_the_provider(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote(), "fake_error")
    assert payment.state is PaymentState.UNKNOWN
    till.wait_and_resolve(15)
    resolved = till.payment(payment)
    assert (resolved.state, resolved.failure_reason) == (PaymentState.FAILED, "PROVIDER_ERROR")
    assert books.invoice().reserved_minor == 0


def test_a_provider_that_stays_away_is_asked_ever_more_slowly_and_nothing_is_given_up(
    till: Till, books: MemoryBooks, provider: ScriptedProvider
) -> None:
    payment = till.confirm(till.quote(), "fake_silent_approve")
    provider.away = True
    start, asked = till.clock.now(), []
    for _ in range(300):
        till.wait(1)
        if till.resolve():
            asked.append(int((till.clock.now() - start).total_seconds()))
    assert asked[:7] == [1, 3, 7, 15, 31, 63, 123]
    assert {b - a for a, b in pairwise(asked[6:])} == {60}
    assert till.payment(payment).state is PaymentState.UNKNOWN
    assert books.invoice().reserved_minor == 4_000
    provider.away = False
    till.wait_and_resolve(61)
    assert till.payment(payment).state is PaymentState.SUCCEEDED


@pytest.mark.parametrize(
    ("method", "end"),
    [("fake_bank_settles", ("succeeded", "")), ("fake_bank_returns", ("failed", "RETURNED"))],
)
def test_a_bank_payment_ends_when_the_bank_has_spoken(
    till: Till, books: MemoryBooks, provider: ScriptedProvider, method: str, end: tuple[str, str]
) -> None:
    payment = till.confirm(till.quote(), method)
    till.wait(3600)
    till.resolve()
    assert till.payment(payment).state is PaymentState.PENDING
    assert books.invoice().reserved_minor == 4_000
    provider.settle_banks()
    till.wait(3600)
    till.resolve()
    resolved = till.payment(payment)
    assert (resolved.state, resolved.failure_reason) == end
    assert books.invoice().reserved_minor == 0


def test_a_pending_payment_stays_pending_while_the_provider_is_away_or_has_forgotten_it(
    till: Till, provider: ScriptedProvider
) -> None:
    payment = till.confirm(till.quote(), "fake_bank_settles")
    provider.away = True
    till.wait(3600)
    till.resolve()
    assert till.payment(payment).state is PaymentState.PENDING
    provider.away = False
    forgotten = provider.recorded.pop(payment.payment_id)
    till.wait_and_resolve(300)
    assert till.payment(payment).state is PaymentState.PENDING
    provider.recorded[payment.payment_id] = forgotten
    provider.settle_banks()
    till.wait_and_resolve(61)
    assert till.payment(payment).state is PaymentState.SUCCEEDED


def test_what_is_final_stays_final(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote())
    for word in (Outcome.approved(), Outcome.declined("CARD_DECLINED"), Outcome.pending()):
        conclude(payment, word, store=till.books.store, clock=till.clock, pace=PACE)
    unanswered(payment, store=till.books.store, clock=till.clock, pace=PACE)
    assert till.payment(payment) == payment
    assert len(books.facts()) == 1
    assert books.invoice().paid_here_minor == 4_000


def test_a_late_timeout_does_not_undo_what_a_worker_has_learned(till: Till) -> None:
    payment = till.confirm(till.quote(), "fake_bank_settles")
    unanswered(payment, store=till.books.store, clock=till.clock, pace=PACE)
    assert till.payment(payment).state is PaymentState.PENDING


def test_one_payment_that_cannot_be_resolved_keeps_no_other_waiting(
    till: Till, provider: ScriptedProvider
) -> None:
    broken = till.confirm(till.quote("1.00"), "fake_silent_approve")
    fine = till.confirm(till.quote("2.00"), "fake_silent_approve", key="key-00002")
    provider.recorded[broken.payment_id].charge = Charge(broken.payment_id, 999, "USD")
    till.wait(1)
    till.resolve()
    assert till.payment(fine).state is PaymentState.SUCCEEDED
    assert till.payment(broken).state is PaymentState.UNKNOWN


def test_a_claimed_payment_is_nobody_elses_for_one_lease(till: Till, provider: ScriptedProvider) -> None:
    till.confirm(till.quote(), "fake_silent_approve")
    till.wait(1)
    rival: list[bool] = []
    ask = provider.find

    def find(charge: Charge) -> Outcome | None:
        rival.append(till.resolve())
        return ask(charge)

    provider.find = find  # type: ignore[method-assign]
    assert till.resolve()
    assert rival == [False]

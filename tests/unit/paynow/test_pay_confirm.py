"""One confirmation, one charge."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.paynow.domain.guard import AmountAboveBalance, InvoiceNotPayable
from services.paynow.domain.methods import MethodUnknown
from services.paynow.domain.payment import KeyReused, Pace, Payment, PaymentMissing, PaymentState
from services.paynow.domain.quotes import Quote, QuoteExpired, QuoteMissing
from services.paynow.ports_payments import PaymentFilter
from services.paynow.use_cases.payments import ProviderAway, list_payments
from services.shared.errors import Invalid
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MemoryBooks, payable
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till


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


def money(books: MemoryBooks) -> tuple[int, int, int, int]:
    """Books' balance, what remains, paid here, reserved."""
    now = books.invoice()
    return now.books_balance_minor, now.balance_minor, now.paid_here_minor, now.reserved_minor


def test_an_approved_charge_lowers_the_balance_at_once(till: Till, books: MemoryBooks) -> None:
    quote = till.quote("40.00")
    payment = till.confirm(quote)
    assert payment.state is PaymentState.SUCCEEDED
    assert payment.ended_at == till.clock.now()
    assert (payment.method_label, payment.payer_email) == ("Fake card ending 1", EMAIL)
    assert payment.organization_name == "A Inc"
    assert money(books) == (10_000, 6_000, 4_000, 0)
    assert till.read_quote(quote).payment_id == payment.payment_id


def test_a_success_is_told_with_what_remained(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote("40.00"))
    assert books.facts() == [
        (
            "payment_succeeded",
            {
                "payment": {
                    "payment_id": payment.payment_id,
                    "organization_id": "A",
                    "invoice_id": 1,
                    "invoice_number": "INV-1",
                    "amount_minor": 4_000,
                    "currency": "USD",
                    "payer_email": EMAIL,
                    "method_label": "Fake card ending 1",
                },
                "balance_minor": 6_000,
            },
        )
    ]


@pytest.mark.parametrize(
    ("method", "reason"),
    [("fake_decline", "CARD_DECLINED"), ("fake_insufficient_funds", "INSUFFICIENT_FUNDS")],
)
def test_a_declined_charge_is_a_failed_payment_that_frees_the_amount(
    till: Till, books: MemoryBooks, method: str, reason: str
) -> None:
    payment = till.confirm(till.quote(), method)
    assert (payment.state, payment.failure_reason) == (PaymentState.FAILED, reason)
    assert money(books) == (10_000, 10_000, 0, 0)
    ((name, body),) = books.facts()
    assert (name, body["reason"]) == ("payment_failed", reason)


def test_a_bank_payment_stays_reserved_until_it_settles(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote(), "fake_bank_settles")
    assert payment.state is PaymentState.PENDING
    assert money(books) == (10_000, 10_000, 0, 4_000)
    assert books.facts() == []


def test_a_charge_without_an_answer_is_unknown_and_not_failed(till: Till, books: MemoryBooks) -> None:
    payment = till.confirm(till.quote(), "fake_silent_approve")
    assert (payment.state, payment.failure_reason, payment.ended_at) == (PaymentState.UNKNOWN, "", None)
    assert money(books) == (10_000, 10_000, 0, 4_000)
    assert books.facts() == []


def test_a_repeat_gives_the_payment_as_it_is_now_and_charges_nothing(
    till: Till, provider: ScriptedProvider
) -> None:
    quote = till.quote()
    first = till.confirm(quote, "fake_silent_approve")
    till.wait(2)
    till.resolve()
    again = till.confirm(quote, "fake_silent_approve")
    assert again.payment_id == first.payment_id
    assert again.state is PaymentState.SUCCEEDED
    assert provider.charges == [first.payment_id]


def test_a_repeat_is_answered_long_after_the_quote_and_while_the_provider_is_away(
    till: Till, provider: ScriptedProvider
) -> None:
    quote = till.quote()
    first = till.confirm(quote)
    till.wait(3600)
    provider.away = True
    assert till.confirm(quote) == first


def test_a_repeat_while_the_charge_is_under_way_says_so(till: Till, provider: ScriptedProvider) -> None:
    quote = till.quote()
    seen: list[Payment] = []

    def repeat() -> None:
        seen.append(till.confirm(quote))

    provider.before = repeat
    done = till.confirm(quote)
    assert [payment.state for payment in seen] == [PaymentState.CHARGING]
    assert seen[0].payment_id == done.payment_id
    assert provider.charges == [done.payment_id]


@pytest.mark.parametrize(
    "again",
    [
        lambda till, quote: till.confirm(quote, "fake_decline"),
        lambda till, quote: till.confirm(till.quote("1.00")),
        lambda till, quote: till.confirm(quote, key="key-00002"),
    ],
    ids=["another method", "another quote", "another key"],
)
def test_a_key_and_a_quote_stand_for_one_confirmation(
    till: Till, provider: ScriptedProvider, again: Callable[[Till, Quote], Payment]
) -> None:
    quote = till.quote()
    till.confirm(quote)
    with pytest.raises(KeyReused) as refused:
        again(till, quote)
    assert refused.value.reason == "KEY_REUSED"
    assert len(provider.charges) == 1


def test_an_expired_quote_charges_nothing(till: Till, provider: ScriptedProvider) -> None:
    quote = till.quote()
    till.wait(15 * 60)
    with pytest.raises(QuoteExpired):
        till.confirm(quote)
    assert provider.charges == []


def test_an_unknown_quote_is_missing(till: Till) -> None:
    with pytest.raises(QuoteMissing):
        till.confirm("nothing")


def test_what_others_have_paid_or_are_paying_meanwhile_cannot_be_charged_again(
    till: Till, books: MemoryBooks
) -> None:
    first, second, third = till.quote("60.00"), till.quote("60.00"), till.quote("40.00")
    till.confirm(first, "fake_silent_approve")
    with pytest.raises(AmountAboveBalance):
        till.confirm(second, key="key-00002")
    till.wait_and_resolve(2)
    with pytest.raises(AmountAboveBalance) as refused:
        till.confirm(second, key="key-00002")
    assert "40" not in refused.value.message
    till.confirm(third, key="key-00003")
    assert money(books) == (10_000, 0, 10_000, 0)
    assert books.invoice().status == "open"


def test_an_invoice_that_was_withdrawn_meanwhile_is_not_charged(till: Till, books: MemoryBooks) -> None:
    quote = till.quote()
    books.add_invoice(replace(books.invoice(), status="cancelled"))
    with pytest.raises(InvoiceNotPayable):
        till.confirm(quote)


def test_an_invoice_that_changed_its_currency_is_quoted_anew(till: Till, books: MemoryBooks) -> None:
    quote = till.quote()
    books.add_invoice(replace(books.invoice(), currency="JPY"))
    with pytest.raises(QuoteExpired):
        till.confirm(quote)


@pytest.mark.parametrize("method", ["nothing known", "4242424242424242", "", "x" * 300])
def test_a_method_that_is_none_is_refused_before_anything_is_reserved(
    till: Till, books: MemoryBooks, provider: ScriptedProvider, method: str
) -> None:
    with pytest.raises(MethodUnknown):
        till.confirm(till.quote(), method)
    assert money(books) == (10_000, 10_000, 0, 0)
    assert till.all_payments() == []
    assert provider.charges == []


def test_a_provider_that_is_away_is_said_before_anything_is_reserved(
    till: Till, books: MemoryBooks, provider: ScriptedProvider
) -> None:
    provider.away = True
    with pytest.raises(ProviderAway):
        till.confirm(till.quote())
    assert money(books) == (10_000, 10_000, 0, 0)


@pytest.mark.parametrize("key", ["", "short", "x" * 101, "with\nbreak"])
def test_a_key_has_8_to_100_characters(till: Till, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        till.confirm(till.quote(), key=key)
    assert refused.value.violations[0].field == "idempotency_key"


def test_the_method_token_is_not_kept(till: Till) -> None:
    payment = till.confirm(till.quote())
    assert "fake_approve" not in repr(payment)


def test_an_unknown_payment_is_missing(till: Till) -> None:
    with pytest.raises(PaymentMissing):
        till.payment("nothing")


def test_payments_are_listed_page_by_page_the_newest_first(till: Till) -> None:
    made = []
    for at in range(5):
        made.append(till.confirm(till.quote("1.00"), key=f"key-0000{at}").payment_id)
        till.wait(at % 2)  # some at the same instant
    listed: list[str] = []
    token = ""
    for _ in range(3):
        page = list_payments(PaymentFilter(), 2, token, store=till.books.store)
        assert page.total == 5
        listed += [payment.payment_id for payment in page.payments]
        token = page.next_page_token
    assert token == ""
    assert sorted(listed) == sorted(made)
    times = [till.payment(payment_id).created_at for payment_id in listed]
    assert times == sorted(times, reverse=True)


def test_a_page_token_belongs_to_its_list(till: Till) -> None:
    for at in range(3):
        till.confirm(till.quote("1.00"), key=f"key-0000{at}")
    token = list_payments(PaymentFilter(), 2, "", store=till.books.store).next_page_token
    with pytest.raises(Invalid) as refused:
        list_payments(PaymentFilter(organization_id="A"), 2, token, store=till.books.store)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


def test_a_charge_must_end_before_its_lease() -> None:
    with pytest.raises(ValueError, match="lease"):
        Pace(charge=10, lease=10)

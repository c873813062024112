"""From three fields or a link to a quote."""

import string
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paynow.domain.guard import AmountAboveBalance, NoSuchInvoice
from services.paynow.domain.quotes import QuoteExpired, QuoteMissing, Quotes
from services.paynow.use_cases.quotes import open_link
from services.shared.errors import Invalid, Refusal
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MemoryBooks, payable
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, KEY, Till

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=100)
"""A number or an address: one line."""


@pytest.fixture
def till() -> Till:
    books = MemoryBooks()
    books.add_organization("A", EMAIL, "second@example.test")
    books.add_organization("B", EMAIL, "b@example.test")
    books.add_invoice(payable(1, "A", "INV-1", books=10_000))
    books.add_invoice(payable(2, "B", "0042", books=5_000, reserved_minor=1_000))
    return Till(books, ScriptedProvider(), SetClock())


def test_a_quote_holds_for_a_quarter_of_an_hour(till: Till) -> None:
    quote = till.quote("40", email=" A@EXAMPLE.test ")
    assert (quote.amount_minor, quote.currency, quote.invoice_number) == (4_000, "USD", "INV-1")
    assert quote.expires_at == till.clock.now() + timedelta(minutes=15)
    assert quote.email == "A@EXAMPLE.test"
    assert till.read_quote(quote) == quote


def test_quotes_cannot_be_guessed(till: Till) -> None:
    ids = {till.quote().quote_id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(quote_id) == 24 for quote_id in ids)


def test_a_quote_reserves_nothing(till: Till) -> None:
    till.quote("100.00")
    assert till.quote("100.00").amount_minor == 10_000
    assert till.books.invoice().reserved_minor == 0


def test_every_address_of_every_contact_of_the_organization_will_do(till: Till) -> None:
    assert till.quote(email="second@example.test").invoice_number == "INV-1"


def refusal(till: Till, email: str, number: str, link: str = "") -> tuple[type, str, str, tuple[object, ...]]:
    with pytest.raises(Refusal) as refused:
        till.quote("1.00", number=number, email=email, link=link)
    return type(refused.value), refused.value.reason, refused.value.message, refused.value.violations


def test_a_wrong_address_and_a_wrong_number_get_the_same_answer(till: Till) -> None:
    answers = {
        refusal(till, "nobody@example.test", "INV-1"),
        refusal(till, EMAIL, "INV-2"),
        refusal(till, "nobody@example.test", "INV-2"),
        refusal(till, "b@example.test", "INV-1"),
        refusal(till, EMAIL, "42"),  # not 0042
        refusal(till, EMAIL, "inv-1"),
        refusal(
            till,
            "nobody@example.test",
            "INV-1",
            till.links.make(payable(1, "A", "INV-1"), EMAIL, till.clock.now()),
        ),
    }
    assert [(kind, reason) for kind, reason, *_ in answers] == [(NoSuchInvoice, "NO_SUCH_INVOICE")]


@pytest.mark.parametrize(
    ("email", "number"),
    [("nobody@example.test", "INV-1"), (EMAIL, "INV-2"), ("nobody@example.test", "INV-2")],
)
def test_whichever_is_wrong_the_books_are_asked_for_both_and_once(
    till: Till, email: str, number: str
) -> None:
    """The time of an answer may not tell either."""
    refusal(till, email, number)
    assert till.books.looked_up == 1


def test_what_is_being_charged_cannot_be_quoted_again(till: Till) -> None:
    assert till.quote("40.00", number="0042").amount_minor == 4_000
    with pytest.raises(AmountAboveBalance) as refused:
        till.quote("40.01", number="0042")
    assert "40" not in refused.value.message


def test_a_link_for_this_invoice_lets_the_balance_be_named(till: Till) -> None:
    now = till.clock.now()
    with pytest.raises(AmountAboveBalance, match=r"40\.00 USD"):
        till.quote("40.01", number="0042", link=till.links.make(payable(2, "B", "0042"), EMAIL, now))
    for link in (
        till.links.make(payable(1, "A", "INV-1"), EMAIL, now),
        "forged",
        till.links.make(payable(2, "B", "0042"), EMAIL, now - timedelta(days=61)),
    ):
        with pytest.raises(AmountAboveBalance) as refused:
            till.quote("40.01", number="0042", link=link)
        assert "40" not in refused.value.message


def test_a_link_that_does_not_open_takes_nothing_away(till: Till) -> None:
    assert till.quote(link="forged").invoice_number == "INV-1"


def test_a_link_decides_between_invoices_of_one_number(till: Till) -> None:
    till.books.add_invoice(payable(3, "B", "INV-1", books=7_000))
    assert till.quote("1").invoice_id == 1
    assert (
        till.quote("1", link=till.links.make(payable(3, "B", "INV-1"), EMAIL, till.clock.now())).invoice_id
        == 3
    )


def test_opening_a_link_shows_what_remains_now(till: Till) -> None:
    token = till.links.make(payable(2, "B", "0042"), "b@example.test", till.clock.now())
    link, shown = open_link(token, store=till.books.store, links=till.links, clock=till.clock)
    assert link.email == "b@example.test"
    assert (shown.invoice.balance_minor, shown.invoice.reserved_minor) == (5_000, 1_000)
    assert shown.organization_name == "B Inc"


def test_a_link_whose_invoice_is_gone_opens_nothing(till: Till) -> None:
    token = till.links.make(payable(99, "A", "INV-99"), EMAIL, till.clock.now())
    with pytest.raises(Invalid) as refused:
        open_link(token, store=till.books.store, links=till.links, clock=till.clock)
    assert refused.value.reason == "LINK_INVALID"


@pytest.mark.parametrize("now_at_the_id", [("B", "INV-1"), ("A", "INV-2")])
def test_books_of_an_older_day_open_no_other_invoice_by_a_link(
    till: Till, now_at_the_id: tuple[str, str]
) -> None:
    token = till.links.make(payable(3, "A", "INV-1"), EMAIL, till.clock.now())
    till.books.add_invoice(payable(3, *now_at_the_id))
    with pytest.raises(Invalid) as refused:
        open_link(token, store=till.books.store, links=till.links, clock=till.clock)
    assert refused.value.reason == "LINK_INVALID"
    assert till.quote("1.00", link=token).invoice_id == 1


@pytest.mark.parametrize("now_at_the_id", [("B", "INV-1"), ("A", "INV-2"), None])
def test_books_of_an_older_day_charge_no_other_invoice_for_a_quote(
    till: Till, now_at_the_id: tuple[str, str] | None
) -> None:
    quote = till.quotes.make(payable(3, "A", "INV-1"), 100, EMAIL, till.clock.now())
    if now_at_the_id:
        till.books.add_invoice(payable(3, *now_at_the_id))
    with pytest.raises(QuoteExpired, match="not in the books"):
        till.confirm(quote)
    assert till.all_payments() == []


def test_a_quote_that_is_not_ours_is_missing(till: Till) -> None:
    quote = till.quote()
    others = Quotes("another key of sixteen bytes")
    forged = others.make(payable(), 1, EMAIL, till.clock.now()).sealed
    link = till.links.make(payable(1, "A", "INV-1"), EMAIL, till.clock.now())
    for sealed in ("", "other", "\0", quote.sealed[:-1], quote.sealed + "A", quote.sealed[1:], forged, link):
        with pytest.raises(QuoteMissing):
            till.read_quote(replace(quote, sealed=sealed))
        with pytest.raises(QuoteMissing):
            till.confirm(sealed)


@given(number=TEXT, email=TEXT, amount=st.integers(1, 10**15), microseconds=st.integers(0, 10**6 - 1))
def test_a_quote_reads_back_exactly_as_it_was_made(
    number: str, email: str, amount: int, microseconds: int
) -> None:
    quotes, at = Quotes(KEY), SetClock().now().replace(microsecond=microseconds)
    quote = quotes.make(payable(2**40, "A", number), amount, email, at)
    assert quotes.open(quote.sealed) == quote
    assert set(quote.sealed) <= set(string.ascii_letters + string.digits + "-_")


def test_a_quote_knows_its_payment_for_ever(till: Till) -> None:
    used = till.quote()
    payment = till.confirm(used)
    till.wait(365 * 24 * 3600)
    assert till.read_quote(used).payment_id == payment.payment_id
    assert till.confirm(used) == till.payment(payment)

"""Who may pay what."""

from datetime import date
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paynow.domain.guard import (
    AmountAboveBalance,
    FieldsMalformed,
    InvoiceNotPayable,
    NoSuchInvoice,
    Payable,
    amount_of,
    check_fields,
    choose,
)
from tests.fakes.paynow_payments import payable


def faults(email: str = "a@example.test", number: str = "1", amount: str = "1.00") -> list[tuple[str, str]]:
    with pytest.raises(FieldsMalformed) as refused:
        check_fields(email, number, amount)
    return [(violation.field, violation.reason) for violation in refused.value.violations]


def test_all_malformed_fields_are_named_at_once() -> None:
    assert faults("nobody", "", "ten") == [
        ("email", "EMAIL_MALFORMED"),
        ("invoice_number", "NUMBER_MALFORMED"),
        ("amount", "AMOUNT_MALFORMED"),
    ]


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@b", "a..b@example.test", "a@example.test, b@example.test", "A <a@example.test>",
     "a@example.test\nBcc: b@example.test", "a" * 250 + "@example.test", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(email: str) -> None:
    assert faults(email=email) == [("email", "EMAIL_MALFORMED")]


@pytest.mark.parametrize("number", ["", "   ", "x" * 101, "1\n2", "1\x002", "a\tb", "a\u2028b"])
def test_what_is_no_number_is_refused(number: str) -> None:
    assert faults(number=number) == [("invoice_number", "NUMBER_MALFORMED")]


@pytest.mark.parametrize("number", ["007", "7", "a/b\\c", "№ 5", "🧾-1", "x" * 100, "inv 1", "<b>", "=1+1"])
def test_a_number_is_taken_exactly_as_written(number: str) -> None:
    assert check_fields("a@example.test", number, "1").number == number


def test_spaces_around_the_fields_do_not_count() -> None:
    fields = check_fields(" A@Example.Test ", "  007 ", " 1.50 ")
    assert (fields.email, fields.email_key, fields.number, fields.amount) == (
        "A@Example.Test", "a@example.test", "007", "1.50",
    )  # fmt: skip


@pytest.mark.parametrize(
    "amount",
    ["", "0", "0.00", "000", "-1", "+1", "1,50", "1,000.00", "1.", ".5", "1e3", "NaN", "Infinity", "١٢",
     "1 000", "$5", "0x10", "1" * 21, "1." + "1" * 21, "1.2.3"],
)  # fmt: skip
def test_what_is_no_amount_above_zero_is_refused(amount: str) -> None:
    assert faults(amount=amount) == [("amount", "AMOUNT_MALFORMED")]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("1", "USD", 100), ("0.01", "USD", 1), ("1.5", "USD", 150), ("1.500", "USD", 150), ("007", "JPY", 7),
     ("1.0", "JPY", 1), ("0.001", "KWD", 1)],
)  # fmt: skip
def test_an_amount_is_read_in_the_currency_of_the_invoice(amount: str, currency: str, minor: int) -> None:
    assert amount_of(payable(currency=currency), amount, named=False) == minor


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "USD"), ("1.5", "JPY"), ("0.0001", "KWD")])
def test_decimals_that_the_currency_lacks_are_a_fault_of_the_amount(amount: str, currency: str) -> None:
    with pytest.raises(FieldsMalformed) as refused:
        amount_of(payable(currency=currency), amount, named=False)
    assert [(v.field, v.reason) for v in refused.value.violations] == [("amount", "AMOUNT_MALFORMED")]


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 20_000))
def test_exactly_what_remains_may_be_paid_and_not_a_cent_more(books: int, reserved: int, minor: int) -> None:
    invoice = payable(books=books, reserved_minor=reserved)
    amount = f"{minor // 100}.{minor % 100:02}"
    if minor <= books - reserved:
        assert amount_of(invoice, amount, named=False) == minor
    else:
        with pytest.raises(AmountAboveBalance):
            amount_of(invoice, amount, named=False)


def test_the_balance_is_named_only_to_who_has_been_shown_it() -> None:
    invoice = payable(books=12_345, reserved_minor=45)
    with pytest.raises(AmountAboveBalance) as silent:
        amount_of(invoice, "999", named=False)
    with pytest.raises(AmountAboveBalance) as open_:
        amount_of(invoice, "999", named=True)
    assert not any(character.isdigit() for character in silent.value.message)
    assert "123.00 USD" in open_.value.message
    assert silent.value.violations[0].field == open_.value.violations[0].field == "amount"


def test_without_a_link_too_much_and_nothing_left_are_refused_in_the_same_words() -> None:
    refusals = set()
    for invoice in (
        payable(books=5_000),
        payable(books=0),
        payable(status="paid"),
        payable(reserved_minor=10_000),
    ):
        for amount in ("999", "9" * 20):
            with pytest.raises(AmountAboveBalance) as refused:
                amount_of(invoice, amount, named=False)
            refusals.add((refused.value.reason, refused.value.message))
    assert refusals == {
        (
            "AMOUNT_ABOVE_BALANCE",
            "This amount cannot be paid on this invoice. Check the amount, or open the link in the email"
            " about this invoice.",
        )
    }


@pytest.mark.parametrize(
    ("invoice", "words"),
    [
        (payable(books=5_000), "enter at most 50.00 USD"),
        (payable(books=5_000, currency="JPY"), "enter at most 5000 JPY"),
        (payable(books=0), "This invoice is paid"),
        (payable(status="paid"), "This invoice is paid"),
        (payable(paid_here_minor=10_000), "This invoice is paid"),
        (payable(reserved_minor=10_000), "is being processed"),
    ],
)
def test_with_a_link_the_refusal_says_how_the_invoice_stands(invoice: Payable, words: str) -> None:
    with pytest.raises(AmountAboveBalance, match=words):
        amount_of(invoice, "99999", named=True)


def test_an_amount_beyond_all_money_is_simply_above_the_balance() -> None:
    with pytest.raises(AmountAboveBalance):
        amount_of(payable(), "9" * 20, named=False)


def test_of_a_paid_invoice_nothing_remains_whatever_the_books_say() -> None:
    with pytest.raises(AmountAboveBalance):
        amount_of(payable(status="paid"), "0.01", named=False)


@pytest.mark.parametrize("status", ["cancelled", "third_party"])
def test_what_was_withdrawn_or_handed_on_cannot_be_paid(status: str) -> None:
    with pytest.raises(InvoiceNotPayable):
        amount_of(payable(status=status), "1", named=True)


def test_an_address_and_a_number_must_meet_in_one_organization() -> None:
    invoice = payable(1, "A")
    assert choose([invoice], {"A"}, None) == invoice
    for numbered, organizations in (([], {"A"}), ([invoice], {"B"}), ([invoice], set()), ([], set())):
        with pytest.raises(NoSuchInvoice):
            choose(numbered, organizations, None)


def test_of_several_the_earliest_due_with_a_balance_is_meant() -> None:
    settled = payable(1, "A", books=0, due_on=date(2026, 1, 1))
    cancelled = payable(2, "B", due_on=date(2025, 1, 1), status="cancelled")
    undated = payable(3, "C", due_on=None)
    late, early = payable(4, "D", due_on=date(2026, 5, 1)), payable(5, "E", due_on=date(2026, 4, 1))
    numbered = [settled, cancelled, undated, late, early]
    everywhere = {"A", "B", "C", "D", "E"}
    assert choose(numbered, everywhere, None) == early
    assert choose(numbered, everywhere - {"E"}, None) == late
    assert choose(numbered, {"A", "B", "C"}, None) == undated
    assert choose(numbered, {"A", "B"}, None) == settled


def test_a_link_pins_its_invoice_and_opens_no_other_organization() -> None:
    first, second = payable(1, "A"), payable(2, "B", due_on=date(2027, 1, 1))
    assert choose([first, second], {"A", "B"}, 2) == second
    assert choose([first, second], {"A"}, 2) == first


@given(st.integers(0, 500), st.lists(st.integers(1, 500), max_size=5), st.integers(0, 500))
def test_acknowledging_never_changes_what_remains(books: int, paid: list[int], later_books: int) -> None:
    invoice = payable(books=books)
    for amount in paid:
        invoice = invoice.reserved(amount).paid(amount)
    # A sync sets the books' balance alone, at any moment.
    synced = payable(books=later_books, paid_here_minor=invoice.paid_here_minor)
    for start in (invoice, synced):
        steps = list(
            accumulate(paid, lambda before, amount: before.acknowledged(amount, listed=False), initial=start)
        )
        assert {step.balance_minor for step in steps} == {start.balance_minor}
        assert all(step.books_balance_minor >= 0 for step in steps)
        assert steps[-1].paid_here_minor == 0

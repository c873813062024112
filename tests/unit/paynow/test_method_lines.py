"""What a line about a method on file may say; the number of a card is never in what is kept or told."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paynow.domain.card_numbers import has_check_digit, holds_card_number
from services.paynow.domain.cells import LineRefusal, shown
from services.paynow.domain.on_file import MethodLine, StoredMethod, check_method
from tests.fakes.paynow_accounts import a_card

CARD = "4242424242424242"


def test_a_good_line_means_what_it_says() -> None:
    line = check_method(a_card(" M-1 ", brand=" Visa ", nickname="Büro", status="failed"))
    assert isinstance(line, MethodLine)
    assert line.method == StoredMethod(
        "O-1", "M-1", "card", "Visa", "4242", date(2027, 9, 1), "Büro", "failed", "PROVIDER_ERROR"
    )


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({}, "Visa ending 4242"),
        ({"brand": ""}, "Card ending 4242"),
        ({"last_four": ""}, "Visa"),
        ({"kind": "bank", "expires": "", "brand": ""}, "Bank account ending 4242"),
        ({"kind": "bank", "expires": "", "brand": "First Bank", "last_four": ""}, "First Bank"),
    ],
)
def test_a_method_is_named_in_words_that_are_safe(values: dict[str, object], label: str) -> None:
    line = check_method(a_card(**values))
    assert isinstance(line, MethodLine)
    assert line.method.label == label


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"method_id": ""}, "method_id", "METHOD_ID_MISSING"),
        ({"method_id": "x" * 101}, "method_id", "METHOD_ID_TOO_LONG"),
        ({"method_id": "a\tb"}, "method_id", "METHOD_ID_MALFORMED"),
        ({"method_id": CARD}, "method_id", "METHOD_ID_MALFORMED"),
        ({"kind": "cheque"}, "kind", "KIND_UNKNOWN"),
        ({"kind": ""}, "kind", "KIND_UNKNOWN"),
        ({"brand": "x" * 51}, "brand", "BRAND_TOO_LONG"),
        ({"brand": "Visa\n"}, "brand", "BRAND_MALFORMED"),
        ({"brand": f"Visa {CARD}"}, "brand", "BRAND_MALFORMED"),
        ({"last_four": "424"}, "last_four", "LAST_FOUR_MALFORMED"),
        ({"last_four": "٤٢٤٢"}, "last_four", "LAST_FOUR_MALFORMED"),
        ({"last_four": CARD}, "last_four", "LAST_FOUR_MALFORMED"),
        ({"expires": ""}, "expires", "EXPIRES_MISSING"),
        ({"expires": "09/27"}, "expires", "EXPIRES_MALFORMED"),
        ({"expires": "2027-13"}, "expires", "EXPIRES_MALFORMED"),
        ({"expires": "0027-01"}, "expires", "EXPIRES_MALFORMED"),
        ({"kind": "bank"}, "expires", "EXPIRES_MALFORMED"),
        ({"nickname": "x" * 101}, "nickname", "NICKNAME_TOO_LONG"),
        ({"nickname": "4242 4242 4242 4242"}, "nickname", "NICKNAME_MALFORMED"),
        ({"status": "expired"}, "status", "STATUS_UNKNOWN"),
        ({"status": "failed", "failure_reason": "NO_FUNDS"}, "failure_reason", "REASON_UNKNOWN"),
        ({"kind": CARD}, "kind", "KIND_UNKNOWN"),
        ({"expires": CARD}, "expires", "EXPIRES_MALFORMED"),
    ],
)
def test_a_wrong_cell_is_named_and_a_card_number_never_repeated(
    values: dict[str, object], field: str, reason: str
) -> None:
    refusal = check_method(a_card(**values))
    assert isinstance(refusal, LineRefusal)
    assert (refusal.field, refusal.reason) == (field, reason)
    assert "4242" not in refusal.message


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "my card 4242.4242.4242.4242, thanks",
        "1 4242424242424242 12 27",
        "378282246310005",
        "x4242424242424242y",
        f"0000{CARD}0000",
        "4242/4242/4242/4242",
        "4242_4242 - 4242_4242",
        "\uff14\uff12\uff14\uff12" * 4,
        "\u0664\u0662\u0664\u0662" * 4,
    ],
)
def test_a_card_number_is_seen_however_it_is_written(text: str) -> None:
    assert holds_card_number(text)
    assert "4242424242424242" not in shown(text)


@pytest.mark.parametrize("method_id", [CARD, f"pm-{CARD}", "2223003122003222", "5555_5555_5555_4444"])
def test_an_id_that_may_be_a_card_number_is_refused(method_id: str) -> None:
    refusal = check_method(a_card(method_id=method_id))
    assert isinstance(refusal, LineRefusal)
    assert (refusal.field, refusal.reason) == ("method_id", "METHOD_ID_MALFORMED")


def test_an_id_of_digits_that_no_card_begins_with_is_an_id() -> None:
    assert isinstance(check_method(a_card(method_id="1763843200007")), MethodLine)


@pytest.mark.parametrize(
    "text", ["", "4242", "2026-01-31", "INV-0042", "+1 207 555 0142", "4242424242424241"]
)
def test_other_digits_are_none(text: str) -> None:
    assert not holds_card_number(text)


@given(st.text("0123456789", min_size=11, max_size=18))
def test_exactly_one_last_digit_makes_a_number(digits: str) -> None:
    assert sum(has_check_digit(digits + last) for last in "0123456789") == 1


@given(
    st.text(), st.sampled_from(["brand", "nickname", "last_four", "kind", "status", "expires", "method_id"])
)
def test_any_text_in_any_cell_gives_a_line_or_a_refusal(text: str, field: str) -> None:
    assert isinstance(check_method(a_card(**{field: text})), MethodLine | LineRefusal)

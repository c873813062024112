import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.money import MOST_MINOR, MoneyError, is_currency, minor_digits, parse_decimal, to_decimal


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("0", "USD", 0),
        ("1234.50", "USD", 123450),
        ("1234.5", "USD", 123450),
        ("7.000", "USD", 700),
        ("-3.01", "USD", -301),
        ("0012", "USD", 1200),
        ("1234", "JPY", 1234),
        ("1.234", "KWD", 1234),
    ],
)
def test_a_decimal_becomes_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_decimal(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "reason"),
    [
        ("", "USD", "NOT_A_NUMBER"),
        ("NaN", "USD", "NOT_A_NUMBER"),
        ("Infinity", "USD", "NOT_A_NUMBER"),
        ("1e3", "USD", "NOT_A_NUMBER"),
        ("1,234.50", "USD", "NOT_A_NUMBER"),
        ("1.", "USD", "NOT_A_NUMBER"),
        (".5", "USD", "NOT_A_NUMBER"),
        ("+5", "USD", "NOT_A_NUMBER"),
        (" 5", "USD", "NOT_A_NUMBER"),
        ("٣", "USD", "NOT_A_NUMBER"),
        ("1.001", "USD", "TOO_MANY_DECIMALS"),
        ("1.5", "JPY", "TOO_MANY_DECIMALS"),
        ("99999999999999999", "USD", "TOO_LARGE"),
        ("1", "ZZZ", "UNKNOWN_CURRENCY"),
        ("1", "usd", "UNKNOWN_CURRENCY"),
    ],
)
def test_what_is_no_amount_is_refused_by_name(text: str, currency: str, reason: str) -> None:
    with pytest.raises(MoneyError) as refused:
        parse_decimal(text, currency)
    assert refused.value.reason == reason


@given(st.integers(-MOST_MINOR, MOST_MINOR), st.sampled_from(["USD", "EUR", "JPY", "KWD"]))
def test_writing_and_reading_an_amount_gives_it_back(minor: int, currency: str) -> None:
    assert parse_decimal(to_decimal(minor, currency), currency) == minor


def test_currencies_have_their_own_decimals() -> None:
    assert [minor_digits(code) for code in ("USD", "JPY", "KWD")] == [2, 0, 3]
    assert not is_currency("XXX")
    assert not is_currency("EURO")

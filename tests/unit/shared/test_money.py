import pytest
from babel import Locale
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from services.shared.money import (
    MOST_MINOR,
    MoneyError,
    in_words,
    is_currency,
    minor_digits,
    parse_decimal,
    to_decimal,
)


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


@pytest.mark.parametrize(
    ("digits", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        # What locale data shows without decimals has them in ISO 4217.
        (2, "USD EUR AFN ALL COP IDR IRR KPW LAK LBP MGA MMK PKR RSD SOS SYP TWD YER HUF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_currencies_have_the_decimals_of_the_standard(digits: int, codes: str) -> None:
    assert {code: minor_digits(code) for code in codes.split()} == dict.fromkeys(codes.split(), digits)


@pytest.mark.parametrize(
    "code", ["DEM", "FRF", "HRK", "ZWL", "SLL", "XXX", "XTS", "XAU", "XDR", "EURO", "usd", ""]
)
def test_a_code_that_is_no_money_in_use_is_refused(code: str) -> None:
    assert not is_currency(code)
    with pytest.raises(MoneyError) as refused:
        minor_digits(code)
    assert refused.value.reason == "UNKNOWN_CURRENCY"


def test_every_currency_that_is_legal_tender_somewhere_is_known() -> None:
    territories = get_global("territory_currencies").values()
    tender = {code for known in territories for code, _, end, is_tender in known if is_tender and not end}
    # Bulgaria has the euro since 2026.
    assert {code for code in tender if not is_currency(code)} <= {"BGN"}


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123450, "USD", "$1,234.50"),
        (-2000, "EUR", "-€20.00"),
        (1234, "JPY", "¥1,234"),
        (1234567, "IQD", "IQD\N{NO-BREAK SPACE}1,234.567"),
        (150, "LBP", "LBP\N{NO-BREAK SPACE}1.50"),
        (-150, "CHF", "-CHF\N{NO-BREAK SPACE}1.50"),
    ],
)
def test_an_amount_is_shown_with_all_its_decimals(minor: int, currency: str, text: str) -> None:
    assert in_words(minor, currency, Locale("en", "US")) == text

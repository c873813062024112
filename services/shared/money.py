"""Money as whole minor units of an ISO 4217 currency."""

import re
from functools import cache

from babel.numbers import get_currency_precision, list_currencies

MOST_MINOR = 10**15 - 1
"""No amount is larger; it leaves room to add up a million of them in 64 bits."""

_DECIMAL = re.compile(r"-?\d{1,20}(?:\.(\d{1,20}))?", re.ASCII)


class MoneyError(ValueError):
    """An amount that is none; `reason` is NOT_A_NUMBER, TOO_MANY_DECIMALS, TOO_LARGE or UNKNOWN_CURRENCY."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@cache
def _currencies() -> frozenset[str]:
    # XXX and its like are codes of ISO 4217 that name no money.
    return frozenset(code for code in list_currencies() if re.fullmatch("[A-Z]{3}", code)) - {"XXX", "XTS"}


def is_currency(code: str) -> bool:
    """Whether the code is an ISO 4217 currency, in upper case."""
    return code in _currencies()


@cache
def minor_digits(currency: str) -> int:
    """How many decimals the currency has: 2 for USD, 0 for JPY, 3 for KWD."""
    if not is_currency(currency):
        raise MoneyError("UNKNOWN_CURRENCY", f"{currency!r} is not an ISO 4217 currency such as USD.")
    return get_currency_precision(currency)


def parse_decimal(text: str, currency: str) -> int:
    """The minor units of a decimal number with a point, such as 1234.50; it may be negative.

    No thousands separators, no exponent, no sign but a minus. Raises `MoneyError`.
    """
    digits = minor_digits(currency)
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise MoneyError("NOT_A_NUMBER", f"{text[:40]!r} is not an amount such as 1234.50.")
    decimals = match.group(1) or ""
    if len(decimals.rstrip("0")) > digits:
        raise MoneyError(
            "TOO_MANY_DECIMALS", f"{text[:40]} has more decimals than {currency} has ({digits})."
        )
    whole = text.partition(".")[0]
    minor = int(whole.lstrip("-") + decimals[:digits].ljust(digits, "0"))
    if minor > MOST_MINOR:
        raise MoneyError("TOO_LARGE", f"{text[:40]} is larger than any amount that Dunlin takes.")
    return -minor if text.startswith("-") else minor


def to_decimal(minor: int, currency: str) -> str:
    """The amount as a decimal number with a point and all of the currency's decimals: "1234.50"."""
    digits = minor_digits(currency)
    sign, units = ("-" if minor < 0 else ""), abs(minor)
    if digits == 0:
        return f"{sign}{units}"
    return f"{sign}{units // 10**digits}.{units % 10**digits:0{digits}d}"

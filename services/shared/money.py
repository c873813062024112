"""Money as whole minor units of an ISO 4217 currency."""

import re
from copy import copy
from decimal import Decimal

from babel import Locale

MOST_MINOR = 10**15 - 1
"""No amount is larger; it leaves room to add up a million of them in 64 bits."""

_DECIMAL = re.compile(r"-?\d{1,20}(?:\.(\d{1,20}))?", re.ASCII)


class MoneyError(ValueError):
    """An amount that is none; `reason` is NOT_A_NUMBER, TOO_MANY_DECIMALS, TOO_LARGE or UNKNOWN_CURRENCY."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


# ISO 4217 itself. Locale data (CLDR) says how amounts are usually shown, which is something else: it shows
# no decimals of IQD, LBP or RSD, and knows currencies that are history. Codes for metals, accounting units
# and tests name no money that an invoice could be in.
_TWO_DIGITS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_OTHER_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS = dict.fromkeys(_TWO_DIGITS.split(), 2) | {
    code: digits for digits, codes in _OTHER_DIGITS.items() for code in codes.split()
}


def is_currency(code: str) -> bool:
    """Whether the code is a currency of ISO 4217 that is in use, in upper case."""
    return code in _DIGITS


def minor_digits(currency: str) -> int:
    """How many decimals the currency has by ISO 4217: 2 for USD, 0 for JPY, 3 for KWD."""
    try:
        return _DIGITS[currency]
    except KeyError:
        message = f"{currency!r} is not an ISO 4217 currency in use, such as USD."
        raise MoneyError("UNKNOWN_CURRENCY", message) from None


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


def in_words(minor: int, currency: str, locale: Locale) -> str:
    """The amount as people of the locale write it, with all of the currency's decimals: "$1,234.50".

    Babel alone would round some currencies to whole units, and show an amount that is not the one charged.
    """
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (minor_digits(currency),) * 2
    amount = Decimal(to_decimal(minor, currency))
    text = pattern.apply(amount, locale, currency=currency, currency_digits=False)
    # A currency without a sign of its own is written by its code, which needs a space that does not break.
    return re.sub(rf"{currency}(?=\d)", f"{currency}\u00a0", text)

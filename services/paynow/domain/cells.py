"""The cells of a line: texts, dates and amounts, and how one that is wrong is refused."""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple, NoReturn

from services.paynow.domain.card_numbers import holds_card_number
from services.shared.iso_dates import day_of
from services.shared.money import MoneyError, parse_decimal

LONGEST_ID = 100
"""Characters in an id of the source, an invoice's number, an organization's type."""

LONGEST_NAME = 200

EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
"""Dates of an invoice or a payment; one outside is a slip, such as year 13."""

# Line breaks in a name would end a mail header; the others have no business in a list either.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_MONEY_REASONS = {
    "NOT_A_NUMBER": "AMOUNT_MALFORMED",
    "TOO_MANY_DECIMALS": "AMOUNT_TOO_PRECISE",
    "TOO_LARGE": "AMOUNT_TOO_LARGE",
}


class LineRefusal(NamedTuple):
    """Why a line is refused: the column as in Dunlin's own format, a stable reason, words with the cure."""

    line: int
    field: str
    reason: str
    message: str


class Wrong(Exception):
    """The first thing that is wrong with a line: field, reason, message."""


def refuse(field: str, reason: str, message: str) -> NoReturn:
    """Ends the checking of a line."""
    raise Wrong(field, reason, message)


def too_long(field: str, thing: str, longest: int) -> NoReturn:
    """Refuses a text for its length."""
    refuse(field, f"{thing}_TOO_LONG", f"{field} is longer than {longest} characters.")


def text_of(text: str, field: str, thing: str, longest: int, *, needed: bool = True) -> str:
    """The text without the white space around it: one line, not too long."""
    # Most texts are printable, and that is much quicker to see.
    if not text.isprintable() and _CONTROL.search(text):
        refuse(
            field,
            f"{thing}_MALFORMED",
            f"{shown(text)} contains a line break or another control character; write it on one line.",
        )
    text = text.strip()
    if needed and not text:
        refuse(field, f"{thing}_MISSING", f"{field} is empty; every line needs it.")
    if len(text) > longest:
        too_long(field, thing, longest)
    return text


def date_of(text: str, field: str) -> date | None:
    """The date, None if the cell is empty."""
    try:
        day = _day(text)
    except ValueError:
        refuse(field, "DATE_MALFORMED", f"{shown(text)} is not a valid date; write it as 2026-01-31.")
    if day is not None and not EARLIEST <= day <= LATEST:
        refuse(field, "DATE_OUT_OF_RANGE", f"{shown(text)} is not between {EARLIEST} and {LATEST}.")
    return day


@lru_cache(maxsize=16_384)
def _day(text: str) -> date | None:
    text = text.strip()
    if not text:
        return None
    return day_of(text)


def money_of(text: str, field: str, currency: str) -> int:
    """The amount in minor units, 0 or more."""
    text = text.strip()
    try:
        minor = _minor(text, currency)
    except MoneyError as error:
        words = str(error) if text else f"{field} is empty; write an amount such as 1234.50."
        refuse(field, _MONEY_REASONS.get(error.reason, error.reason), words)
    if minor < 0:
        refuse(field, "AMOUNT_NEGATIVE", f"{shown(text)} is negative; write 0 or more.")
    return minor


_minor = lru_cache(maxsize=65_536)(parse_decimal)  # many invoices are of the same amount


def shown(text: str) -> str:
    """The text as a message can hold it: in quotes, without control characters, not endless.

    A report is printed and kept, so what may be a card's number is never in it.
    """
    if holds_card_number(text[:200]):
        return "The text, which is not shown since it may hold a card number,"
    return repr(text if len(text) <= 60 else text[:59] + "…")

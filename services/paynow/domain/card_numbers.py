"""What may be the whole number of a card, which is never kept, logged or shown."""

import re
import unicodedata
from collections.abc import Iterator

_SHORTEST, _LONGEST = 12, 19
"""Digits in a card's number (ISO/IEC 7812)."""

# Groups of digits as people write a number: with a space, a hyphen, a dot or the like between two of them.
_RUN = re.compile(r"[0-9]+(?:[\W_]{1,3}[0-9]+)*")

ANY_DIGIT = "0123456789"
OF_CARDS = "23456"
"""What the numbers of cards begin with, but for those of some airlines."""


def holds_card_number(text: str, *, begins_with: str = ANY_DIGIT) -> bool:
    """Whether any digits of the text, taken together as people write them, pass as a card's number.

    Only numbers that begin with one of these digits count. Digits of every script are digits.
    """
    return any(
        number[0] in begins_with and has_check_digit(number) for number in _candidates(_in_ascii(text))
    )


def _in_ascii(text: str) -> str:
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in text)


def _candidates(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        groups = re.findall(r"[0-9]+", run)
        for first in range(len(groups)):
            number = ""
            for group in groups[first:]:
                number += group
                if len(number) > _LONGEST:
                    break
                if len(number) >= _SHORTEST:
                    yield number
        # Within so many digits in a row a number may begin anywhere.
        for group in groups:
            if len(group) > _LONGEST:
                yield from (group[at : at + 16] for at in range(len(group) - 15))


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the one that Luhn's sum asks for (ISO/IEC 7812, annex B)."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0

"""Cards and bank accounts on file: what is safe to know of them, and what a line about one may say."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from services.paynow.domain.card_numbers import OF_CARDS, holds_card_number
from services.paynow.domain.cells import (
    EARLIEST,
    LATEST,
    LONGEST_ID,
    LineRefusal,
    Wrong,
    refuse,
    shown,
    text_of,
)

CARD: Final = "card"
BANK: Final = "bank"
KINDS: Final = (CARD, BANK)

ACTIVE: Final = "active"
DELETED: Final = "deleted"
FAILED: Final = "failed"
STATUSES: Final = (ACTIVE, DELETED, FAILED)

PROVIDER_ERROR: Final = "PROVIDER_ERROR"
FAILURES: Final = ("CARD_DECLINED", "ACCOUNT_CLOSED", "RETURNED", "EXPIRED", PROVIDER_ERROR)
"""Why a method cannot be used."""

LONGEST_BRAND = 50
LONGEST_NICKNAME = 100

MethodKey = tuple[str, str]
"""Organization id and method id."""


@dataclass(frozen=True, slots=True)
class StoredMethod:
    """A method on file. Fields are as in the proto; `expires_on` is the first day of a card's last month."""

    organization_id: str
    method_id: str
    kind: str
    brand: str
    last_four: str
    expires_on: date | None
    nickname: str
    status: str
    failure_reason: str
    failures: int = 0

    @property
    def key(self) -> MethodKey:
        """Names the method."""
        return self.organization_id, self.method_id

    @property
    def label(self) -> str:
        """What it is, in words that are safe to show ("Visa ending 4242")."""
        return label_of(self.kind, self.brand, self.last_four)


def label_of(kind: str, brand: str, last_four: str) -> str:
    """What a method is, in words that are safe to show ("Visa ending 4242")."""
    name = brand or ("Card" if kind == CARD else "Bank account")
    return f"{name} ending {last_four}" if last_four else name


class MethodRecord(NamedTuple):
    """One line as it came: texts that nobody has checked. Fields are as in the proto."""

    line: int
    organization_id: str
    method_id: str
    kind: str
    brand: str
    last_four: str
    expires: str
    nickname: str
    status: str
    failure_reason: str


class MethodLine(NamedTuple):
    """A line that may be taken, if the books have its organization."""

    line: int
    method: StoredMethod


def check_method(record: MethodRecord) -> MethodLine | LineRefusal:
    """The line's meaning, or the first thing that is wrong with it, from left to right.

    White space around a value is no part of it. A text that may hold the number of a card is refused, and no
    refusal repeats it.
    """
    try:
        organization_id = record.organization_id.strip()
        method_id = _id(record.method_id)
        kind = _one_of(record.kind, KINDS, "kind", "KIND_UNKNOWN")
        brand = _words(record.brand, "brand", "BRAND", LONGEST_BRAND)
        last_four = _last_four(record.last_four)
        expires_on = _expires_on(record.expires, kind)
        nickname = _words(record.nickname, "nickname", "NICKNAME", LONGEST_NICKNAME)
        status = _one_of(record.status.strip() or ACTIVE, STATUSES, "status", "STATUS_UNKNOWN")
        reason = _failure_reason(record.failure_reason, status)
    except Wrong as wrong:
        return LineRefusal(record.line, *wrong.args)
    method = StoredMethod(
        organization_id, method_id, kind, brand, last_four, expires_on, nickname, status, reason
    )
    return MethodLine(record.line, method)


def duplicate_method(line: MethodLine, first: int) -> LineRefusal:
    """The refusal of a line whose method was in line `first` already."""
    return LineRefusal(
        line.line,
        "method_id",
        "DUPLICATE_METHOD",
        f"This method of the organization is already on line {first}; list each method once.",
    )


def failed_facts(method: StoredMethod) -> dict[str, Any]:
    """What is told of a method that has turned to failed."""
    return {
        "method_id": method.method_id,
        "organization_id": method.organization_id,
        "label": method.label,
        "reason": method.failure_reason,
        "failures": method.failures,
    }


def _id(text: str) -> str:
    method_id = text_of(text, "method_id", "METHOD_ID", LONGEST_ID)
    # An id of digits alone may pass for a card's number by chance; one like a card's is not taken on trust.
    if holds_card_number(method_id, begins_with=OF_CARDS):
        refuse(
            "method_id",
            "METHOD_ID_MALFORMED",
            "This may be the number of a card; write the id that the payment provider has given the method.",
        )
    return method_id


def _words(text: str, field: str, thing: str, longest: int) -> str:
    words = text_of(text, field, thing, longest, needed=False)
    if holds_card_number(words):
        refuse(
            field,
            "BRAND_MALFORMED" if field == "brand" else "NICKNAME_MALFORMED",
            f"{field} may hold the number of a card; numbers are never taken, so leave it out.",
        )
    return words


def _last_four(text: str) -> str:
    digits = text.strip()
    if digits and not (len(digits) == 4 and digits.isascii() and digits.isdigit()):
        refuse(
            "last_four",
            "LAST_FOUR_MALFORMED",
            "last_four has four digits and nothing else, or is empty; whole numbers are never taken.",
        )
    return digits


_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


def _expires_on(text: str, kind: str) -> date | None:
    month = text.strip()
    if kind == BANK:
        if month:
            refuse("expires", "EXPIRES_MALFORMED", "A bank account does not expire; leave the cell empty.")
        return None
    if not month:
        refuse("expires", "EXPIRES_MISSING", "expires is empty; write a card's last month as 2027-09.")
    match = _MONTH.fullmatch(month)
    if match is None or not 1 <= int(match[2]) <= 12 or not EARLIEST.year <= int(match[1]) <= LATEST.year:
        refuse(
            "expires",
            "EXPIRES_MALFORMED",
            f"{shown(text)} is not a month from 1970 to 2199; write it as 2027-09.",
        )
    return date(int(match[1]), int(match[2]), 1)


def _failure_reason(text: str, status: str) -> str:
    reason = text.strip()
    if reason and reason not in FAILURES:
        refuse(
            "failure_reason",
            "REASON_UNKNOWN",
            f"{shown(text)} is not a known reason; use one of {', '.join(FAILURES)}.",
        )
    return (reason or PROVIDER_ERROR) if status == FAILED else ""


def _one_of(text: str, known: tuple[str, ...], field: str, reason: str) -> str:
    value = text.strip()
    if value not in known:
        refuse(field, reason, f"{shown(text)} is not a valid {field}; use one of {', '.join(known)}.")
    return value

"""The books of 200 clients for a month: who they are, and what happens to them on which day.

Everything follows from the number of a client, so that each run lives the same month. Nothing here comes
from the product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

FIRST_DAY = date(2088, 2, 20)
"""A Friday. The month has a leap day, and the clocks of America and then Europe are put forward in it."""

FORGOTTEN = date(2020, 5, 4)

DAYS = 30
CLIENTS = 200
ZONES = ("", "", "", "Pacific/Auckland", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo")
DUE_EXCLUDED, SUMMARY_EXCLUDED, UPCOMING_EXCLUDED = 7, 11, 13
"""Every so-manieth client is on that list."""


@dataclass(frozen=True)
class Bill:
    """One invoice: on the lists from `listed` on, paid in full in those from `settled` on."""

    number: str
    listed: date
    issued: date
    due: date
    settled: date | None

    def owed_on(self, day: date) -> bool:
        return self.listed <= day and (self.settled is None or day < self.settled)


@dataclass(frozen=True)
class Scheduling:
    """A payment scheduled by hand: what the list of that day says of it for the first time."""

    scheduled_id: str
    number: str
    told: date
    pays_on: date
    status: str = "scheduled"


@dataclass(frozen=True)
class Card:
    """A card on file; from `failed` on, if it ever does, it cannot be used, from `deleted` on it is gone."""

    method_id: str
    year: int
    month: int
    failed: date | None = None
    deleted: date | None = None


@dataclass(frozen=True)
class Client:
    """A client company with everything that the month brings."""

    number: int
    bills: tuple[Bill, ...]
    cards: tuple[Card, ...]
    schedulings: tuple[Scheduling, ...]
    autopay_days: int | None

    @property
    def id(self) -> str:
        return f"C{self.number:03}"

    @property
    def zone(self) -> str:
        return ZONES[self.number % len(ZONES)]

    @property
    def language(self) -> str:
        return "de" if self.number % 4 == 1 else ""

    @property
    def emails(self) -> tuple[str, ...]:
        if self.number % 23 == 0:
            return ()
        names = ("accounts", "boss") if self.number % 17 == 0 else ("accounts",)
        return tuple(f"{name}@{self.id.lower()}.test" for name in names)

    def is_excluded(self, every: int) -> bool:
        return self.number % every == 0


def day(number: int) -> date:
    """A day of the month; the first one is 0."""
    return FIRST_DAY + timedelta(days=number)


def clients() -> list[Client]:
    """All of them."""
    return [_client(number) for number in range(CLIENTS)]


def _client(number: int) -> Client:
    chance = Random(number)
    bills = tuple(_bills(number, chance))
    return Client(
        number=number,
        bills=bills,
        cards=tuple(_cards(number)),
        schedulings=tuple(_schedulings(number, bills)),
        autopay_days=(-2, 0, 3)[number % 3] if number % 6 == 0 else None,
    )


def _bills(number: int, chance: Random) -> Iterator[Bill]:
    # Paid long ago, so that everybody is in the books from the first day on.
    yield Bill(f"{number:03}-old", FIRST_DAY, day(-100), day(-80), day(-60))
    for count in range(chance.randrange(5)):
        listed = issued = day(chance.randrange(-75, DAYS))
        settled = issued + timedelta(days=chance.randrange(3, 60)) if chance.random() < 0.5 else None
        if chance.random() < 0.15:
            # Forgotten for many years, and no news to whoever owes it.
            issued = FORGOTTEN + timedelta(days=count)
        yield Bill(
            number=f"{number:03}-{count}",
            listed=max(listed, FIRST_DAY),
            issued=issued,
            due=issued + timedelta(days=chance.choice((0, 14, 30))),
            settled=settled,
        )


def _cards(number: int) -> Iterator[Card]:
    if number % 5 == 0:
        months = (number // 5) % 6 - 2  # from two months before to three months behind the first day's
        at = 2088 * 12 + FIRST_DAY.month - 1 + months
        deleted = day(12) if number % 15 == 0 else None
        yield Card("card", at // 12, at % 12 + 1, deleted=deleted)
    if number % 8 == 3:
        yield Card("spare", 2095, 6, failed=day(number % DAYS))


def _schedulings(number: int, bills: tuple[Bill, ...]) -> Iterator[Scheduling]:
    """Of every ninth client: a payment of the last bill, which every other one moves, and some cancel."""
    if number % 9 != 4 or len(bills) == 1:
        return
    bill = bills[-1]
    told = max(bill.listed, day(2))
    if bill.settled is not None and bill.settled <= told + timedelta(days=8):
        return
    if (told - FIRST_DAY).days > DAYS - 10:
        return
    first = Scheduling("s1", bill.number, told, told + timedelta(days=6))
    yield first
    if number % 2:
        moved = Scheduling("s1", bill.number, told + timedelta(days=1), told + timedelta(days=8))
        yield moved
        if number % 4 == 1:
            yield Scheduling("s1", bill.number, told + timedelta(days=2), moved.pays_on, "cancelled")

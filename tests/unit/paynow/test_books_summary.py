"""Totals of small books are of this moment; those of large books are there at once and tell their time."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, cast

import pytest

from services.paynow.domain.books import BooksSummary, CurrencyTotal
from services.paynow.ports import Ledger
from services.paynow.use_cases.summary import FRESH, OLDEST, REST, SUMMED_AT_ONCE, Summaries
from tests.fakes.clock import SetClock

TODAY = date(2026, 3, 1)


class Books:
    """Books with so many open invoices of one cent each; summing them up takes `seconds`."""

    def __init__(self, clock: SetClock, invoices: int) -> None:
        self.invoices = invoices
        self.seconds = 0.0
        self.sums = 0
        self._clock = clock

    @contextmanager
    def read(self) -> Iterator["Books"]:
        yield self

    def totals(
        self, today: date, organization_ids: Collection[str] | None = None
    ) -> dict[str, tuple[CurrencyTotal, ...]]:
        self.sums += 1
        self._clock.advance(timedelta(seconds=self.seconds))
        (key,) = organization_ids or ("",)
        return {key: (CurrencyTotal("USD", self.invoices, 0, self.invoices, 0),)}

    def aged_sums(self, today: date, organization_id: str = "") -> list[Any]:
        return []

    def count_organizations(self, search: str = "", *, most: int | None = None) -> int:
        return 5

    def last_synced_at(self) -> datetime | None:
        return None


class World:
    """Books, a clock, and what is to be done behind the answers."""

    def __init__(self, invoices: int) -> None:
        self.clock = SetClock()
        self.books = Books(self.clock, invoices)
        self.behind: list[Callable[[], None]] = []
        ledger = cast(Ledger, self.books)
        self.summaries = Summaries(ledger, self.clock, behind=self.behind.append)

    def ask(self, today: date = TODAY) -> BooksSummary:
        return self.summaries.of("", today)


@pytest.fixture
def large() -> World:
    world = World(SUMMED_AT_ONCE + 1)
    world.ask()
    return world


def test_small_books_are_summed_up_for_each_question() -> None:
    world = World(SUMMED_AT_ONCE)
    world.ask()
    world.books.invoices = 7
    summary = world.ask()
    assert summary.totals[0].open_invoices == 7
    assert summary.counted_at == world.clock.now()
    assert summary.organizations == 5


def test_the_sum_of_large_books_is_told_again_with_its_time(large: World) -> None:
    counted_at = large.clock.now()
    large.clock.advance(FRESH)
    large.books.invoices += 1000
    summary = large.ask()
    assert summary.totals[0].open_invoices == SUMMED_AT_ONCE + 1
    assert summary.counted_at == counted_at
    assert large.behind == []


def test_an_old_sum_is_renewed_once_behind_the_answer(large: World) -> None:
    large.clock.advance(FRESH + timedelta(seconds=1))
    large.books.invoices += 1000
    assert large.ask().totals[0].open_invoices == SUMMED_AT_ONCE + 1
    large.ask()
    [renew] = large.behind
    renew()
    assert large.ask().totals[0].open_invoices == SUMMED_AT_ONCE + 1001
    assert large.books.sums == 2


def test_what_takes_long_is_renewed_less_often() -> None:
    world = World(SUMMED_AT_ONCE + 1)
    world.books.seconds = 10
    world.ask()
    world.clock.advance(timedelta(seconds=REST * 10 - 11))
    world.ask()
    assert world.behind == []
    world.clock.advance(timedelta(seconds=2))
    world.ask()
    assert len(world.behind) == 1


def test_a_renewal_that_fails_leaves_the_old_sum_and_is_tried_again(large: World) -> None:
    def away(*_: object) -> Any:
        raise RuntimeError("the database is away")

    good, large.books.totals = large.books.totals, away  # type: ignore[method-assign]
    large.clock.advance(FRESH + timedelta(seconds=1))
    large.ask()
    large.behind.pop()()
    assert large.ask().totals[0].open_invoices == SUMMED_AT_ONCE + 1
    large.books.totals = good  # type: ignore[method-assign]
    large.behind.pop()()
    assert large.ask().counted_at == large.clock.now()


def test_a_sum_that_is_too_old_or_of_another_day_is_not_told(large: World) -> None:
    large.books.invoices += 1000
    assert large.ask(TODAY + timedelta(days=1)).totals[0].open_invoices == SUMMED_AT_ONCE + 1001
    large.books.invoices += 1000
    large.clock.advance(OLDEST + timedelta(seconds=1))
    assert large.ask(TODAY + timedelta(days=1)).totals[0].open_invoices == SUMMED_AT_ONCE + 2001


def test_books_that_have_become_small_are_summed_up_at_once_again(large: World) -> None:
    large.books.invoices = 3
    large.clock.advance(FRESH + timedelta(seconds=1))
    large.ask()
    large.behind.pop()()
    large.books.invoices = 2
    assert large.ask().totals[0].open_invoices == 2


def test_one_organization_is_always_as_of_this_moment(large: World) -> None:
    large.books.invoices += 1
    large.clock.advance(timedelta(seconds=1))
    summary = large.summaries.of("O-1", TODAY)
    assert summary.totals[0].open_invoices == SUMMED_AT_ONCE + 2
    assert summary.counted_at == large.clock.now()
    assert summary.organizations == 0

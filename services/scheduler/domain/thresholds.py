"""Signed thresholds: -5 is 5 days before the due date, 15 is 15 days past due."""

from collections.abc import Callable, Collection
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from services.shared.errors import invalid_field

EARLIEST, LATEST = -365, 3650


class Rule(NamedTuple):
    """A due notice rule; its threshold is its identity."""

    threshold: int
    enabled: bool


class Reached(NamedTuple):
    """What the enabled rules say on one day.

    `candidate` is the largest threshold that applies; `passed` are the smaller ones past due that apply
    too, ascending, and that the candidate therefore supersedes.
    """

    candidate: int
    passed: tuple[int, ...]


def check_threshold(threshold: int) -> None:
    """`Invalid` (THRESHOLD_OUT_OF_RANGE) unless a rule may have this threshold."""
    if threshold == 0 or not EARLIEST <= threshold <= LATEST:
        raise invalid_field(
            "threshold_days",
            "THRESHOLD_OUT_OF_RANGE",
            f"A rule is 1 to {-EARLIEST} days before or 1 to {LATEST} days after the due date; "
            f"{threshold} is neither.",
        )


def applies(threshold: int, days: int) -> bool:
    """Whether a rule applies `days` after the due date.

    A rule before the due date applies from its day up to the due date itself; one after it, without end.
    """
    return threshold <= days <= 0 if threshold < 0 else days >= threshold


def reached(thresholds: Collection[int], days: int) -> Reached | None:
    """The candidate of that day and what it supersedes; None if no rule applies."""
    applying = sorted(threshold for threshold in thresholds if applies(threshold, days))
    if not applying:
        return None
    return Reached(applying[-1], tuple(threshold for threshold in applying[:-1] if threshold > 0))


def reaching(thresholds: Collection[int]) -> Callable[[int], Reached | None]:
    """`reached` for one set of thresholds, remembering each day: many invoices share few days."""
    fixed = tuple(thresholds)

    @cache
    def on_day(days: int) -> Reached | None:
        return reached(fixed, days)

    return on_day


def latest_due_date(thresholds: Collection[int], today: date) -> date | None:
    """No invoice due after this date can have a candidate today; None if there is no rule."""
    return today - timedelta(days=min(thresholds)) if thresholds else None


def next_threshold(thresholds: Collection[int], days: int) -> int | None:
    """The next threshold that will be reached, `days` after the due date; None after the last."""
    return min((threshold for threshold in thresholds if threshold > days), default=None)


def in_words(threshold: int) -> str:
    """The threshold as staff call it."""
    unit = "day" if abs(threshold) == 1 else "days"
    return f"{abs(threshold)} {unit} {'before due' if threshold < 0 else 'past due'}"

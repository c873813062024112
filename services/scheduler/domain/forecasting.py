"""How many due notices the coming days will bring."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from services.shared.errors import invalid_field

DEFAULT_DAYS, MOST_DAYS = 7, 60


class ForecastLine(NamedTuple):
    """How many invoices reach a threshold on a local date, or are still to be told that they have."""

    on: date
    threshold: int
    invoices: int


class Basis(NamedTuple):
    """What a count stands on: on any other basis it says nothing.

    `on` is the local date of the next tick; `exclusions` tells one state of the exclusion list from others,
    `pauses` one of the pauses, and `runs` what was counted before a run's decisions from what was counted
    after them.
    """

    today: date
    on: date
    thresholds: tuple[int, ...]
    exclusions: int
    runs: int
    pauses: int = 0


NONE_PAUSED: Mapping[date, Sequence[date]] = {}


class Count(NamedTuple):
    """The books, counted: what a dry run for `basis.on` queues, and who is due on each date of 60 days.

    `invoices` is how many a rule might apply to; `took` how long counting them took. `paused` are the dates
    on which the pauses end that hold for some of those invoices, by due date.
    """

    basis: Basis
    counted_at: datetime
    took: timedelta
    invoices: int
    mails: Mapping[tuple[date, int], int]
    due: Mapping[date, int]
    paused: Mapping[date, Sequence[date]] = NONE_PAUSED


class Forecast(NamedTuple):
    """When the next automatic tick runs, what each coming day brings, and all that this tick will send.

    As counted at that instant; None while there is no count yet.
    """

    next_tick_at: datetime | None
    lines: tuple[ForecastLine, ...]
    catch_up: int
    counted_at: datetime | None


def days_ahead(asked: int) -> int:
    """How far to look; `Invalid` (DAYS_OUT_OF_RANGE) outside 0 to 60, where 0 means 7."""
    if not 0 <= asked <= MOST_DAYS:
        raise invalid_field(
            "days", "DAYS_OUT_OF_RANGE", f"A forecast covers 1 to {MOST_DAYS} days, not {asked}."
        )
    return asked or DEFAULT_DAYS


def due_dates(thresholds: Collection[int], today: date, days: int) -> tuple[date, date]:
    """The first and the last due date that reach any of the thresholds on one of the days."""
    return today - timedelta(days=max(thresholds)), today + timedelta(days=days - 1 - min(thresholds))


def forecast_lines(count: Count, days: int) -> tuple[ForecastLine, ...]:
    """One line for each day and threshold that an invoice reaches, in that order.

    Up to the day of the next tick it counts what that tick sends. Later days count who is due: on the day
    on which a threshold is reached it is the largest that applies, so each counts in full.
    """
    lines = []
    today, last_counted, thresholds, *_ = count.basis
    for on in (today + timedelta(days=ahead) for ahead in range(days)):
        for threshold in sorted(thresholds):
            due_on = on - timedelta(days=threshold)
            told = on <= last_counted
            mails = count.mails.get((due_on, threshold), 0) if told else _reached(count, due_on, on)
            if mails:
                lines.append(ForecastLine(on, threshold, mails))
    return tuple(lines)


def _reached(count: Count, due_on: date, on: date) -> int:
    """How many invoices with that due date no pause forbids to tell of on that day."""
    return count.due.get(due_on, 0) - sum(1 for end in count.paused.get(due_on, ()) if on < end)

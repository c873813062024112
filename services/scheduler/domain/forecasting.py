"""How many due notices the coming days will bring."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from services.shared.errors import invalid_field

DEFAULT_DAYS, MOST_DAYS = 7, 60


class ForecastLine(NamedTuple):
    """How many invoices reach a threshold on a local date."""

    on: date
    threshold: int
    invoices: int


class Forecast(NamedTuple):
    """When the next automatic tick runs, and what each coming day brings."""

    next_tick_at: datetime | None
    lines: tuple[ForecastLine, ...]


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


def forecast_lines(
    counts: Mapping[date, int], thresholds: Collection[int], today: date, days: int
) -> tuple[ForecastLine, ...]:
    """One line for each day and threshold that an invoice reaches, in that order.

    On the day on which a threshold is reached it is the largest that applies, so each counts in full.
    """
    lines = []
    for on in (today + timedelta(days=ahead) for ahead in range(days)):
        for threshold in sorted(thresholds):
            if invoices := counts.get(on - timedelta(days=threshold), 0):
                lines.append(ForecastLine(on, threshold, invoices))
    return tuple(lines)

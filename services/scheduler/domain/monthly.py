"""Monthly schedules: on which date of each month a mail falls."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.scheduler.domain.business_days import LONGEST_CLOSURE, BusinessDays
from services.shared.errors import Violation

FIRST_DAY, LAST_DAY = 1, 28
"""Every month has these days."""

MOST_MOVED = timedelta(days=LONGEST_CLOSURE)


class ClosedDays(StrEnum):
    """What becomes of a mail whose date is a weekend or a holiday.

    CALENDAR is as AFTER where the company's mails go on business days only, and as SEND elsewhere. What falls
    on a closed day by SEND waits for the next run, so there too it goes on a business day.
    """

    CALENDAR = "calendar"
    SEND = "send"
    SKIP = "skip"
    BEFORE = "before"
    AFTER = "after"


class Falls(NamedTuple):
    """A month's mail: the day that the schedule names, which never changes, and the date on which it goes."""

    of: date
    on: date


@dataclass(frozen=True, slots=True)
class Monthly:
    """On a day of each month from 1 to 28, on its last day (0), or never by itself (None)."""

    day: int | None = None
    closed_days: ClosedDays = ClosedDays.AFTER

    def problems(self) -> Iterator[Violation]:
        """What is wrong with it."""
        if self.day is not None and self.day != 0 and not FIRST_DAY <= self.day <= LAST_DAY:
            words = f"Choose a day from {FIRST_DAY} to {LAST_DAY}, or the last day of the month."
            yield Violation("email_type.schedule", "DAY_OUT_OF_RANGE", words)

    def falls_on(self, year: int, month: int, days: BusinessDays) -> date | None:
        """The date of that month's mail, which may lie in the month before or after; None if it has none."""
        if self.day is None:
            return None
        on = self._of(year, month)
        closed_days = self.closed_days
        if closed_days is ClosedDays.CALENDAR:
            closed_days = ClosedDays.AFTER if days.only else ClosedDays.SEND
        if closed_days is ClosedDays.SEND or days.is_open(on):
            return on
        if closed_days is ClosedDays.SKIP:
            return None
        return days.at_or_before(on) if closed_days is ClosedDays.BEFORE else days.at_or_after(on)

    def between(self, after: date, until: date, days: BusinessDays) -> list[Falls]:
        """Those of the days later than `after` whose date is not later than `until`, in order.

        `after` says of which day the newest one was, so whatever moves a date, each goes once.
        """
        if self.day is None:
            return []
        found = (self._falls(*month, days) for month in _months(after, until + MOST_MOVED))
        return [one for one in found if one is not None and one.of > after and one.on <= until]

    def decided_by(self, until: date, days: BusinessDays) -> date:
        """Up to which day a run on that date has decided: `between` goes on from there.

        It is the date itself, unless a mail of an earlier day is still to come, or one of a later day has
        gone.
        """
        decided = until
        for month in _months(until - MOST_MOVED, until + MOST_MOVED):
            found = self._falls(*month, days)
            if found is None:
                continue
            if found.on > until:
                return min(decided, found.of - timedelta(days=1))
            decided = max(decided, found.of)
        return decided

    def next_after(self, after: date, days: BusinessDays) -> Falls | None:
        """The first one of a day later than that; None if there is none within two years."""
        ahead = after
        for _ in range(24):
            ahead += timedelta(days=31)
            if found := self.between(after, ahead, days):
                return found[0]
        return None

    def _falls(self, year: int, month: int, days: BusinessDays) -> Falls | None:
        on = self.falls_on(year, month, days)
        return None if on is None else Falls(self._of(year, month), on)

    def _of(self, year: int, month: int) -> date:
        return date(year, month, self.day or monthrange(year, month)[1])


MANUAL = Monthly()


def _months(first: date, last: date) -> Iterator[tuple[int, int]]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield year, month
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)

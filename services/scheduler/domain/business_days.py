"""Business days: what is neither weekend nor holiday. Facts of countries come from the library holidays."""

from datetime import date, timedelta
from functools import lru_cache
from threading import Lock

from holidays import HolidayBase, country_holidays, list_supported_countries

LONGEST_CLOSURE = 31
"""Days. No country closes for longer; it ends a search that could not."""

_WEEKEND = (5, 6)


class BusinessDays:
    """Of one country, or of a part of it such as "US-TX"; of none, Monday to Friday.

    `only`: whether a company's calendar has automatic mails go on these days only.
    """

    def __init__(self, country: str = "", *, only: bool = False) -> None:
        self.only = only
        self._holidays: HolidayBase | None = None
        # The library works a year out at its first question, and two who ask at once could undo each other.
        self._lock = Lock()
        if country:
            name, _, part = country.partition("-")
            self._holidays = country_holidays(name, subdiv=part or None)

    def is_open(self, on: date) -> bool:
        """Whether it is a business day."""
        if self._holidays is None:
            return on.weekday() not in _WEEKEND
        with self._lock:
            return bool(self._holidays.is_working_day(on))

    def at_or_after(self, on: date) -> date:
        """The first business day from that date on."""
        return self._nearest(on, timedelta(days=1))

    def at_or_before(self, on: date) -> date:
        """The last business day up to that date."""
        return self._nearest(on, timedelta(days=-1))

    def _nearest(self, on: date, step: timedelta) -> date:
        day = on
        for _ in range(LONGEST_CLOSURE):
            if self.is_open(day):
                return day
            day += step
        return on


@lru_cache(maxsize=16)
def business_days(country: str, *, only: bool = False) -> BusinessDays:
    """Those of a country that is known; a year's holidays are worked out once."""
    return BusinessDays(country, only=only)


def is_known(country: str) -> bool:
    """Whether there are holidays of that country, or part of a country."""
    name, _, part = country.partition("-")
    parts = countries().get(name)
    return parts is not None and (not part or part in parts)


@lru_cache(maxsize=1)
def countries() -> dict[str, list[str]]:
    """ISO 3166-1 codes of all countries that are known, each with the codes of its parts."""
    return {name: parts for name, parts in list_supported_countries().items() if len(name) == 2}

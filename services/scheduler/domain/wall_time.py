"""Local times of day as instants, where clocks are put forward and back."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@cache
def zones() -> frozenset[str]:
    """The IANA names of all time zones."""
    return frozenset(available_timezones())


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The zone of that IANA name; `zoneinfo.ZoneInfoNotFoundError` if this machine knows none."""
    return ZoneInfo(name)


def is_time_of_day(text: str) -> bool:
    """Whether it is a time from 00:00 to 23:59."""
    return _TIME.fullmatch(text) is not None


def instant_of(on: date, time_of_day: str, zone: ZoneInfo) -> datetime:
    """When that local time (HH:MM) comes on a local date, in UTC.

    Where the clocks are put forward over it, the first instant after the gap; where they are put back
    and it comes twice, the first time.
    """
    wall = datetime.combine(on, time.fromisoformat(time_of_day))
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, zone, instant)


def _end_of_gap(wall: datetime, zone: ZoneInfo, after: datetime) -> datetime:
    """The transition itself: `after` lies behind it, the same wall time read with fold=1 before it."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after

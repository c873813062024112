"""The company's calendar: what today is, and when notices go by themselves."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from services.shared.errors import Invalid, Violation

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The settings, and how far the automatic tick has come.

    `since`: only send times after this instant count, so saving a schedule sends nothing at once.
    `ticked_on`: the local date that the newest automatic tick stood for.
    `clock_set`: whether the newest tick had its clock set; matters in sandbox mode only.
    """

    time_zone: str
    send_at: str
    sandbox: bool
    automatic: bool
    since: datetime
    ticked_on: date | None = None
    clock_set: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def rests(self) -> bool:
        """Whether automatic ticks rest, wanted or not, because a sandbox has its clock set."""
        return self.sandbox and self.clock_set

    @property
    def runs_by_itself(self) -> bool:
        """Whether automatic ticks run."""
        return self.automatic and not self.rests

    def date_at(self, instant: datetime) -> date:
        """The company's local date at an instant."""
        return instant.astimezone(self.zone).date()


def check_calendar(time_zone: str, send_at: str) -> None:
    """`Invalid` (CALENDAR_INVALID) that names each field that is wrong."""
    violations = []
    if time_zone not in _zones():
        description = f"{time_zone[:60]!r} is not an IANA time zone such as America/Chicago."
        violations.append(Violation("calendar.time_zone", "TIME_ZONE_UNKNOWN", description))
    if not _TIME.fullmatch(send_at):
        description = f"{send_at[:20]!r} is not a time of day from 00:00 to 23:59, such as 09:00."
        violations.append(Violation("calendar.send_at", "TIME_MALFORMED", description))
    if violations:
        message = " ".join(violation.description for violation in violations)
        raise Invalid(message, reason="CALENDAR_INVALID", violations=violations)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def revised(
    old: Calendar, *, time_zone: str, send_at: str, sandbox: bool, automatic: bool, now: datetime
) -> Calendar:
    """The calendar with new settings. A schedule that changed begins with its next send time."""
    new = replace(old, time_zone=time_zone, send_at=send_at, sandbox=sandbox, automatic=automatic)
    if not sandbox:
        new = replace(new, clock_set=False)
    schedule = (old.time_zone, old.send_at, old.runs_by_itself)
    if schedule != (new.time_zone, new.send_at, new.runs_by_itself):
        new = replace(new, since=now)
    return new


def send_instant(on: date, send_at: str, zone: ZoneInfo) -> datetime:
    """When the local time `send_at` comes on a local date, in UTC.

    Where the clocks are put forward over it, the first instant after the gap; where they are put back
    and it comes twice, the first time.
    """
    wall = datetime.combine(on, time.fromisoformat(send_at))
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


def tick_due(calendar: Calendar, now: datetime) -> date | None:
    """The local date whose automatic tick is to run now; None if none is.

    However many dates were missed, it is the newest one only: a tick catches up with all of them.
    """
    if not calendar.runs_by_itself:
        return None
    today = calendar.date_at(now)
    for on in (today, today - timedelta(days=1)):
        at = send_instant(on, calendar.send_at, calendar.zone)
        if at <= now:
            return on if at > calendar.since and _is_new(on, calendar) else None
    return None


def next_tick(calendar: Calendar, now: datetime) -> datetime | None:
    """When the next automatic tick runs; None while none does."""
    if not calendar.runs_by_itself:
        return None
    if tick_due(calendar, now) is not None:
        return now
    on = calendar.date_at(now)
    while True:
        at = send_instant(on, calendar.send_at, calendar.zone)
        if at > now and _is_new(on, calendar):
            return at
        on += timedelta(days=1)


def _is_new(on: date, calendar: Calendar) -> bool:
    return calendar.ticked_on is None or on > calendar.ticked_on

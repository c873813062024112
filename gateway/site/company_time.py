"""The company's calendar for the page being made: what "today" is, and in which zone times are shown."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc
from dunlin.scheduler.v1.scheduler_pb2 import Calendar, GetCalendarRequest
from flask import current_app, g

from gateway.clients import clients
from services.shared.clock import Clock

CLOCK = "dunlin_clock"
PATIENCE_SECONDS = 2
"""How long a page waits for what only decorates it."""


def calendar() -> Calendar:
    """The company's calendar, asked for once a request. Raises `grpc.RpcError`."""
    if "calendar" not in g:
        try:
            g.calendar = clients().scheduler.GetCalendar(GetCalendarRequest())
        except grpc.RpcError:
            g.calendar_is_away = True
            raise
    found: Calendar = g.calendar
    return found


def calendar_or_none() -> Calendar | None:
    """The same for what can do without it: None while the scheduler is away."""
    if "calendar" in g:
        return calendar()
    if "calendar_is_away" in g:
        return None
    try:
        g.calendar = clients().scheduler.GetCalendar(GetCalendarRequest(), timeout=PATIENCE_SECONDS)
    except grpc.RpcError:
        g.calendar_is_away = True
        return None
    return calendar()


def forget_calendar() -> None:
    """Makes the rest of the request ask again, after a change."""
    g.pop("calendar", None)


def now() -> datetime:
    """This instant in UTC, by the application's own clock."""
    clock: Clock = current_app.extensions[CLOCK]
    return clock.now()


def today() -> date:
    """The company's local date. Raises `grpc.RpcError`."""
    return date.fromisoformat(calendar().today)


def zone() -> ZoneInfo:
    """The company's time zone; UTC while the scheduler is away."""
    found = calendar_or_none()
    return zone_named(found.time_zone if found else "UTC")


def zone_named(name: str) -> ZoneInfo:
    """The zone with that IANA name, UTC if this machine knows none."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def span_of(day: date, of: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day as instants in UTC, its end excluded; 23 or 25 hours when clocks change."""
    begin = datetime.combine(day, time.min, tzinfo=of)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=of)
    return begin.astimezone(UTC), end.astimezone(UTC)

"""The company's calendar, and the tick that runs by itself."""

from collections.abc import Callable
from typing import NamedTuple

from services.scheduler.domain.calendar import Calendar, check_calendar, revised, tick_due
from services.scheduler.ports import Store
from services.scheduler.use_cases.tick import Ticking, TickOrder, TickRunning, run_tick
from services.shared.clock import Clock


class CalendarSettings(NamedTuple):
    """What staff set."""

    time_zone: str
    send_at: str
    sandbox: bool
    automatic: bool


class CalendarToday(NamedTuple):
    """The calendar, and the company's date at this moment as YYYY-MM-DD."""

    calendar: Calendar
    today: str


def get_calendar(*, store: Store, clock: Clock) -> CalendarToday:
    """The calendar as it is."""
    with store.read() as work:
        return _today(work.calendar.get(), clock)


def update_calendar(settings: CalendarSettings, *, store: Store, clock: Clock) -> CalendarToday:
    """Replaces the settings. `Invalid` (CALENDAR_INVALID) names the field.

    A new schedule begins with its next send time: saving never sends anything.
    """
    check_calendar(settings.time_zone, settings.send_at)
    with store.write() as work:
        calendar = revised(work.calendar.get_to_change(), **settings._asdict(), now=clock.now())
        work.calendar.put(calendar)
    return _today(calendar, clock)


def run_tick_if_due(*, ticking: Ticking, wanted: Callable[[], bool] = lambda: True) -> bool:
    """Runs the automatic tick if its time has come; whether it ran.

    It is marked as done only at its end, so a tick that was cut short is run again, and finds little to do;
    also one that has ended after a batch because `wanted` said no. While another tick is at work it waits for
    its turn; of many processes one runs it.
    """
    with ticking.store.read() as work:
        on = tick_due(work.calendar.get(), ticking.clock.now())
    if on is None:
        return False
    try:
        for _ in run_tick(TickOrder(by_itself_on=on), ticking=ticking, wanted=wanted):
            pass
    except TickRunning:
        return False
    return True


def _today(calendar: Calendar, clock: Clock) -> CalendarToday:
    return CalendarToday(calendar, calendar.date_at(clock.now()).isoformat())

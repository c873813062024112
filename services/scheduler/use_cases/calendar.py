"""The company's calendar, and the run that takes place by itself."""

from collections.abc import Callable
from typing import NamedTuple

from services.scheduler.domain.calendar import Calendar, CalendarSettings, check_calendar, revised
from services.scheduler.ports import Store
from services.scheduler.use_cases.tick import TickOrder, TickRunning, run_tick
from services.scheduler.use_cases.ticking import Ticking
from services.scheduler.use_cases.zones import all_zones, forget_set_clock, meet_zones, runs_due
from services.shared.clock import Clock


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
    check_calendar(settings)
    with store.write() as work:
        before = work.calendar.get_to_change()
        calendar = revised(before, settings, now=clock.now())
        work.calendar.put(calendar)
        if before.clock_set and not calendar.clock_set:
            forget_set_clock(calendar, work, clock.now())
    return _today(calendar, clock)


def run_tick_if_due(*, ticking: Ticking, wanted: Callable[[], bool] = lambda: True) -> bool:
    """Runs the automatic tick if its time has come in any time zone; whether it ran.

    It is marked as done only at its end, so a tick that was cut short is run again, and finds little to do;
    also one that has ended after a batch because `wanted` said no. While another tick is at work it waits for
    its turn; of many processes one runs it.
    """
    with ticking.store.read() as work:
        if not work.calendar.get().runs_by_itself:
            return False
    meet_zones(store=ticking.store, accounts=ticking.accounts, clock=ticking.clock)
    with ticking.store.read() as work:
        zones = all_zones(ticking.accounts)
        if not runs_due(work.calendar.get(), zones, work, ticking.clock.now()):
            return False
    try:
        for _ in run_tick(TickOrder(by_itself=True), ticking=ticking, wanted=wanted):
            pass
    except TickRunning:
        return False
    return True


def _today(calendar: Calendar, clock: Clock) -> CalendarToday:
    return CalendarToday(calendar, calendar.date_at(clock.now()).isoformat())

"""The tick, or run: decides every mail that a day brings, as of one instant."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.scheduler.domain.calendar import Calendar
from services.scheduler.ports import Work
from services.scheduler.use_cases.plan import Plan, make_plan
from services.scheduler.use_cases.run import Progress, Run
from services.scheduler.use_cases.ticking import Ticking
from services.scheduler.use_cases.zones import all_zones, forget_set_clock, note_done, runs_due
from services.shared.clock import Clock
from services.shared.errors import Busy, WrongState

LEASE = "tick"

LEASE_TIME = timedelta(seconds=20)
"""A tick that shows no sign of life for so long may be taken over; shorter than the wait for it."""

LONGEST_WAIT = timedelta(seconds=30)
PAUSE_SECONDS = 0.25


class TickRunning(Busy):
    """Another tick is at work."""

    reason = "TICK_RUNNING"


class ClockNotSettable(WrongState):
    """The clock can be set in sandbox mode only."""

    reason = "CLOCK_NOT_SETTABLE"


@dataclass(frozen=True, slots=True)
class TickOrder:
    """How to run a tick: for which instant (None: now), whether to write, and what to decide on.

    With `only_due_notices` all other types stay for a tick without it, which finds them as if this one had
    not been. One that runs `by_itself` decides for the time zones whose run is due, does not wait for another
    tick, and does nothing if it finds that no run is due any more.
    """

    as_of: datetime | None = None
    dry_run: bool = False
    by_itself: bool = False
    only_due_notices: bool = False


def run_tick(
    order: TickOrder, *, ticking: Ticking, wanted: Callable[[], bool] = lambda: True
) -> Iterator[Progress]:
    """Decides batch by batch, each in a transaction of its own; the last element has `done` set.

    Once `wanted` says no, the tick ends after the batch that it is in, and is not done.
    `ClockNotSettable` for an instant outside sandbox mode; `TickRunning` if another tick does not end within
    30 s, or has taken over.
    """
    with ticking.store.read() as work:
        _check_clock(order, work.calendar.get())
    zones = all_zones(ticking.accounts, fresh=True)
    if order.dry_run:
        with ticking.store.read() as work:
            plan = _plan(order, zones, zones, work, ticking.clock)
        yield from Run(plan, ticking, ticking.store.read, wanted).all()
        return
    holder = _take_lease(ticking, timedelta() if order.by_itself else LONGEST_WAIT)
    try:
        with ticking.store.write() as work:
            calendar = work.calendar.get_to_change()
            due = runs_due(calendar, zones, work, ticking.clock.now()) if order.by_itself else {}
            if order.by_itself and not due:
                return
            plan = _plan(order, tuple(due) or zones, zones, work, ticking.clock)
            if calendar.clock_set and order.as_of is None:
                forget_set_clock(calendar, work, ticking.clock.now())
            work.calendar.put(replace(calendar, clock_set=order.as_of is not None))
        run = Run(plan, ticking, lambda: _guarded(ticking, holder), wanted)
        yield from run.all()
        if run.is_done:
            # Under the lease: whoever gets it next sees what is done.
            with _guarded(ticking, holder) as work:
                note_done(plan, due, run.summed, work, zones=zones, now=ticking.clock.now())
    finally:
        # Also when whoever reads the progress goes away, which closes this generator.
        with ticking.store.write() as work:
            work.leases.release(LEASE, holder)


def _check_clock(order: TickOrder, calendar: Calendar) -> None:
    if order.as_of is not None and not calendar.settings.sandbox:
        raise ClockNotSettable("The clock can be set in sandbox mode only; turn sandbox mode on first.")


def _plan(order: TickOrder, zones: Sequence[str], known: Sequence[str], work: Work, clock: Clock) -> Plan:
    calendar = work.calendar.get()
    _check_clock(order, calendar)
    return make_plan(
        work.rules.all(),
        calendar,
        order.as_of or clock.now(),
        zones=zones,
        only_zones=() if set(zones) == set(known) else zones,
        as_of=order.as_of,
        writes=not order.dry_run,
        only_due_notices=order.only_due_notices,
    )


def _take_lease(ticking: Ticking, longest_wait: timedelta) -> str:
    holder = str(uuid.uuid4())
    give_up = ticking.clock.now() + longest_wait
    while True:
        now = ticking.clock.now()
        with ticking.store.write() as work:
            if work.leases.take(LEASE, holder, now=now, until=now + LEASE_TIME):
                return holder
        if now >= give_up:
            raise TickRunning("Another run is in progress; try again when it has ended.")
        ticking.pause(PAUSE_SECONDS)


@contextmanager
def _guarded(ticking: Ticking, holder: str) -> Iterator[Work]:
    """A transaction in which the lease is ours: nobody who has lost it writes a decision.

    It outdates the forecast together with its decisions, whatever becomes of the run behind it.
    """
    with ticking.store.write() as work:
        if not work.leases.renew(LEASE, holder, until=ticking.clock.now() + LEASE_TIME):
            raise TickRunning("This run was idle for so long that another one has taken over.")
        work.forecasts.outdate()
        yield work

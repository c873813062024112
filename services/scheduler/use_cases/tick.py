"""The tick: decides the due notices of all invoices, as of one instant."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from services.scheduler.domain.books import DueBatch
from services.scheduler.domain.calendar import Calendar, tick_due
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports import Ledger, NewId, Store, Work
from services.scheduler.use_cases.batches import Batches, Counts, Plan, make_plan
from services.shared.clock import Clock
from services.shared.errors import Busy, WrongState
from services.shared.progress import progress

BATCH = 2000
HELD_BATCH = 500
LEASE = "tick"

LEASE_TIME = timedelta(seconds=20)
"""A tick that shows no sign of life for so long may be taken over; shorter than the wait for it."""

LONGEST_WAIT = timedelta(seconds=30)
PAUSE_SECONDS = 0.25

Begin = Callable[[], AbstractContextManager[Work]]


class TickRunning(Busy):
    """Another tick is at work."""

    reason = "TICK_RUNNING"


class ClockNotSettable(WrongState):
    """The clock can be set in sandbox mode only."""

    reason = "CLOCK_NOT_SETTABLE"


@dataclass(frozen=True, slots=True)
class TickOrder:
    """How to run a tick: for which instant (None: now), and whether to write.

    `by_itself_on` is the local date whose automatic tick it is: it does not wait for another tick, and
    does nothing if it finds that date's tick done.
    """

    as_of: datetime | None = None
    dry_run: bool = False
    by_itself_on: date | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tick has come; counts are totals so far."""

    examined: int
    total: int
    counts: Counts
    today: date
    done: bool = False


@dataclass(frozen=True, slots=True)
class Ticking:
    """What a tick works with. `wake` tells whoever hands notices over; `pause` waits for some seconds."""

    store: Store
    ledger: Ledger
    clock: Clock
    new_id: NewId
    wake: Callable[[], None]
    pause: Callable[[float], None]


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
    if order.dry_run:
        with ticking.store.read() as work:
            plan = _plan(order, work, ticking.clock)
        yield from _Run(plan, ticking, ticking.store.read, wanted).all()
        return
    holder = _take_lease(ticking, LONGEST_WAIT if order.by_itself_on is None else timedelta())
    try:
        with ticking.store.write() as work:
            calendar = work.calendar.get_to_change()
            if order.by_itself_on is not None and tick_due(calendar, ticking.clock.now()) is None:
                return
            plan = _plan(order, work, ticking.clock)
            work.calendar.put(replace(calendar, clock_set=order.as_of is not None))
        run = _Run(plan, ticking, lambda: _guarded(ticking, holder), wanted)
        yield from run.all()
        if order.by_itself_on is not None and run.is_done:
            # Under the lease: whoever gets it next sees that this date is done.
            with _guarded(ticking, holder) as work:
                work.calendar.put(replace(work.calendar.get_to_change(), ticked_on=order.by_itself_on))
    finally:
        # Also when whoever reads the progress goes away, which closes this generator.
        with ticking.store.write() as work:
            work.leases.release(LEASE, holder)


class Going(NamedTuple):
    """How many mails a dry run queues, by due date and threshold, and how many invoices it looks at."""

    invoices: int
    mails: Mapping[tuple[date, int], int]


def what_would_go(
    on: date,
    thresholds: Sequence[int],
    *,
    ticking: Ticking,
    most: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Going | None:
    """What a dry run for that local date would queue; decided as a tick decides, and nothing is written.

    None if there are more than `most` invoices to look at, or once `wanted` says no.
    """
    rules = [Rule(threshold, True) for threshold in thresholds]
    plan = make_plan(rules, on, as_of=None, writes=False)
    return _Run(plan, ticking, ticking.store.read, wanted).going(most)


def _check_clock(order: TickOrder, calendar: Calendar) -> None:
    if order.as_of is not None and not calendar.sandbox:
        raise ClockNotSettable("The clock can be set in sandbox mode only; turn sandbox mode on first.")


def _plan(order: TickOrder, work: Work, clock: Clock) -> Plan:
    calendar = work.calendar.get()
    _check_clock(order, calendar)
    today = calendar.date_at(order.as_of or clock.now())
    return make_plan(work.rules.all(), today, as_of=order.as_of, writes=not order.dry_run)


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


class _Run:
    """One tick under way. The ledger is always asked outside of transactions."""

    def __init__(self, plan: Plan, ticking: Ticking, begin: Begin, wanted: Callable[[], bool]) -> None:
        self._batches = Batches(plan, ticking.new_id, ticking.clock)
        self._plan = plan
        self._ticking = ticking
        self._begin = begin
        self._wanted = wanted
        self._examined = 0
        self._total = 0
        self.is_done = False

    def all(self) -> Iterator[Progress]:
        """Decides on everything, and reports after each batch."""
        for step in (self._due, self._held):
            for _ in _told(step()):
                yield self._progress()
                if not self._wanted():
                    return
        self.is_done = True
        yield self._progress(done=True)

    def going(self, most: int | None) -> Going | None:
        """Decides on what may be queued; what is held never is at its last look, so it is left out."""
        for _ in _told(self._due()):
            if (most is not None and self._total > most) or not self._wanted():
                return None
        return Going(self._examined, self._batches.queued())

    def _due(self) -> Iterator[None]:
        """All invoices that may have a candidate, by id."""
        if self._plan.due_until is None:
            return
        for batch in _read_ahead(self._ticking.ledger, self._plan.due_until):
            self._total = self._total or batch.total
            with self._begin() as work:
                self._batches.decide(batch.invoices, work)
            if self._plan.writes:
                self._ticking.wake()
            self._examined += len(batch.invoices)
            yield

    def _held(self) -> Iterator[None]:
        """What is still held though its invoice is no candidate any more."""
        after = ""
        while True:
            with self._ticking.store.read() as work:
                held = work.notices.held(after, HELD_BATCH)
            rest = self._batches.not_yet_seen(held)
            if rest:
                subjects = self._ticking.ledger.subjects({notice.invoice_id for notice in rest})
                with self._begin() as work:
                    self._batches.revisit(rest, subjects, work)
                yield
            if len(held) < HELD_BATCH:
                return
            after = held[-1].notice_id

    def _progress(self, *, done: bool = False) -> Progress:
        total = max(self._total, self._examined)
        return Progress(self._examined, total, self._batches.counts(), self._plan.today, done)


def _told(batches: Iterator[None]) -> Iterator[None]:
    """The same; whoever watches this thread hears of each one. The ledger is read in another thread."""
    for batch in batches:
        progress()
        yield batch


def _read_ahead(ledger: Ledger, due_until: date) -> Iterator[DueBatch]:
    """The due invoices in batches; the ledger reads the next one while the present one is decided.

    So a decision may stand on books that are a batch old, which the second look makes good.
    """
    reader = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    def ask(after: int) -> "Future[DueBatch]":
        # In the caller's context, so that the request keeps its id.
        read = partial(ledger.due_invoices, due_until, after=after, limit=BATCH)
        return reader.submit(copy_context().run, read)

    try:
        coming: Future[DueBatch] | None = ask(0)
        while coming is not None:
            batch = coming.result()
            is_last = len(batch.invoices) < BATCH
            coming = None if is_last else ask(batch.invoices[-1].invoice_id)
            if batch.invoices:
                yield batch
    finally:
        reader.shutdown(wait=False, cancel_futures=True)

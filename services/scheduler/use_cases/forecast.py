"""What the coming days will bring."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from services.scheduler.domain.forecasting import (
    MOST_DAYS,
    Basis,
    Count,
    Forecast,
    days_ahead,
    due_dates,
    forecast_lines,
)
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.runs import next_run
from services.scheduler.ports import Work
from services.scheduler.use_cases.exclusions import MOST_EXCLUSIONS
from services.scheduler.use_cases.paused_books import paused_by_due_date
from services.scheduler.use_cases.run import BATCH, what_would_go
from services.scheduler.use_cases.tick import LEASE as TICK_LEASE
from services.scheduler.use_cases.tick import LEASE_TIME
from services.scheduler.use_cases.ticking import Ticking
from services.shared.clock import Clock

COUNTED_AT_ONCE = BATCH
"""So many invoices are counted while somebody waits for the answer; it takes some tens of milliseconds."""

COUNT_LEASE = "forecast"

OLDEST = timedelta(minutes=1)
"""Larger books are counted again after this time, or so many times that their counting took:"""

REST = 10
"""It takes an eleventh of a processor at most."""


def get_forecast(days_asked: int, *, ticking: Ticking) -> Forecast:
    """What the next tick will send, as a dry run decides it, and who reaches a rule on the days behind it.

    Nobody's mail is told twice: what went out today, or is on its way, is no longer expected. Small books are
    counted for each call; of larger ones, or with more pauses, it is the newest count, or none if it has
    another basis.
    """
    days = days_ahead(days_asked)
    now = ticking.clock.now()
    with ticking.store.read() as work:
        tick_at = _next_tick(work, now)
        basis = _basis(work, ticking.clock)
        count = work.forecasts.get()
    if not basis.thresholds:
        return Forecast(tick_at, (), 0, now)
    if count is None or count.invoices <= COUNTED_AT_ONCE:
        count = _count(basis, ticking, most=COUNTED_AT_ONCE) or count
    if count is None or count.basis != basis:
        return Forecast(tick_at, (), 0, None)
    return Forecast(tick_at, forecast_lines(count, days), sum(count.mails.values()), count.counted_at)


def count_ahead(*, ticking: Ticking, wanted: Callable[[], bool] = lambda: True) -> bool:
    """Counts larger books where the newest count is old or has another basis; whether it did.

    Of many processes one counts. If it dies, another one counts, on the same machine at once, else within
    20 s. Once `wanted` says no it ends without a count.
    """
    with ticking.store.read() as work:
        basis = _basis(work, ticking.clock)
        known = work.forecasts.get()
        if work.leases.is_held(TICK_LEASE, now=ticking.clock.now()):
            return False  # its end makes another number of it
    if not basis.thresholds or (known and known.basis == basis and not _is_old(known, ticking.clock)):
        return False
    holder = str(uuid.uuid4())

    def is_ours() -> bool:
        now = ticking.clock.now()
        with ticking.store.write() as work:
            return work.leases.take(COUNT_LEASE, holder, now=now, until=now + LEASE_TIME)

    if not is_ours():
        return False
    try:
        count = _count(basis, ticking, wanted=lambda: wanted() and is_ours())
        if count is not None and is_ours():
            # Also if the basis is another one by now: readers compare, and it tells how large the books are.
            with ticking.store.write() as work:
                work.forecasts.put(count)
    finally:
        with ticking.store.write() as work:
            work.leases.release(COUNT_LEASE, holder)
    return True


def _next_tick(work: Work, now: datetime) -> datetime | None:
    """When the next run of the company's own zone takes place."""
    run = work.zone_runs.all().get("")
    return next_run(work.calendar.get(), run.ran_on if run else None, now)


def _is_old(count: Count, clock: Clock) -> bool:
    return clock.now() - count.counted_at > max(OLDEST, REST * count.took)


def _basis(work: Work, clock: Clock) -> Basis:
    calendar, now = work.calendar.get(), clock.now()
    return Basis(
        today=calendar.date_at(now),
        on=calendar.date_at(_next_tick(work, now) or now),
        thresholds=tuple(rule.threshold for rule in work.rules.all() if rule.enabled),
        exclusions=work.exclusions.version(NoticeType.DUE_NOTICE),
        runs=work.forecasts.version(),
        pauses=work.pauses.version(),
    )


def _count(
    basis: Basis, ticking: Ticking, *, most: int | None = None, wanted: Callable[[], bool] = lambda: True
) -> Count | None:
    """The count, as of its beginning; None if it is not `wanted` any more.

    Also if there are more than `most` invoices, or pauses.
    """
    began = ticking.clock.now()
    with ticking.store.read() as work:
        at = _next_tick(work, began) or began
    going = what_would_go(at, basis.thresholds, ticking=ticking, most=most, wanted=wanted)
    if going is None:
        return None
    with ticking.store.read() as work:
        excluded = work.exclusions.page(NoticeType.DUE_NOTICE, "", MOST_EXCLUSIONS)
        live = work.pauses.live_after(basis.today)
    first, last = due_dates(basis.thresholds, basis.today, MOST_DAYS)
    without = {entry.organization_id for entry in excluded}
    told = [one for one in live if one.organization_id not in without]
    if most is not None and len(told) > most:
        return None
    due = ticking.ledger.count_by_due_date(first, last, without=sorted(without))
    paused = paused_by_due_date(told, ticking=ticking, wanted=wanted)
    if paused is None:
        return None
    took = ticking.clock.now() - began
    return Count(basis, began, took, going.invoices, going.mails, due, paused)

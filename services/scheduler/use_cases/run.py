"""One run under way: what it goes through, batch by batch, and how far it has come."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

from services.scheduler.domain.books import DueBatch
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports import Work
from services.scheduler.ports_peers import Ledger
from services.scheduler.use_cases.batches import Batches
from services.scheduler.use_cases.plan import Plan, make_plan
from services.scheduler.use_cases.promises import judge_promises
from services.scheduler.use_cases.sweeps import Found, expirations, summaries, upcoming
from services.scheduler.use_cases.tally import Counts, Tally
from services.scheduler.use_cases.telling import Telling
from services.scheduler.use_cases.ticking import Ticking
from services.scheduler.use_cases.whom import organizations_not_told
from services.scheduler.use_cases.zones import Summed, all_zones
from services.shared.progress import progress

BATCH = 2000
HELD_BATCH = 500

Begin = Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tick has come; counts are totals so far, of all types and of each.

    `total` is more than `examined` until it is done.
    """

    examined: int
    total: int
    counts: Counts
    types: Mapping[NoticeType, Counts]
    today: date
    done: bool = False


class Going(NamedTuple):
    """How many due notices a dry run queues, by due date and threshold, and how many invoices it looks at."""

    invoices: int
    mails: Mapping[tuple[date, int], int]


class Run:
    """One tick under way. The ledger is always asked outside of transactions.

    `is_done` once it has decided on everything; `summed` tells by what it decides on account summaries.
    """

    def __init__(self, plan: Plan, ticking: Ticking, begin: Begin, wanted: Callable[[], bool]) -> None:
        self._tally = Tally()
        self._batches = Batches(plan, self._tally, ticking.new_id, ticking.clock)
        self._telling = Telling(
            ticking.new_id,
            tally=self._tally,
            not_before=plan.not_before,
            as_of=plan.as_of,
            writes=plan.writes,
        )
        self._plan = plan
        self._ticking = ticking
        self._begin = begin
        self._wanted = wanted
        self._examined = 0
        self._total = 0
        self.is_done = False
        self.summed: Summed | None = None

    def all(self) -> Iterator[Progress]:
        """Decides on everything, and reports after each batch."""
        for step in (self._due, self._held, self._others, self._promises):
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
        ledger, due_until, zones = self._ticking.ledger, self._plan.due_until, self._plan.only_zones
        for batch in _read_ahead(ledger, due_until, zones):
            self._total = self._total or batch.total
            with self._begin() as work:
                unasked = self._batches.decide(batch.invoices, work)
            if unasked:
                untold = self._untold(NoticeType.DUE_NOTICE, {one.organization_id for one in unasked})
                with self._begin() as work:
                    self._batches.decide(unasked, work, untold)
            self._decided(len(batch.invoices))
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

    def _others(self) -> Iterator[None]:
        """Account summaries, payments that are coming, cards that expire."""
        if self._plan.only_due_notices:
            return
        with self._ticking.store.read() as work:
            types, runs, calendar = work.email_types.all(), work.zone_runs.all(), work.calendar.get()
        accounts, plan = self._ticking.accounts, self._plan
        self.summed = Summed(types[NoticeType.ACCOUNT_SUMMARY], calendar.days, self._ticking.clock.now())
        sweeps: dict[NoticeType, Callable[[EmailType], Iterator[Found]]] = {
            NoticeType.ACCOUNT_SUMMARY: lambda on: summaries(on, runs, plan, calendar.days, accounts),
            NoticeType.UPCOMING_PAYMENTS: lambda on: upcoming(on, plan, accounts),
            NoticeType.METHOD_EXPIRATION: lambda on: expirations(on, plan, accounts),
        }
        for type, sweep in sweeps.items():
            if not types[type].enabled:
                continue
            for found in sweep(types[type]):
                # Each locks what it finds, so each in a transaction of its own. Where a clock was set no days
                # were missed: the real ones are still to come.
                if found.passed and self._plan.as_of is None:
                    with self._begin() as work:
                        self._telling.supersede(type, found.passed, work, self._ticking.clock.now())
                self._tell(found, types[type].profile_ids)
                self._total += found.total
                self._decided(found.examined)
                yield

    def _promises(self) -> Iterator[None]:
        """What became of promises to pay. Where a clock was set their dates are still to come."""
        if self._plan.writes and self._plan.as_of is None:
            store, ledger = self._ticking.store, self._ticking.ledger
            yield from judge_promises(self._plan, store=store, ledger=ledger, begin=self._begin)

    def _tell(self, found: Found, profile_ids: Sequence[str]) -> None:
        type, now = found.type, self._ticking.clock.now()
        with self._begin() as work:
            unasked = self._telling.decide(type, found.candidates, work, now)
        if unasked:
            untold = self._untold(type, {one.organization_id for one in unasked}, profile_ids)
            with self._begin() as work:
                self._telling.decide(type, unasked, work, now, untold)

    def _untold(
        self, type: NoticeType, organization_ids: Collection[str], profile_ids: Sequence[str] = ()
    ) -> Mapping[str, str]:
        """Asks the ledger, outside of transactions, for the few whose addresses kept them from being told.

        So a notice is queued again once an address can be used, whether a suppression was lifted or the books
        have another address or contact; until then it stays as it is, in however many runs.
        """
        return organizations_not_told(type, organization_ids, ticking=self._ticking, profile_ids=profile_ids)

    def _decided(self, examined: int) -> None:
        self._examined += examined
        if self._plan.writes:
            self._ticking.wake()

    def _progress(self, *, done: bool = False) -> Progress:
        # Before the end it is not known that nothing is left to look at.
        total = self._examined if done else max(self._total, self._examined + 1)
        tally = self._tally
        return Progress(self._examined, total, tally.all(), tally.by_type(), self._plan.today, done)


def _told(batches: Iterator[None]) -> Iterator[None]:
    """The same; whoever watches this thread hears of each one. The ledger is read in another thread."""
    for batch in batches:
        progress()
        yield batch


def _read_ahead(ledger: Ledger, due_until: date, time_zones: Collection[str]) -> Iterator[DueBatch]:
    """The due invoices in batches; the ledger reads the next one while the present one is decided.

    So a decision may stand on books that are a batch old, which the second look makes good.
    """
    reader = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    def ask(after: int) -> "Future[DueBatch]":
        # In the caller's context, so that the request keeps its id.
        read = partial(ledger.due_invoices, due_until, after=after, limit=BATCH, time_zones=time_zones)
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


def what_would_go(
    at: datetime,
    thresholds: Sequence[int],
    *,
    ticking: Ticking,
    most: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Going | None:
    """The due notices that a dry run at that instant would queue; nothing is written.

    None if there are more than `most` invoices to look at, or once `wanted` says no.
    """
    rules = [Rule(threshold, True) for threshold in thresholds]
    with ticking.store.read() as work:
        calendar = work.calendar.get()
    plan = make_plan(rules, calendar, at, zones=all_zones(ticking.accounts), as_of=None, writes=False)
    return Run(plan, ticking, ticking.store.read, wanted).going(most)

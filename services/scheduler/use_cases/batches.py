"""The batches of a tick: what is read at once, decided in memory, and written at once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from services.scheduler.domain.books import DueInvoice, Subject
from services.scheduler.domain.deciding import Outcome, decide, let_go
from services.scheduler.domain.notice import Change, Known, Notice, NoticeType, State
from services.scheduler.domain.review import Circumstances, No, look_again
from services.scheduler.domain.thresholds import Reached, Rule, latest_due_date, reaching
from services.scheduler.ports import NewId, Work
from services.shared.clock import Clock


class Counts(NamedTuple):
    """Decisions by outcome. `unchanged` are candidates that stay as they were, most often because sent."""

    queued: int = 0
    held: int = 0
    skipped: int = 0
    superseded: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays the same during a tick. No invoice due after `due_until` can have a candidate."""

    rules: Mapping[int, bool]
    reached_on: Callable[[int], Reached | None]
    due_until: date | None
    today: date
    as_of: datetime | None
    writes: bool


def make_plan(rules: Sequence[Rule], today: date, *, as_of: datetime | None, writes: bool) -> Plan:
    """The plan of a tick that decides for the local date `today`."""
    enabled = [rule.threshold for rule in rules if rule.enabled]
    due_until = latest_due_date(enabled, today)
    return Plan(dict(rules), reaching(enabled), due_until, today, as_of, writes)


class Batches:
    """Decides batches and counts. The number of statements for a batch does not depend on its size."""

    def __init__(self, plan: Plan, new_id: NewId, clock: Clock) -> None:
        self._plan = plan
        self._new_id = new_id
        self._clock = clock
        self._states: Counter[State] = Counter()
        self._unchanged = 0
        self._queued: Counter[tuple[date, int]] = Counter()
        # Only what is held while a payment is under way: few, whatever the size of the books.
        self._held_seen: set[str] = set()

    def counts(self) -> Counts:
        """The totals so far."""
        s = self._states
        return Counts(s[State.QUEUED], s[State.HELD], s[State.SKIPPED], s[State.SUPERSEDED], self._unchanged)

    def queued(self) -> Mapping[tuple[date, int], int]:
        """How many of them are queued so far, by due date and threshold."""
        return self._queued

    def decide(self, invoices: Sequence[DueInvoice], work: Work) -> None:
        """Decides on a batch of due invoices."""
        today, reached_on = self._plan.today, self._plan.reached_on
        reached = []
        for invoice in invoices:
            days = (today - invoice.due_on).days
            if (plan := reached_on(days)) is not None:
                reached.append((invoice, plan, days))
        if not reached:
            return
        known = _by_invoice(work.notices.known([invoice.invoice_id for invoice, _, _ in reached]))
        organizations = {invoice.organization_id for invoice, _, _ in reached}
        excluded = work.exclusions.among(NoticeType.DUE_NOTICE, organizations)
        now = self._clock.now()
        added: list[Notice] = []
        changes: list[Change] = []
        for invoice, plan, days in reached:
            rows = known.get(invoice.invoice_id, ())
            current = {row.threshold: row for row in rows if row.due_on == invoice.due_on}
            outcomes = decide(invoice, plan, current, excluded=invoice.organization_id in excluded)
            if not outcomes or outcomes[-1].threshold != plan.candidate:
                self._unchanged += 1
            for outcome in outcomes:
                self._states[outcome.state] += 1
                if outcome.state is State.QUEUED:
                    self._queued[invoice.due_on, outcome.threshold] += 1
                if not self._plan.writes:
                    continue
                if (row := current.get(outcome.threshold)) is None:
                    added.append(self._notice(invoice, outcome, now))
                else:
                    changes.append(self._change(row.notice_id, outcome.state, outcome.reason))
            if rows:
                changes += self._let_go(rows, invoice, plan, days)
        self._write(added, changes, now, work)

    def _let_go(self, rows: Iterable[Known], invoice: DueInvoice, plan: Reached, days: int) -> list[Change]:
        changes = []
        for row in rows:
            if row.state is not State.HELD:
                continue
            self._held_seen.add(row.notice_id)
            gone = let_go(row, invoice, plan, days, self._plan.rules)
            if gone is not None:
                self._states[gone[0]] += 1
                changes.append(self._change(row.notice_id, *gone))
        return changes

    def not_yet_seen(self, held: Sequence[Notice]) -> list[Notice]:
        """Those whose invoice was in no batch, because it is paid, closed, or due at another time."""
        return [notice for notice in held if notice.notice_id not in self._held_seen]

    def revisit(self, held: Sequence[Notice], subjects: Mapping[int, Subject], work: Work) -> None:
        """Lets go of held notices that will never be sent; the others stay held."""
        # By invoice first: everybody locks an invoice's notices in the same order.
        siblings = _by_invoice(work.notices.known([notice.invoice_id for notice in held]))
        notices = work.notices.get([notice.notice_id for notice in held]).values()
        organizations = {notice.organization_id for notice in notices}
        excluded = work.exclusions.among(NoticeType.DUE_NOTICE, organizations)
        changes = []
        for notice in notices:
            seen = Circumstances(
                subject=subjects.get(notice.invoice_id),
                today=self._plan.today,
                rules=self._plan.rules,
                siblings=siblings.get(notice.invoice_id, ()),
                excluded=notice.organization_id in excluded,
            )
            verdict = look_again(notice, seen)
            if notice.state is State.HELD and isinstance(verdict, No) and verdict.state is not State.HELD:
                self._states[verdict.state] += 1
                changes.append(self._change(notice.notice_id, verdict.state, verdict.reason))
        self._write([], changes, self._clock.now(), work)

    def _notice(self, invoice: DueInvoice, outcome: Outcome, now: datetime) -> Notice:
        return Notice(
            notice_id=self._new_id(),
            type=NoticeType.DUE_NOTICE,
            organization_id=invoice.organization_id,
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.number,
            threshold=outcome.threshold,
            due_on=invoice.due_on,
            state=outcome.state,
            reason=outcome.reason,
            decided_at=now,
            as_of=self._plan.as_of,
        )

    def _change(self, notice_id: str, state: State, reason: str) -> Change:
        return Change(notice_id, state, reason, as_of=self._plan.as_of)

    def _write(self, added: Sequence[Notice], changes: Sequence[Change], now: datetime, work: Work) -> None:
        if self._plan.writes:
            work.notices.add(added)
            work.notices.change(changes, now)


def _by_invoice(rows: Iterable[Known]) -> Mapping[int, Sequence[Known]]:
    grouped: defaultdict[int, list[Known]] = defaultdict(list)
    for row in rows:
        grouped[row.invoice_id].append(row)
    return grouped

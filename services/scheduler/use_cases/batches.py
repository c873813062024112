"""The batches of a tick: what is read at once, decided in memory, and written at once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from services.scheduler.domain.books import DueInvoice, Subject
from services.scheduler.domain.deciding import NOTHING_KNOWN, Outcome, decide, let_go
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
        cases: list[_Case] = []
        for invoice in invoices:
            days = (today - invoice.due_on).days
            if (plan := reached_on(days)) is not None:
                cases.append(_Case(invoice, plan, days))
        if not cases:
            return
        organizations = {case.invoice.organization_id for case in cases}
        excluded = work.exclusions.among(NoticeType.DUE_NOTICE, organizations)
        known = _by_invoice(work.notices.known([case.invoice.invoice_id for case in cases]))
        verdicts = [self._verdict(case, known, excluded) for case in cases]
        if self._plan.writes and known:
            self._decide_again_what_changes(verdicts, excluded, work)
        self._record(verdicts, work)

    def _decide_again_what_changes(
        self, verdicts: list["_Verdict"], excluded: Collection[str], work: Work
    ) -> None:
        """Locks the few notices that change: a mail may have gone out since they were read."""
        places = [place for place, verdict in enumerate(verdicts) if verdict.changes_what_is_known]
        ids = [verdicts[place].case.invoice.invoice_id for place in places]
        known = _by_invoice(work.notices.known_to_change(ids))
        for place in places:
            verdicts[place] = self._verdict(verdicts[place].case, known, excluded)

    def _verdict(
        self, case: "_Case", known: Mapping[int, Sequence[Known]], excluded: Collection[str]
    ) -> "_Verdict":
        invoice, plan, days = case
        rows = known.get(invoice.invoice_id, ())
        is_excluded = invoice.organization_id in excluded
        if not rows:
            return _Verdict(case, decide(invoice, plan, NOTHING_KNOWN, excluded=is_excluded))
        current = {row.threshold: row for row in rows if row.due_on == invoice.due_on}
        held = tuple(row for row in rows if row.state is State.HELD)
        return _Verdict(
            case,
            decide(invoice, plan, current, excluded=is_excluded),
            current,
            held,
            tuple(
                (row, gone) for row in held if (gone := let_go(row, invoice, plan, days, self._plan.rules))
            ),
        )

    def _record(self, verdicts: Sequence["_Verdict"], work: Work) -> None:
        now = self._clock.now()
        added: list[Notice] = []
        changes: list[Change] = []
        for case, outcomes, current, held, let_go_of in verdicts:
            invoice, plan, _ = case
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
            self._held_seen.update(row.notice_id for row in held)
            for row, gone in let_go_of:
                self._states[gone[0]] += 1
                changes.append(self._change(row.notice_id, *gone))
        self._write(added, changes, now, work)

    def not_yet_seen(self, held: Sequence[Notice]) -> list[Notice]:
        """Those whose invoice was in no batch, because it is paid, closed, or due at another time."""
        return [notice for notice in held if notice.notice_id not in self._held_seen]

    def revisit(self, held: Sequence[Notice], subjects: Mapping[int, Subject], work: Work) -> None:
        """Lets go of held notices that will never be sent; the others stay held."""
        siblings = _by_invoice(work.notices.known_to_change([notice.invoice_id for notice in held]))
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


class _Case(NamedTuple):
    """An invoice, what its day has reached, and how many days past due that is."""

    invoice: DueInvoice
    plan: Reached
    days: int


class _Verdict(NamedTuple):
    """What is decided on it: outcomes by threshold, and held notices that are let go of."""

    case: _Case
    outcomes: tuple[Outcome, ...]
    current: Mapping[int, Known] = NOTHING_KNOWN
    held: tuple[Known, ...] = ()
    let_go_of: tuple[tuple[Known, tuple[State, str]], ...] = ()

    @property
    def changes_what_is_known(self) -> bool:
        """Whether a notice that exists gets a new decision."""
        return bool(self.let_go_of) or any(outcome.threshold in self.current for outcome in self.outcomes)


def _by_invoice(rows: Iterable[Known]) -> Mapping[int, Sequence[Known]]:
    grouped: defaultdict[int, list[Known]] = defaultdict(list)
    for row in rows:
        grouped[row.invoice_id].append(row)
    return grouped

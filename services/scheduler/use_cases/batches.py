"""Due notices in batches: what is read at once, decided in memory, and written at once."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from services.scheduler.domain.books import DueInvoice, Subject
from services.scheduler.domain.deciding import NOTHING_KNOWN, Outcome, asks_for_addresses, decide, let_go
from services.scheduler.domain.notice import Change, Known, Notice, NoticeType, State
from services.scheduler.domain.pauses import Paused
from services.scheduler.domain.review import Circumstances, No, look_again
from services.scheduler.domain.thresholds import Reached
from services.scheduler.ports import NewId, Work
from services.scheduler.use_cases.plan import Plan
from services.scheduler.use_cases.tally import Tally
from services.shared.clock import Clock


class Batches:
    """Decides batches and counts. The number of statements for a batch does not depend on its size."""

    def __init__(self, plan: Plan, tally: Tally, new_id: NewId, clock: Clock) -> None:
        self._plan = plan
        self._tally = tally
        self._new_id = new_id
        self._clock = clock
        self._queued: Counter[tuple[date, int]] = Counter()
        # Only what is held while a payment is under way: few, whatever the size of the books.
        self._held_seen: set[str] = set()

    def queued(self) -> Mapping[tuple[date, int], int]:
        """How many are queued so far, by due date and threshold."""
        return self._queued

    def decide(
        self, invoices: Sequence[DueInvoice], work: Work, untold: Mapping[str, str] | None = None
    ) -> list[DueInvoice]:
        """Decides on a batch of due invoices.

        `untold` has the organizations of which nobody can be told, and why; None if that was not asked.
        Returns those on which nothing is decided before it is.
        """
        today_in, reached_on = self._plan.today_in, self._plan.reached_on
        cases: list[_Case] = []
        for invoice in invoices:
            days = (today_in(invoice.time_zone) - invoice.due_on).days
            if (plan := reached_on(days)) is not None:
                cases.append(_Case(invoice, plan, days))
        if not cases:
            return []
        organizations = {case.invoice.organization_id for case in cases}
        barred = _barred(organizations, untold, work)
        known = _by_invoice(work.notices.known([case.invoice.invoice_id for case in cases]))
        verdicts = [self._verdict(case, known, barred) for case in cases]
        if self._plan.writes and known:
            self._decide_again_what_changes(verdicts, barred, work)
        unasked = [one.case.invoice for one in verdicts if untold is None and one.asks_for_addresses]
        self._record([one for one in verdicts if untold is not None or not one.asks_for_addresses], work)
        return unasked

    def _decide_again_what_changes(self, verdicts: list["_Verdict"], barred: "_Barred", work: Work) -> None:
        """Locks the few notices that change: a mail may have gone out since they were read."""
        places = [place for place, verdict in enumerate(verdicts) if verdict.changes_what_is_known]
        ids = [verdicts[place].case.invoice.invoice_id for place in places]
        known = _by_invoice(work.notices.known_to_change(ids))
        for place in places:
            verdicts[place] = self._verdict(verdicts[place].case, known, barred)

    def _verdict(self, case: "_Case", known: Mapping[int, Sequence[Known]], barred: "_Barred") -> "_Verdict":
        invoice, plan, days = case
        rows = known.get(invoice.invoice_id, ())
        excluded = invoice.organization_id in barred.excluded
        today = self._plan.today_in(invoice.time_zone)
        paused = barred.paused.forbids(
            NoticeType.DUE_NOTICE, invoice.organization_id, invoice.invoice_id, today
        )
        untold = barred.untold(invoice.organization_id)
        if not rows:
            outcomes = decide(invoice, plan, NOTHING_KNOWN, excluded=excluded, paused=paused, untold=untold)
            return _Verdict(case, outcomes)
        current = {row.threshold: row for row in rows if row.due_on == invoice.due_on}
        held = tuple(row for row in rows if row.state is State.HELD)
        return _Verdict(
            case,
            decide(invoice, plan, current, excluded=excluded, paused=paused, untold=untold),
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
                self._tally.stays(NoticeType.DUE_NOTICE)
            for outcome in outcomes:
                self._tally.count(NoticeType.DUE_NOTICE, outcome.state)
                if outcome.state is State.QUEUED:
                    self._queued[invoice.due_on, outcome.threshold] += 1
                if not self._plan.writes:
                    continue
                if (row := current.get(outcome.threshold)) is None:
                    added.append(self._notice(invoice, outcome, now))
                else:
                    changes.append(self._change(row.notice_id, outcome, invoice.time_zone))
            self._held_seen.update(row.notice_id for row in held)
            for row, gone in let_go_of:
                self._tally.count(NoticeType.DUE_NOTICE, gone[0])
                changes.append(Change(row.notice_id, *gone, as_of=self._plan.as_of))
        self._write(added, changes, now, work)

    def not_yet_seen(self, held: Sequence[Notice]) -> list[Notice]:
        """Those whose invoice was in no batch, because it is paid, closed, or due at another time."""
        return [notice for notice in held if notice.notice_id not in self._held_seen]

    def revisit(self, held: Sequence[Notice], subjects: Mapping[int, Subject], work: Work) -> None:
        """Lets go of held notices that will never be sent; the others stay held."""
        siblings = _by_invoice(work.notices.known_to_change([notice.invoice_id for notice in held]))
        notices = work.notices.get([notice.notice_id for notice in held]).values()
        barred = _barred({notice.organization_id for notice in notices}, None, work)
        changes = []
        for notice in notices:
            today = self._plan.today_in(_zone_of(subjects.get(notice.invoice_id)))
            seen = Circumstances(
                subject=subjects.get(notice.invoice_id),
                today=today,
                rules=self._plan.rules,
                siblings=siblings.get(notice.invoice_id, ()),
                excluded=notice.organization_id in barred.excluded,
                paused=barred.paused.forbids(notice.type, notice.organization_id, notice.invoice_id, today),
            )
            verdict = look_again(notice, seen)
            if notice.state is State.HELD and isinstance(verdict, No) and verdict.state is not State.HELD:
                self._tally.count(notice.type, verdict.state)
                changes.append(Change(notice.notice_id, *verdict, as_of=self._plan.as_of))
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
            not_before=self._plan.not_before(invoice.time_zone),
        )

    def _change(self, notice_id: str, outcome: Outcome, time_zone: str) -> Change:
        return Change(
            notice_id,
            outcome.state,
            outcome.reason,
            as_of=self._plan.as_of,
            not_before=self._plan.not_before(time_zone),
        )

    def _write(self, added: Sequence[Notice], changes: Sequence[Change], now: datetime, work: Work) -> None:
        if self._plan.writes:
            work.notices.add(added)
            work.notices.change(changes, now)


class _Barred(NamedTuple):
    """Whom due notices do not go to, for ever or for a time."""

    excluded: Collection[str]
    paused: Paused
    without_addresses: Mapping[str, str] | None

    def untold(self, organization_id: str) -> str | None:
        """As `decide` takes it."""
        return None if self.without_addresses is None else self.without_addresses.get(organization_id, "")


def _barred(organization_ids: Collection[str], untold: Mapping[str, str] | None, work: Work) -> _Barred:
    excluded = work.exclusions.among(NoticeType.DUE_NOTICE, organization_ids)
    return _Barred(excluded, Paused(work.pauses.live(organization_ids)), untold)


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
    def asks_for_addresses(self) -> bool:
        """Whether nothing but its addresses keeps the candidate skipped."""
        return asks_for_addresses(self.current.get(self.case.plan.candidate), self.outcomes)

    @property
    def changes_what_is_known(self) -> bool:
        """Whether a notice that exists gets a new decision."""
        return bool(self.let_go_of) or any(outcome.threshold in self.current for outcome in self.outcomes)


def _zone_of(subject: Subject | None) -> str:
    return subject.time_zone if subject else ""


def _by_invoice(rows: Iterable[Known]) -> Mapping[int, Sequence[Known]]:
    grouped: defaultdict[int, list[Known]] = defaultdict(list)
    for row in rows:
        grouped[row.invoice_id].append(row)
    return grouped

"""Whom a type of mail would reach with given settings, now and at its next time; nothing is written."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.books import DueInvoice
from services.scheduler.domain.deciding import decide
from services.scheduler.domain.email_types import EmailType, check_email_type
from services.scheduler.domain.next_times import next_dates
from services.scheduler.domain.notice import Known, NoticeType, State
from services.scheduler.domain.pauses import Paused
from services.scheduler.domain.runs import next_run
from services.scheduler.domain.thresholds import Rule, check_threshold
from services.scheduler.ports import Work
from services.scheduler.use_cases.email_types import as_if_saved, next_time_of
from services.scheduler.use_cases.plan import Plan, make_plan
from services.scheduler.use_cases.sweeps import Found, expirations, summaries, upcoming
from services.scheduler.use_cases.telling import decide_all
from services.scheduler.use_cases.ticking import Ticking
from services.scheduler.use_cases.whom import organizations_not_told
from services.scheduler.use_cases.zones import all_zones

MOST_EXAMINED = 20_000
"""Somebody waits for the answer: of larger books only so many candidates are looked at."""

NAMES = 20
DATES = 3
BATCH = 1000


class EmailCount(NamedTuple):
    """How many mails would go at the next run, what is due included, and whom `next_at` would reach.

    `at_next_run` are the mails that saving the settings makes due, without what is due already.
    Who would not get it for want of an address is in neither, but in `unreachable`, `suppressed` or
    `unsubscribed`. `names` are the first ones by name. With `at_least` the books are larger than what was
    looked at. `next_dates` are the coming days of an account summary as YYYY-MM-DD.
    """

    due_now: int = 0
    organizations: int = 0
    next_at: datetime | None = None
    excluded: int = 0
    unreachable: int = 0
    names: tuple[str, ...] = ()
    at_least: bool = False
    next_dates: tuple[str, ...] = ()
    suppressed: int = 0
    unsubscribed: int = 0
    at_next_run: int = 0
    paused: int = 0


@dataclass
class _Reach:
    """What a look at the candidates has found; organizations by id, those that get nothing by the reason."""

    mails: int = 0
    told: set[str] = field(default_factory=set)
    left_out: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    examined: int = 0
    at_least: bool = False

    def note(self, organization_id: str, reason: str = "") -> None:
        """A mail that would go, or the reason why one would not."""
        if reason:
            self.left_out[reason].add(organization_id)
        else:
            self.mails += 1
            self.told.add(organization_id)

    def is_full(self, coming: int) -> bool:
        """Whether so many more are too many; remembers that there were more."""
        self.at_least = self.at_least or (coming > 0 and self.examined >= MOST_EXAMINED)
        self.examined += coming
        return self.at_least


class _Stand(NamedTuple):
    """Where a mail to an organization would stand after a run, and why."""

    organization_id: str
    state: State
    reason: str


def count_emails(settings: EmailType, threshold: int, *, ticking: Ticking) -> EmailCount:
    """Counts with these settings, saved or not, as if the type were on. `Invalid` as `check_email_type`.

    Of due notices the rule of the threshold alone; `Invalid` (THRESHOLD_OUT_OF_RANGE). New invoices bring
    theirs when they come, so none is due.
    """
    if settings.type is NoticeType.DUE_NOTICE:
        check_threshold(threshold)
        return _count_due(threshold, ticking)
    check_email_type(settings)
    if settings.type is NoticeType.INVOICE:
        return EmailCount()
    if settings.type is NoticeType.ACCOUNT_SUMMARY:
        return _count_summaries(settings, ticking)
    return _count_daily(
        settings, upcoming if settings.type is NoticeType.UPCOMING_PAYMENTS else expirations, ticking
    )


def _next_plan(ticking: Ticking, rules: Iterable[Rule] = ()) -> Plan:
    """The plan of the next run, or of one at this moment if none takes place by itself."""
    now = ticking.clock.now()
    with ticking.store.read() as work:
        calendar, run = work.calendar.get(), work.zone_runs.all().get("")
    at = next_run(calendar, run.ran_on if run else None, now) or now
    zones = all_zones(ticking.accounts)
    return make_plan(list(rules), calendar, at, zones=zones, as_of=None, writes=False)


def _count_daily(settings: EmailType, sweep: Callable[..., Iterator[Found]], ticking: Ticking) -> EmailCount:
    """Of a type that each run looks after."""
    plan = _next_plan(ticking)
    with ticking.store.read() as work:
        saved = as_if_saved(settings, work, ticking.clock.now())
        next_at = next_time_of(saved, work, ticking.clock.now())
    due = _reach(sweep(replace(settings, since=None), plan, ticking.accounts), ticking)
    coming = due if saved.since is None else _reach(sweep(saved, plan, ticking.accounts), ticking)
    counted = _counted(due, coming, _names(coming.told, ticking), next_at)
    return counted._replace(at_next_run=coming.mails)


def _count_summaries(settings: EmailType, ticking: Ticking) -> EmailCount:
    plan = _next_plan(ticking)
    with ticking.store.read() as work:
        saved = as_if_saved(settings, work, ticking.clock.now())
        next_at = next_time_of(saved, work, ticking.clock.now())
        runs, calendar = work.zone_runs.all(), work.calendar.get()
    whatever_is_due = replace(settings, since=None)
    found = summaries(whatever_is_due, runs, plan, calendar.days, ticking.accounts)
    due = _reach(found, ticking, settings.profile_ids)
    coming, names = _debtors(settings, next_at or ticking.clock.now(), ticking)
    today, run = calendar.date_at(ticking.clock.now()), runs.get("")
    coming_dates = next_dates(saved, calendar, today, run.summed_on if run else None, DATES)
    counted = _counted(due, coming, names, next_at)
    if saved.since is not None and due.mails:
        due = _reach(
            summaries(saved, runs, plan, calendar.days, ticking.accounts), ticking, settings.profile_ids
        )
    return counted._replace(next_dates=tuple(on.isoformat() for on in coming_dates), at_next_run=due.mails)


def _reach(found: Iterator[Found], ticking: Ticking, profile_ids: Sequence[str] = ()) -> _Reach:
    """`profile_ids` are those by which it goes, as in `Accounts.addressees`."""
    reach, today_in = _Reach(), _next_plan(ticking).today_in
    for batch in found:
        if reach.is_full(batch.examined):
            break
        with ticking.store.read() as work:
            decided = decide_all(batch.type, batch.candidates, work, today_in, {})
        stand = [
            _Stand(candidate.organization_id, now.state, now.reason)
            for candidate, known, outcome in decided
            # What stays queued was counted when it was decided.
            if (now := outcome or known) and (outcome or now.state is State.SKIPPED)
        ]
        _note(batch.type, stand, reach, ticking, profile_ids)
    return reach


def _note(
    type: NoticeType,
    stand: Collection[_Stand],
    reach: _Reach,
    ticking: Ticking,
    profile_ids: Sequence[str] = (),
) -> None:
    """Of what would be queued the second look is foreseen."""
    queued = {one.organization_id for one in stand if one.state is State.QUEUED}
    why_not = organizations_not_told(type, queued, ticking=ticking, profile_ids=profile_ids)
    for organization_id, state, reason in stand:
        if state is State.QUEUED:
            reach.note(organization_id, why_not.get(organization_id, ""))
        elif state is State.SKIPPED:
            reach.note(organization_id, reason)


def _debtors(settings: EmailType, at: datetime, ticking: Ticking) -> tuple[_Reach, list[str]]:
    """Whom an account summary would go to at that instant as the books stand, and the first names."""
    reach, names, after = _Reach(), list[tuple[str, str]](), ""
    while True:
        debtors = ticking.accounts.debtors(after, BATCH, profile_ids=settings.profile_ids).debtors
        if reach.is_full(len(debtors)):
            break
        found = {debtor.organization_id: debtor for debtor in debtors}
        with ticking.store.read() as work:
            paused, date_at = Paused(work.pauses.live(found.keys())), work.calendar.get().date_at
            why_not = {
                one.organization_id: reasons.PAUSED
                for one in found.values()
                if paused.forbids(settings.type, one.organization_id, 0, date_at(at, one.time_zone))
            }
            excluded = work.exclusions.among(settings.type, found.keys())
            why_not |= dict.fromkeys(excluded, reasons.ORGANIZATION_EXCLUDED)
        why_not |= organizations_not_told(
            settings.type, found.keys() - why_not.keys(), ticking=ticking, profile_ids=settings.profile_ids
        )
        for organization_id, debtor in found.items():
            reach.note(organization_id, why_not.get(organization_id, ""))
            if organization_id not in why_not:
                names.append(_by_name(debtor.organization_name))
        names = heapq.nsmallest(NAMES, names)
        if len(debtors) < BATCH:
            break
        after = debtors[-1].organization_id
    return reach, [name for _, name in names]


def _count_due(threshold: int, ticking: Ticking) -> EmailCount:
    plan = _next_plan(ticking, [Rule(threshold, True)])
    reach, after = _Reach(), 0
    while plan.due_until is not None:
        invoices = ticking.ledger.due_invoices(plan.due_until, after=after, limit=BATCH).invoices
        if reach.is_full(len(invoices)):
            break
        with ticking.store.read() as work:
            stand = _due_stand(invoices, plan, work)
        _note(NoticeType.DUE_NOTICE, stand, reach, ticking)
        if len(invoices) < BATCH:
            break
        after = invoices[-1].invoice_id
    with ticking.store.read() as work:
        next_at = next_time_of(EmailType(NoticeType.DUE_NOTICE, enabled=True), work, ticking.clock.now())
    counted = _counted(reach, reach, _names(reach.told, ticking), next_at)
    return counted._replace(at_next_run=reach.mails)


def _due_stand(invoices: Iterable[DueInvoice], plan: Plan, work: Work) -> list[_Stand]:
    reached = [
        (invoice, found)
        for invoice in invoices
        if (found := plan.reached_on((plan.today_in(invoice.time_zone) - invoice.due_on).days)) is not None
    ]
    organization_ids = {invoice.organization_id for invoice, _ in reached}
    excluded = work.exclusions.among(NoticeType.DUE_NOTICE, organization_ids)
    paused = Paused(work.pauses.live(organization_ids))
    known: defaultdict[int, list[Known]] = defaultdict(list)
    for row in work.notices.known([invoice.invoice_id for invoice, _ in reached]):
        known[row.invoice_id].append(row)
    stand = []
    for invoice, found in reached:
        current = {row.threshold: row for row in known[invoice.invoice_id] if row.due_on == invoice.due_on}
        organization_id, today = invoice.organization_id, plan.today_in(invoice.time_zone)
        is_paused = paused.forbids(NoticeType.DUE_NOTICE, organization_id, invoice.invoice_id, today)
        is_excluded = organization_id in excluded
        # Of what would be queued the addresses are asked for afterwards.
        outcomes = decide(invoice, found, current, excluded=is_excluded, paused=is_paused, untold="")
        stand += [_Stand(invoice.organization_id, one.state, one.reason) for one in outcomes]
        as_it_was = current.get(found.candidate)
        if not outcomes and as_it_was is not None and as_it_was.state is State.SKIPPED:
            stand.append(_Stand(invoice.organization_id, as_it_was.state, as_it_was.reason))
    return stand


def _names(organization_ids: set[str], ticking: Ticking) -> list[str]:
    ids, found = sorted(organization_ids), list[tuple[str, str]]()
    for start in range(0, len(ids), BATCH):
        names = ticking.ledger.organization_names(ids[start : start + BATCH])
        found = heapq.nsmallest(NAMES, [*found, *map(_by_name, names.values())])
    return [name for _, name in found]


def _by_name(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _counted(due: _Reach, coming: _Reach, names: list[str], next_at: datetime | None) -> EmailCount:
    return EmailCount(
        due_now=due.mails,
        organizations=len(coming.told),
        next_at=next_at,
        excluded=len(coming.left_out[reasons.ORGANIZATION_EXCLUDED]),
        unreachable=len(coming.left_out[reasons.NO_ADDRESS]),
        names=tuple(names),
        at_least=due.at_least or coming.at_least,
        suppressed=len(coming.left_out[reasons.ADDRESSES_SUPPRESSED]),
        unsubscribed=len(coming.left_out[reasons.UNSUBSCRIBED]),
        paused=len(coming.left_out[reasons.PAUSED]),
    )

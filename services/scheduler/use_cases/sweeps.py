"""What a run tells beside due notices: account summaries, payments that are coming, cards that expire."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.scheduler.domain import occurrences, reasons
from services.scheduler.domain.about import Card, PayDay
from services.scheduler.domain.books import Debtor, Moved, UpcomingDay
from services.scheduler.domain.business_days import BusinessDays
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.monthly import Falls
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.occurrences import Candidate
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.ports_peers import Accounts
from services.scheduler.use_cases.plan import Plan
from services.scheduler.use_cases.zones import as_met

BATCH = 1000

DAY = timedelta(days=1)

RUNS_MISSED = 2
"""An organization that moved again and again may have had so many runs come and go in other zones."""

STAMPED_LATE = timedelta(hours=1)
"""By how much later a move may be seen in the books than its stamp says."""

LONGEST_NOTICE = timedelta(days=31)
"""A card is told of this long before its last month at most."""


class Found(NamedTuple):
    """Candidates of one type. Those in `passed` are replaced by a later one, and only recorded.

    `total` is how many there are to look at in this and the batches behind it, if it is known; told once.
    """

    type: NoticeType
    candidates: Sequence[Candidate]
    passed: Sequence[Candidate] = ()
    examined: int = 0
    total: int = 0


def summary_days(settings: EmailType, run: ZoneRun, today: date, days: BusinessDays) -> list[date]:
    """The days of account summaries that a run on that local date has to deal with, in order.

    They lie behind the run before; the first one of a zone begins with its own date. A run for an earlier
    date than the one before, as a sandbox may have it, deals with none.
    """
    decided = _decided(settings, run, today, days)
    return [one.of for one in _days_after(decided, settings, today, days)]


def missed_days(settings: EmailType, run: ZoneRun, plan: Plan, days: BusinessDays) -> list[Falls]:
    """The days behind a zone, in order, that its run may have decided while an organization was elsewhere.

    They lie behind the zone that was farthest behind. They are for organizations only that have come from
    another zone since; whoever was told there already is not told again.
    """
    if run.summed_at is None or run.all_summed_on is None:
        return []
    after, today = run.all_summed_on, plan.today_in(run.zone)
    for _ in range(RUNS_MISSED):
        after = plan.run_date_by(after - DAY)
    decided = _decided(settings, run, today, days)
    return [one for one in _days_after(after, settings, today, days) if one.of <= decided]


def _decided(settings: EmailType, run: ZoneRun, today: date, days: BusinessDays) -> date:
    """Up to which day summaries of a zone are decided before its run on that local date."""
    return settings.schedule.decided_by(today - DAY, days) if run.summed_on is None else run.summed_on


def _days_after(after: date, settings: EmailType, today: date, days: BusinessDays) -> list[Falls]:
    found = settings.schedule.between(after, today, days)
    return [one for one in found if settings.since is None or one.on >= settings.since]


def summaries(
    settings: EmailType, runs: Mapping[str, ZoneRun], plan: Plan, days: BusinessDays, accounts: Accounts
) -> Iterator[Found]:
    """The account summaries whose day has come, zone by zone where their days differ.

    Before them those that organizations have missed by moving to a zone after its newest run.
    """
    by_days: defaultdict[tuple[date, ...], list[str]] = defaultdict(list)
    for zone in plan.zones:
        run = runs.get(zone) or as_met(zone, runs)
        reached = summary_days(settings, run, plan.today_in(zone), days)
        by_days[tuple(reached)].append(zone)
        missed = missed_days(settings, run, plan, days)
        if missed and run.summed_at is not None:
            # Whoever came to the books after the zone's run would not have been told here either.
            known_before = plan.send_instant(missed[-1].on, zone)
            moved = Moved(run.summed_at - STAMPED_LATE, known_before)
            told = [one.of for one in missed]
            moved_to, before = ([], told) if reached else (told[-1:], told[:-1])
            yield from _summaries_of(moved_to, before, [zone], settings, accounts=accounts, moved=moved)
    for days_of, zones in by_days.items():
        if days_of:
            all_zones = len(by_days) == 1 and not plan.only_zones
            newest, passed, in_zones = days_of[-1:], days_of[:-1], () if all_zones else zones
            yield from _summaries_of(newest, passed, in_zones, settings, accounts=accounts)


def _summaries_of(
    newest: Sequence[date],
    passed: Sequence[date],
    zones: Sequence[str],
    settings: EmailType,
    *,
    accounts: Accounts,
    moved: Moved | None = None,
) -> Iterator[Found]:
    after = ""
    while True:
        debtors, total = accounts.debtors(
            after, BATCH, profile_ids=settings.profile_ids, time_zones=zones, moved=moved
        )
        yield Found(
            NoticeType.ACCOUNT_SUMMARY,
            [_summary(debtor, day, reasons.SCHEDULE_REACHED) for debtor in debtors for day in newest],
            [_summary(debtor, day, reasons.LATER_SUMMARY_DUE) for debtor in debtors for day in passed],
            len(debtors),
            total,
        )
        if len(debtors) < BATCH:
            return
        after = debtors[-1].organization_id


def _summary(debtor: Debtor, day: date, reason: str) -> Candidate:
    occurrence = occurrences.of_summary(debtor.organization_id, day)
    return Candidate(debtor.organization_id, occurrence, reason, debtor.reachable, debtor.time_zone)


def upcoming(settings: EmailType, plan: Plan, accounts: Accounts) -> Iterator[Found]:
    """The days on which payments will be made, from `days_before` of them up to the day before.

    Where runs take place on business days only they are told on the last one by then.
    """
    todays = [plan.today_in(zone) for zone in plan.zones]
    ahead = timedelta(days=settings.days_before)
    first, last = min(todays) + timedelta(days=1), max(todays) + ahead + plan.longest_closure

    def is_to_be_told(day: UpcomingDay) -> bool:
        today, tell_on = plan.today_in(day.time_zone), plan.run_date_by(day.pays_on - ahead)
        since = settings.since is None or tell_on >= settings.since
        return tell_on <= today < day.pays_on and since

    after = ("", "")
    while True:
        batch = accounts.upcoming(first, last, after, BATCH, time_zones=plan.only_zones)
        yield Found(
            NoticeType.UPCOMING_PAYMENTS,
            [
                Candidate(
                    day.organization_id,
                    occurrences.of_pay_day(day.organization_id, day.pays_on),
                    reasons.PAYMENTS_COMING,
                    day.reachable,
                    day.time_zone,
                    PayDay(day.pays_on),
                )
                for day in batch
                if is_to_be_told(day)
            ],
            examined=len(batch),
        )
        if len(batch) < BATCH:
            return
        after = (batch[-1].organization_id, batch[-1].pays_on.isoformat())


def expirations(settings: EmailType, plan: Plan, accounts: Accounts) -> Iterator[Found]:
    """The cards that expire within a month, and those that have expired, week by week."""
    expires_by = max(plan.today_in(zone) for zone in plan.zones) + LONGEST_NOTICE
    after = ("", "")
    while True:
        batch = accounts.expiring_cards(expires_by, after, BATCH, time_zones=plan.only_zones)
        candidates = []
        for card in batch:
            method = card.method
            expiry = occurrences.expiry_of(
                method.expires_year, method.expires_month, plan.today_in(card.time_zone)
            )
            if expiry is None or (settings.since is not None and expiry.since < settings.since):
                continue
            about = Card(method.method_id, method.expires_year, method.expires_month, expiry.week)
            candidates.append(
                Candidate(
                    card.organization_id,
                    occurrences.of_card(
                        card.organization_id, about.method_id, about.year, about.month, about.week
                    ),
                    reasons.CARD_EXPIRES if expiry.week is None else reasons.CARD_EXPIRED,
                    card.reachable,
                    card.time_zone,
                    about,
                )
            )
        yield Found(NoticeType.METHOD_EXPIRATION, candidates, examined=len(batch))
        if len(batch) < BATCH:
            return
        after = (batch[-1].organization_id, batch[-1].method.method_id)

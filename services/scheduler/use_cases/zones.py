"""Runs by time zone: which are due, and how far each has come."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.runs import newest_send_date, run_due
from services.scheduler.ports import Store, Work
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.ports_peers import Accounts
from services.scheduler.use_cases.plan import Plan
from services.shared.clock import Clock


def all_zones(accounts: Accounts, *, fresh: bool = False) -> tuple[str, ...]:
    """Every time zone that organizations have; "" is the company's, which those without one have."""
    return ("", *accounts.time_zones(fresh=fresh))


def runs_due(calendar: Calendar, zones: Sequence[str], work: Work, now: datetime) -> dict[str, date]:
    """The zones whose run is due, each with the local date that it stands for.

    A zone that is new to the books begins with its next send time, so that a sync sends nothing at once.
    """
    runs = work.zone_runs.all()
    due = {}
    for zone in zones:
        if zone and zone not in runs:
            continue
        ran_on = runs[zone].ran_on if zone in runs else None
        if (on := run_due(calendar, ran_on, now, zone)) is not None:
            due[zone] = on
    return due


def meet_zones(*, store: Store, accounts: Accounts, clock: Clock) -> None:
    """Notes zones that are new to the books, as if their newest run had taken place; forgets others."""
    now = clock.now()
    zones = all_zones(accounts)
    with store.read() as work:
        known = work.zone_runs.all()
    if known.keys() | {""} == set(zones):
        return
    with store.write() as work:
        calendar = work.calendar.get_to_change()
        known = work.zone_runs.all()
        passed = {zone: newest_send_date(calendar, now, zone) for zone in zones if zone and zone not in known}
        work.zone_runs.put([ZoneRun(zone, on, _summed_on(on, calendar, work)) for zone, on in passed.items()])
        work.zone_runs.forget(known.keys() - set(zones))


def forget_set_clock(calendar: Calendar, work: Work, now: datetime) -> None:
    """Account summaries go on with the real day, wherever a sandbox had its clock."""
    day = timedelta(days=1)
    runs = work.zone_runs.all().values()
    yesterday = {run: calendar.date_at(now, run.zone) - day for run in runs}
    work.zone_runs.put(
        [run._replace(summed_on=_summed_on(on, calendar, work)) for run, on in yesterday.items()]
    )


def note_done(plan: Plan, due: Mapping[str, date], work: Work) -> None:
    """Notes that a run has decided for its zones, and for which dates those were due that ran by themselves.

    Where it decided on due notices alone, account summaries stay for the next run.
    """
    runs = work.zone_runs.all()
    before = {zone: runs.get(zone, ZoneRun(zone)) for zone in plan.zones}
    calendar = work.calendar.get()
    if plan.only_due_notices:
        summed_on = {zone: run.summed_on for zone, run in before.items()}
    else:
        summed_on = {zone: _summed_on(plan.today_in(zone), calendar, work) for zone in before}
    work.zone_runs.put(
        [ZoneRun(zone, due.get(zone, run.ran_on), summed_on[zone]) for zone, run in before.items()]
    )


def _summed_on(on: date, calendar: Calendar, work: Work) -> date:
    """Up to which day the runs up to that date have decided on account summaries."""
    return work.email_types.get(NoticeType.ACCOUNT_SUMMARY).schedule.decided_by(on, calendar.days)

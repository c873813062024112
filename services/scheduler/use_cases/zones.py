"""Runs by time zone: which are due, and how far each has come."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from services.scheduler.domain.business_days import BusinessDays
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.email_types import EmailType
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
        work.zone_runs.put(
            [
                as_met(zone, known)._replace(ran_on=on, summed_on=_summed_on(on, calendar, work))
                for zone, on in passed.items()
            ]
        )
        work.zone_runs.forget(known.keys() - set(zones))


def as_met(zone: str, known: Mapping[str, ZoneRun]) -> ZoneRun:
    """A zone that is new beside those that are known, of which nothing is decided.

    Who moves there comes from a zone that may have come no further than the last of them.
    """
    began = [run.summed_at for run in known.values() if run.summed_at]
    return ZoneRun(zone, summed_at=min(began, default=None), all_summed_on=_all_summed_on(known.values()))


def forget_set_clock(calendar: Calendar, work: Work, now: datetime) -> None:
    """Account summaries go on with the real day, wherever a sandbox had its clock."""
    day = timedelta(days=1)
    yesterday = {run: calendar.date_at(now, run.zone) - day for run in work.zone_runs.all().values()}
    runs = [run._replace(summed_on=_summed_on(on, calendar, work)) for run, on in yesterday.items()]
    behind = _all_summed_on(runs)
    work.zone_runs.put([run._replace(summed_at=now, all_summed_on=behind) for run in runs])


class Summed(NamedTuple):
    """By which settings a run has decided on account summaries, and when it began to read the books."""

    settings: EmailType
    days: BusinessDays
    at: datetime

    def still_holds(self, work: Work) -> bool:
        """Whether the saved settings and calendar name the same days."""
        saved = work.email_types.get(NoticeType.ACCOUNT_SUMMARY)
        return work.calendar.get().days == self.days and _whose_days(saved) == _whose_days(self.settings)


def _whose_days(settings: EmailType) -> tuple[object, ...]:
    return settings.enabled, settings.since, settings.schedule


def note_done(
    plan: Plan,
    due: Mapping[str, date],
    summed: Summed | None,
    work: Work,
    *,
    zones: Collection[str],
    now: datetime,
) -> None:
    """Notes that a run has decided for its zones, and for which dates those were due that ran by themselves.

    `zones` are those of the books.

    Unless it has decided on account summaries, and by settings that still hold, these stay for the next run:
    so nothing that was saved meanwhile counts as decided. A zone that is new to the books begins as one that
    is met: with its next send time. A run that decided on due notices alone leaves it to be met.
    """
    runs, calendar = work.zone_runs.all(), work.calendar.get()
    behind = _all_summed_on(run for run in runs.values() if run.zone in zones)
    holds = summed is not None and summed.still_holds(work)
    noted = []
    for zone in plan.zones:
        is_new = zone != "" and zone not in runs
        if is_new and summed is None:
            continue
        run, today = runs.get(zone, ZoneRun(zone)), plan.today_in(zone)
        if is_new:
            run = as_met(zone, runs)._replace(ran_on=newest_send_date(calendar, now, zone))
        if summed is not None and holds:
            decided = summed.settings.schedule.decided_by(today, summed.days)
            run = run._replace(summed_on=decided, summed_at=summed.at, all_summed_on=behind)
        elif summed is not None and run.summed_on is None:
            # The first run of a zone begins with its own date, and so does the one after it.
            yesterday = today - timedelta(days=1)
            run = run._replace(summed_on=summed.settings.schedule.decided_by(yesterday, summed.days))
        noted.append(run._replace(ran_on=due.get(zone, run.ran_on)))
    work.zone_runs.put(noted)


def _all_summed_on(runs: Iterable[ZoneRun]) -> date | None:
    """The day up to which all of them have decided on account summaries."""
    return min((run.summed_on for run in runs if run.summed_on), default=None)


def _summed_on(on: date, calendar: Calendar, work: Work) -> date:
    """Up to which day the runs up to that date have decided on account summaries."""
    return work.email_types.get(NoticeType.ACCOUNT_SUMMARY).schedule.decided_by(on, calendar.days)

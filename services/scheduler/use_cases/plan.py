"""What stays the same during a run: the rules, and what day it is for whom."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from services.scheduler.domain.business_days import LONGEST_CLOSURE
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.hours import Hours, NotBefore, not_before
from services.scheduler.domain.thresholds import Reached, Rule, latest_due_date, reaching


@dataclass(frozen=True, slots=True)
class Plan:
    """A run for one instant. `zones` are those that it decides for, "" standing for the company's own.

    `only_zones` is empty if these are all. `today_in` gives the local date in an organization's zone,
    `send_instant` when the send time comes on a date in one, and `not_before` from when on a mail may go to
    it, None for at once. `run_date_by` gives the last date up to one on which there is a run, which may lie
    `longest_closure` before it. No invoice due after `due_until` can have a candidate. With
    `only_due_notices` no other type is decided on.
    """

    rules: Mapping[int, bool]
    reached_on: Callable[[int], Reached | None]
    due_until: date | None
    today_in: Callable[[str], date]
    send_instant: Callable[[date, str], datetime]
    not_before: NotBefore
    run_date_by: Callable[[date], date]
    longest_closure: timedelta
    zones: Collection[str]
    only_zones: Collection[str]
    as_of: datetime | None
    writes: bool
    only_due_notices: bool = False

    @property
    def today(self) -> date:
        """The company's date."""
        return self.today_in("")


def make_plan(
    rules: Sequence[Rule],
    calendar: Calendar,
    at: datetime,
    *,
    zones: Collection[str],
    only_zones: Collection[str] = (),
    as_of: datetime | None,
    writes: bool,
    only_due_notices: bool = False,
) -> Plan:
    """The plan of a run for the instant `at`. Where the clock is set, nothing waits for quiet hours."""

    @cache
    def today_in(time_zone: str) -> date:
        return calendar.date_at(at, time_zone)

    enabled = [rule.threshold for rule in rules if rule.enabled]
    return Plan(
        rules=dict(rules),
        reached_on=reaching(enabled),
        due_until=latest_due_date(enabled, max(map(today_in, zones))),
        today_in=today_in,
        send_instant=calendar.send_instant,
        not_before=not_before(calendar, Hours.BUSINESS if as_of is None else Hours.ANY, at),
        run_date_by=calendar.run_date_by,
        longest_closure=timedelta(days=LONGEST_CLOSURE if calendar.settings.business_days_only else 0),
        zones=zones,
        only_zones=only_zones,
        as_of=as_of,
        writes=writes,
        only_due_notices=only_due_notices,
    )

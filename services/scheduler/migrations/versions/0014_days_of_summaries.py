"""Account summaries are named after the day of their schedule, on whatever date the calendar has them go."""

import json
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from services.scheduler.domain.business_days import BusinessDays, business_days

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOST_MOVED = timedelta(days=31)
NO_SEPARATOR = "\x1f"


def upgrade() -> None:
    """Renames the newest summaries whose date was moved, and notes up to which day they are decided.

    So a run that was cut short before goes on here and tells nobody twice. Older summaries keep their names:
    no run asks for them.
    """
    connection = op.get_bind()
    runs = sa.table("zone_runs", sa.column("zone", sa.Text), sa.column("summed_on", sa.Date))
    query = sa.select(runs.c.zone, runs.c.summed_on).where(runs.c.summed_on.is_not(None))
    summed = {row.zone: row.summed_on for row in connection.execute(query)}
    ends = [datetime.now(UTC).date(), *summed.values()]
    for of, on in _moved(min(ends) - MOST_MOVED, max(ends) + MOST_MOVED):
        _rename(on, of)
        for zone, until in summed.items():
            if of <= until < on:  # still to come
                summed[zone] = of - timedelta(days=1)
            elif on <= until < of:  # it has gone
                summed[zone] = of
    for zone, until in summed.items():
        op.execute(sa.update(runs).where(runs.c.zone == zone).values(summed_on=until))


def _rename(on: date, of: date) -> None:
    n = sa.table("notices", sa.column("type"), sa.column("organization_id"), sa.column("occurrence"))
    known = n.alias()
    subject = sa.func.replace(n.c.organization_id, "|", NO_SEPARATOR, type_=sa.Text)
    before, after = subject.concat(f"|{on}"), subject.concat(f"|{of}")
    is_known = sa.exists().where(known.c.type == "account_summary", known.c.occurrence == after)
    op.execute(
        sa.update(n)
        .values(occurrence=after)
        .where(n.c.type == "account_summary", n.c.occurrence == before, ~is_known)
    )


def _moved(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days between these of the schedule as it is, and the dates on which their summaries go instead."""
    connection = op.get_bind()
    told = connection.execute(sa.text("SELECT settings FROM email_types WHERE type = 'account_summary'"))
    schedule = json.loads(told.scalar() or "{}")
    day, closed_days = schedule.get("day"), schedule.get("closed_days", "after")
    row = connection.execute(sa.text("SELECT country, business_days_only FROM calendar")).first()
    if closed_days == "calendar":
        closed_days = "after" if row and row.business_days_only else "send"
    if day is None or closed_days not in ("before", "after"):
        return
    days = business_days(row.country if row else "")
    for of in _days(day, first, last):
        on = _date(of, closed_days, days)
        if on != of:
            yield of, on


def _date(of: date, closed_days: str, days: BusinessDays) -> date:
    return days.at_or_before(of) if closed_days == "before" else days.at_or_after(of)


def _days(day: int, first: date, last: date) -> Iterator[date]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield date(year, month, day or monthrange(year, month)[1])
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)

"""Runs that take place by themselves: one each day at the send time, in every time zone that clients have."""

from datetime import date, datetime, timedelta

from services.scheduler.domain.calendar import Calendar

FARTHEST = 40
"""Days ahead that a run is looked for; no country closes for so long."""


def run_due(calendar: Calendar, ran_on: date | None, now: datetime, time_zone: str = "") -> date | None:
    """The local date of that zone whose run is to take place now; None if there is none.

    `ran_on` is the date of the newest run. However many dates were missed, it is the newest one only: a run
    catches up with all of them. Where mails go on business days only, none takes place on another day.
    """
    if not calendar.runs_by_itself:
        return None
    on = newest_send_date(calendar, now, time_zone)
    if calendar.send_instant(on, time_zone) <= calendar.since or (ran_on is not None and on <= ran_on):
        return None
    takes_place = calendar.takes_place_on(on) and calendar.takes_place_on(calendar.date_at(now, time_zone))
    return on if takes_place else None


def newest_send_date(calendar: Calendar, now: datetime, time_zone: str = "") -> date:
    """The newest local date of that zone whose send time has come."""
    today = calendar.date_at(now, time_zone)
    has_come = calendar.send_instant(today, time_zone) <= now
    return today if has_come else today - timedelta(days=1)


def next_run(calendar: Calendar, ran_on: date | None, now: datetime, time_zone: str = "") -> datetime | None:
    """When the next run of that zone takes place by itself; None while none does."""
    if not calendar.runs_by_itself:
        return None
    if run_due(calendar, ran_on, now, time_zone) is not None:
        return now
    today = calendar.date_at(now, time_zone)
    for on in (today + timedelta(days=ahead) for ahead in range(FARTHEST)):
        at = calendar.send_instant(on, time_zone)
        is_new = ran_on is None or on > ran_on
        if at > now and is_new and calendar.takes_place_on(on):
            return at
    return None

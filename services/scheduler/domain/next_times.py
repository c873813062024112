"""When a type of mail next goes by itself, for organizations in the company's time zone."""

from datetime import date, datetime, timedelta

from services.scheduler.domain.business_days import BusinessDays
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.runs import FARTHEST, next_run


def next_time(
    settings: EmailType, calendar: Calendar, now: datetime, *, ran_on: date | None, summed_on: date | None
) -> datetime | None:
    """With these settings; None if the type has no schedule, or while no run takes place by itself.

    `ran_on` and `summed_on` say how far the company's own runs have come, as in `ZoneRun`. Cards and payments
    are looked at in each run; account summaries in the one that stands for their date, or the next one where
    mails go on business days only and it is none.
    """
    run_at = next_run(calendar, ran_on, now)
    if run_at is None or settings.type is not NoticeType.ACCOUNT_SUMMARY:
        return run_at
    run_on = calendar.date_at(run_at)
    after = _decided_up_to(settings, calendar.days, summed_on, run_on)
    coming = settings.schedule.next_after(after, calendar.days)
    if coming is None:
        return None
    return run_at if coming.on <= run_on else _first_run(calendar, coming.on)


def _decided_up_to(settings: EmailType, days: BusinessDays, summed_on: date | None, first_on: date) -> date:
    """Up to which day no summary goes any more: decided, or missed before the type was turned on.

    If none was decided yet, those from `first_on` on go.
    """

    def before(on: date) -> date:
        return settings.schedule.decided_by(on - timedelta(days=1), days)

    decided = summed_on if summed_on is not None else before(first_on)
    return decided if settings.since is None else max(decided, before(settings.since))


def _first_run(calendar: Calendar, on: date) -> datetime | None:
    """When the first run from that date on takes place."""
    ahead = (on + timedelta(days=days) for days in range(FARTHEST))
    return next((calendar.send_instant(day) for day in ahead if calendar.takes_place_on(day)), None)


def next_dates(
    settings: EmailType, calendar: Calendar, today: date, summed_on: date | None, most: int
) -> list[date]:
    """The next dates on which an account summary would go, whether or not it is on; at most `most`.

    `today` is the company's date, up to the day `summed_on` summaries are decided.
    """
    after = _decided_up_to(settings, calendar.days, summed_on, today)
    after, found = max(after, today - timedelta(days=FARTHEST)), list[date]()
    while len(found) < most:
        coming = settings.schedule.next_after(after, calendar.days)
        if coming is None:
            break
        run_at = _first_run(calendar, coming.on)
        goes_on = calendar.date_at(run_at) if run_at else coming.on
        # What earlier runs have missed goes with the next one, on whatever day that is.
        if goes_on >= today:
            found.append(goes_on)
        after = coming.of
    return found

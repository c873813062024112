"""What the coming days will bring."""

from services.scheduler.domain.calendar import next_tick
from services.scheduler.domain.forecasting import Forecast, days_ahead, due_dates, forecast_lines
from services.scheduler.domain.notice import NoticeType
from services.scheduler.use_cases.exclusions import MOST_EXCLUSIONS
from services.scheduler.use_cases.tick import Ticking, what_would_go


def get_forecast(days_asked: int, *, ticking: Ticking) -> Forecast:
    """What the next tick will send, as a dry run decides it, and who reaches a rule on the days behind it.

    Nobody's mail is told twice: what went out today, or is on its way, is no longer expected.
    """
    days = days_ahead(days_asked)
    now = ticking.clock.now()
    with ticking.store.read() as work:
        calendar = work.calendar.get()
        thresholds = [rule.threshold for rule in work.rules.all() if rule.enabled]
        excluded = work.exclusions.page(NoticeType.DUE_NOTICE, "", MOST_EXCLUSIONS)
    tick_at = next_tick(calendar, now)
    if not thresholds:
        return Forecast(tick_at, (), 0)
    today = calendar.date_at(now)
    going = what_would_go(calendar.date_at(tick_at or now), ticking=ticking)
    first, last = due_dates(thresholds, today, days)
    without = [entry.organization_id for entry in excluded]
    counts = ticking.ledger.count_by_due_date(first, last, without=without)
    lines = forecast_lines(counts, going, thresholds, today, days)
    return Forecast(tick_at, lines, sum(going.mails.values()))

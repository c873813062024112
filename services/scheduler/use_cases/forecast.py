"""What the coming days will bring."""

from services.scheduler.domain.calendar import next_tick
from services.scheduler.domain.forecasting import Forecast, days_ahead, due_dates, forecast_lines
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports import Ledger, Store
from services.scheduler.use_cases.exclusions import MOST_EXCLUSIONS
from services.shared.clock import Clock


def get_forecast(days_asked: int, *, store: Store, ledger: Ledger, clock: Clock) -> Forecast:
    """Counts the invoices that reach an enabled threshold on each day, less excluded organizations."""
    days = days_ahead(days_asked)
    now = clock.now()
    with store.read() as work:
        calendar = work.calendar.get()
        thresholds = [rule.threshold for rule in work.rules.all() if rule.enabled]
        excluded = work.exclusions.page(NoticeType.DUE_NOTICE, "", MOST_EXCLUSIONS)
    if not thresholds:
        return Forecast(next_tick(calendar, now), ())
    today = calendar.date_at(now)
    first, last = due_dates(thresholds, today, days)
    counts = ledger.count_by_due_date(first, last, without=[entry.organization_id for entry in excluded])
    return Forecast(next_tick(calendar, now), forecast_lines(counts, thresholds, today, days))

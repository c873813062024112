"""The first page: what is owed, what went out today, what goes out next."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import grpc
from dunlin.mailer.v1.mailer_pb2 import CountMessagesRequest
from dunlin.paynow.v1.ledger_pb2 import GetBooksSummaryRequest
from dunlin.scheduler.v1.scheduler_pb2 import Forecast, ForecastLine, GetForecastRequest
from flask import Blueprint, render_template

from gateway import dead_letters
from gateway.client_emails.coming import WITH_IMPORTS, kinds_on
from gateway.clients import clients
from gateway.organizations.paused import broken_promises
from gateway.site import company_time, words
from services.shared.wire import instant, timestamp

DAYS_AHEAD = 7

COUNTED_NOW = timedelta(seconds=5)
"""A count that is older says so."""

blueprint = Blueprint("dashboard", __name__)


@dataclass(frozen=True)
class MailsToday:
    """How many messages stand where, of those made today."""

    total: int
    states: tuple[tuple[words.Label, int], ...]


@dataclass(frozen=True)
class ForecastDay:
    """What one of the coming days brings."""

    on: str
    lines: tuple[ForecastLine, ...]

    @property
    def invoices(self) -> int:
        """How many invoices reach a threshold on it."""
        return sum(line.invoices for line in self.lines)


def mails_today() -> MailsToday | None:
    """Counts the mails of the company's local day; None while the mailer is away."""
    begin, end = company_time.span_of(company_time.today(), company_time.zone())
    request = CountMessagesRequest(until=timestamp(end))
    getattr(request, "from").CopyFrom(timestamp(begin))  # "from" is a word of Python
    try:
        counts = clients().mailer.CountMessages(request, timeout=company_time.PATIENCE_SECONDS).counts
    except grpc.RpcError:
        return None
    by_state: dict[int, int] = {count.state: count.messages for count in counts}
    states = tuple(
        (label, by_state[state]) for state, label in words.MESSAGE_STATES.items() if state in by_state
    )
    return MailsToday(sum(by_state.values()), states)


def days_of(forecast: Forecast) -> list[ForecastDay]:
    """The forecast, a day at a time."""
    by_day: dict[str, list[ForecastLine]] = {}
    for line in forecast.lines:
        by_day.setdefault(line.on, []).append(line)
    return [ForecastDay(on, tuple(lines)) for on, lines in by_day.items()]


@blueprint.get("/")
def index() -> str:
    """The dashboard; while the ledger is empty, what to do first."""
    calendar = company_time.calendar()
    books = clients().ledger.GetBooksSummary(GetBooksSummaryRequest(today=calendar.today))
    if not books.organizations:
        return render_template("dashboard_empty.html")
    forecast = clients().scheduler.GetForecast(GetForecastRequest(days=DAYS_AHEAD))
    return render_template(
        "dashboard.html",
        books=books,
        summed_before=datetime.now(UTC) - instant(books.counted_at) > COUNTED_NOW,
        calendar=calendar,
        mails=mails_today(),
        dead_letters=dead_letters.waiting(),
        broken_promises=broken_promises(),
        forecast=forecast,
        kinds_on=kinds_on(),
        with_imports=WITH_IMPORTS,
        days=days_of(forecast),
        counted_before=datetime.now(UTC) - instant(forecast.counted_at) > COUNTED_NOW,
    )

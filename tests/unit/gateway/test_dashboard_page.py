"""The dashboard: what is owed, what went out, what goes out next."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dunlin.mailer.v1 import messages_pb2
from dunlin.paynow.v1.ledger_pb2 import AgingBucket
from dunlin.scheduler.v1 import emails_pb2
from flask import Flask

from gateway.site.charts import aging_charts
from gateway.site.company_time import span_of
from services.shared.database import Database
from services.shared.errors import Busy
from services.shared.wire import timestamp
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import EXPIRATION, SUMMARY
from tests.fakes.gateway_visitor import Page, Visitor, a_site


def words_in(element: Any) -> str:
    """What an element says, with a space between its cells."""
    return " ".join(" ".join(element.itertext()).split())


def figure(page: Page, label: str) -> str:
    return words_in(page.one(f"//div[@class='figure'][dt='{label}']"))


def test_totals_are_shown_for_each_currency(staff: Visitor) -> None:
    page = staff.get("/")
    assert figure(page, "Open in USD") == "Open in USD $11,600.50 4 invoices"
    assert figure(page, "Past due in USD") == "Past due in USD $11,200.50 3 invoices"
    assert figure(page, "Past due in EUR") == "Past due in EUR €880.00 1 invoice"


def test_the_chart_says_the_same_in_words_and_as_a_table(staff: Visitor) -> None:
    page = staff.get("/")
    chart = page.one("//svg[@height][.//title[contains(., 'USD')]]")
    assert chart.get("role") == "img"
    assert "31 to 60 days: $9,900.50" in chart.xpath("string(desc)")
    rows = page.tree.xpath("//section[.//svg[.//title[contains(., 'USD')]]]//tbody/tr")
    assert [words_in(row) for row in rows] == [
        "Not due yet 1 $400.00",
        "1 to 30 days 1 $1,250.00",
        "31 to 60 days 1 $9,900.50",
        "61 to 90 days 0 $0.00",
        "Over 90 days 1 $50.00",
    ]


def test_bars_are_as_long_as_their_share_and_never_too_thin_to_see() -> None:
    [chart] = aging_charts(
        [
            AgingBucket(currency="USD", from_days=0, to_days=0, balance_minor=100_000, invoices=2),
            AgingBucket(currency="USD", from_days=1, to_days=30, balance_minor=25_000, invoices=1),
            AgingBucket(currency="USD", from_days=91, to_days=0, balance_minor=1, invoices=1),
            AgingBucket(currency="USD", from_days=61, to_days=90),
        ]
    )
    assert [bar.percent for bar in chart.bars] == [100, 25, 0.6, 0]
    assert [bar.is_past_due for bar in chart.bars] == [False, True, True, True]


def test_mails_of_today_are_counted_over_the_local_day_of_the_company(
    staff: Visitor, services: FakeServices
) -> None:
    staff.get("/")
    [request] = services.mailer.requests("CountMessages")
    begin, end = span_of(services.today, ZoneInfo("America/Chicago"))
    assert getattr(request, "from").ToDatetime() == begin.replace(tzinfo=None)
    assert request.until.ToDatetime() == end.replace(tzinfo=None)


def test_a_local_day_has_23_or_25_hours_when_clocks_change() -> None:
    zone = ZoneInfo("America/Chicago")
    hours = [
        (end - begin).total_seconds() / 3600
        for begin, end in (
            span_of(day, zone) for day in (date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 4))
        )
    ]
    assert hours == [23, 25, 24]


def test_each_state_of_the_mails_is_named(staff: Visitor, services: FakeServices) -> None:
    calendar_day = span_of(services.today, ZoneInfo("America/Chicago"))[0]
    for message in services.mailer.messages:
        message.created_at.FromDatetime(calendar_day)
        message.state = messages_pb2.MESSAGE_STATE_DEFERRED
    section = staff.get("/").one("//section[@aria-labelledby='mails-today']")
    assert words_in(section) == "Emails today History Deferred 1"


def test_what_goes_out_next_names_the_day_the_rule_and_the_number(staff: Visitor) -> None:
    section = staff.get("/").one("//section[@aria-labelledby='next']").text_content()
    assert "Next run in" in section
    assert "15 days past due" in section
    assert "30 days past due" in section


def coming(page: Page) -> dict[str, str]:
    """What the page says that the next run sends, by type."""
    rows = page.tree.xpath("//section[@aria-labelledby='next']//dl/div")
    return {words_in(row.xpath("dt")[0]): words_in(row.xpath("dd")[0]) for row in rows}


def test_the_next_run_counts_every_due_notice_those_that_catch_up_too(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.forecast.catch_up = 1234
    assert coming(staff.get("/")) == {"Invoice due notices": "1,234 emails"}
    services.scheduler.forecast.catch_up = 0
    assert coming(staff.get("/")) == {"Invoice due notices": "No email"}


def test_every_type_that_is_on_stands_beside_the_due_notices_with_what_the_next_run_sends(
    staff: Visitor, services: FakeServices
) -> None:
    summary = services.emails.types[SUMMARY]
    summary.enabled, summary.schedule.day_of_month = True, 28
    summary.on_new_invoice = emails_pb2.ON_NEW_INVOICE_INVOICES
    services.emails.types[EXPIRATION].enabled = True
    counts = {
        SUMMARY: emails_pb2.EmailCount(at_next_run=12, organizations=12),
        EXPIRATION: emails_pb2.EmailCount(due_now=9, organizations=1, at_next_run=1),
    }
    services.emails.counting = lambda settings: counts[settings.type]
    page = staff.get("/")
    assert list(coming(page)) == [
        "Invoice due notices",
        "Account summary",
        "Invoice notification",
        "Payment method expiration",
    ]
    assert coming(page)["Invoice notification"] == "When one comes in"
    assert services.emails.requests("CountEmails") == [], "the page does not wait for a count"
    paths = page.tree.xpath("//section[@aria-labelledby='next']//@data-load")
    assert [staff.get(path).html for path in paths] == ["12 emails", "1 email"]
    page.one("//script[contains(@src, 'client_emails.js')]")


def test_a_summary_that_goes_on_a_later_day_says_so_beside_the_next_run(
    staff: Visitor, services: FakeServices
) -> None:
    summary = services.emails.types[SUMMARY]
    summary.enabled, summary.schedule.last_day = True, True
    at = timestamp(datetime(2032, 11, 30, 15, tzinfo=UTC))
    services.emails.count = emails_pb2.EmailCount(organizations=14, next_at=at)
    path = "/client-emails/counts/account-summary/next-run"
    assert staff.get(path).html == "No email; 14 on Nov 30, 2032"
    summary.on_new_invoice = emails_pb2.ON_NEW_INVOICE_SUMMARY
    assert staff.get(path).html.endswith("; also when new invoices come in")
    services.emails.count = emails_pb2.EmailCount(at_least=True)
    assert staff.get(path).html.startswith("None among those looked at, but there are more")
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    assert "cannot be counted at this moment" in staff.get(path).html


def test_a_count_of_before_says_when_and_one_that_is_not_there_is_no_zero(
    staff: Visitor, services: FakeServices
) -> None:
    def section() -> str:
        return words_in(staff.get("/").one("//section[@aria-labelledby='next']"))

    forecast = services.scheduler.forecast
    forecast.counted_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=3))
    assert "Counted 3 minutes ago" in section()
    forecast.counted_at.FromDatetime(datetime.now(UTC))
    assert "Counted" not in section()
    forecast.ClearField("counted_at")
    forecast.ClearField("lines")
    assert "are being counted" in section()
    assert "No email" not in section()
    assert "no invoice" not in section()


def test_while_the_daily_run_rests_the_page_says_why_and_how_to_resume_it(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.forecast.ClearField("next_tick_at")
    services.scheduler.calendar.clock_set = True
    page = staff.get("/")
    assert "The daily run rests, because the newest run was for another day." in page.text
    assert "The daily run is off" not in page.text
    assert page.one("//a[.='Run for today']").get("href") == "/client-emails/due-notices/run"


def test_with_the_daily_run_off_the_page_says_so(staff: Visitor, services: FakeServices) -> None:
    services.scheduler.forecast.ClearField("next_tick_at")
    assert "The daily run is off, so nothing of this goes out by itself." in staff.get("/").text


def test_the_rest_is_there_while_the_mailer_is_away(staff: Visitor, services: FakeServices) -> None:
    services.mailer.is_away = True
    page = staff.get("/")
    assert page.status == 200
    assert "The mailer does not answer" in page.text
    assert "$11,600.50" in page.text


def test_an_empty_ledger_says_what_to_do_first(database: Database) -> None:
    site: Flask = a_site(FakeServices(), database)
    page = Visitor(site).sign_in().get("/")
    assert "dunlin sync FILE.csv" in page.text
    page.one("//a[normalize-space(.)='Import invoices']")


def test_sandbox_mode_is_announced_on_every_page_until_it_is_off(
    staff: Visitor, services: FakeServices
) -> None:
    assert "Sandbox mode." in staff.get("/import").text
    services.scheduler.calendar.sandbox = False
    assert "Sandbox mode." not in staff.get("/import").text


def test_figures_of_large_books_say_of_when_they_are(staff: Visitor, services: FakeServices) -> None:
    assert "as of" not in staff.get("/").text
    services.ledger.counted_at = datetime.now(UTC) - timedelta(minutes=3)
    assert "these figures are as of 3 minutes ago" in staff.get("/").text

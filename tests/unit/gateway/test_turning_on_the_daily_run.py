"""Turning the daily run on: how many mails of each type its first run sends, and when, is asked first."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dunlin.scheduler.v1 import emails_pb2
from dunlin.scheduler.v1.scheduler_pb2 import Calendar, ForecastLine
from flask import Flask

from gateway.company.daily_run import first_run
from gateway.site import company_time
from services.shared.errors import Busy
from tests.fakes.clock import SetClock
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import EXPIRATION, SUMMARY, UPCOMING
from tests.fakes.gateway_visitor import Page, Visitor

CALENDAR = "/settings/calendar"
CHICAGO = ZoneInfo("America/Chicago")
EIGHT, TEN = (datetime(2026, 11, 2, hour, tzinfo=CHICAGO).astimezone(UTC) for hour in (8, 10))
TOMORROW = "Tuesday, November 3 at 9:00 AM"


@pytest.fixture(autouse=True)
def clock(site: Flask) -> SetClock:
    """It is Monday, an hour before the run."""
    clock = SetClock(EIGHT)
    site.extensions[company_time.CLOCK] = clock
    return clock


@pytest.fixture(autouse=True)
def the_daily_run_is_off(services: FakeServices) -> None:
    """19 due notices, 3 emails about upcoming payments and one card are due; no summary is."""
    services.scheduler.calendar.automatic = False
    services.scheduler.calendar.today = "2026-11-02"
    services.scheduler.forecast.ClearField("next_tick_at")
    services.scheduler.forecast.ClearField("lines")
    services.scheduler.forecast.catch_up = 19
    counts = {
        SUMMARY: emails_pb2.EmailCount(organizations=12),
        UPCOMING: emails_pb2.EmailCount(due_now=9, at_next_run=3),
        EXPIRATION: emails_pb2.EmailCount(at_next_run=1),
    }
    for type_ in counts:
        services.emails.types[type_].enabled = True
    services.emails.counting = lambda settings: counts[settings.type]


def turn_on(staff: Visitor, page: Page | None = None, **fields: object) -> Page:
    page = page or staff.get(CALENDAR)
    [button, *_] = page.tree.xpath("//button[@name='do' or @form]") or [None]
    do = ("do", button.get("value")) if button is not None else None
    return staff.send(page.one("//main//form"), button=do, automatic=True, **fields)


def test_what_the_first_run_sends_is_told_by_type_and_asked_before_anything_is_saved(
    staff: Visitor, services: FakeServices
) -> None:
    page = turn_on(staff)
    assert "Nothing has been saved yet." in page.text
    assert (
        "19 due notices, 3 emails about upcoming payments and 1 email about expiring cards would go out at "
        "the first run, Monday, November 2 at 9:00 AM, as the books stand."
    ) in page.text
    assert "until then" not in page.text
    assert not services.scheduler.calendar.automatic
    button = page.one("//button[@form='calendar']")
    assert button.text_content() == "Save, and send 23 emails at the first run"
    page = turn_on(staff, page)
    assert "The calendar has been saved. The daily run is on; the first one is " in page.text
    assert services.scheduler.calendar.automatic


def test_the_answer_holds_for_the_calendar_that_was_asked_about_alone(
    staff: Visitor, services: FakeServices
) -> None:
    page = turn_on(staff, turn_on(staff), send_at="11:00")
    assert "Nothing has been saved yet." in page.text
    assert "at 11:00 AM" in page.text
    assert not services.scheduler.calendar.automatic


def test_summaries_whose_day_is_that_of_the_first_run_are_among_them(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.counting = lambda settings: emails_pb2.EmailCount(
        organizations=12 if settings.type == SUMMARY else 0,
        next_dates=["2026-11-02"] if settings.type == SUMMARY else [],
    )
    page = turn_on(staff)
    assert "19 due notices and 12 account summaries would go out at the first run" in page.text
    assert "Save, and send 31 emails at the first run" in page.text


def test_what_cannot_be_counted_is_asked_too(staff: Visitor, services: FakeServices) -> None:
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    services.emails.types[SUMMARY].enabled = services.emails.types[EXPIRATION].enabled = False
    page = turn_on(staff)
    assert "How many emails about upcoming payments would go out then cannot be told now." in page.text
    page.one("//button[.='Turn it on all the same']")
    turn_on(staff, page)
    assert services.scheduler.calendar.automatic


def test_books_too_large_to_look_at_to_the_end_say_at_least_so_many(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.counting = lambda _settings: emails_pb2.EmailCount(at_next_run=20_000, at_least=True)
    page = turn_on(staff)
    assert "at least 20,000 account summaries" in page.text
    assert "Save, and send at least 60,019 emails at the first run" in page.text


def nothing_is_due(services: FakeServices) -> None:
    services.scheduler.forecast.catch_up = 0
    services.emails.counting = lambda _settings: emails_pb2.EmailCount()


def test_where_nothing_is_due_today_it_is_turned_on_without_asking_and_says_when_it_runs_first(
    staff: Visitor, services: FakeServices
) -> None:
    nothing_is_due(services)
    first = "The daily run is on; the first one is Monday, November 2 at 9:00 AM."
    assert first in turn_on(staff).text
    assert services.scheduler.calendar.automatic


def test_who_reaches_a_rule_by_the_day_of_the_first_run_is_among_its_due_notices(
    staff: Visitor, services: FakeServices, clock: SetClock
) -> None:
    clock.set(TEN)
    for on, invoices in (("2026-11-02", 19), ("2026-11-03", 300), ("2026-11-04", 7)):
        services.scheduler.forecast.lines.append(ForecastLine(on=on, threshold_days=7, invoices=invoices))
    page = turn_on(staff)
    assert (
        "About 319 due notices, 3 emails about upcoming payments and 1 email about expiring cards would go "
        f"out at the first run, {TOMORROW}, as the books stand. More may become due until then."
    ) in page.text
    page.one("//button[.='Save, and send about 323 emails at the first run']")
    assert not services.scheduler.calendar.automatic
    nothing_is_due(services)
    assert f"About 300 due notices would go out at the first run, {TOMORROW}" in turn_on(staff).text


def test_a_first_run_on_another_day_is_asked_about_though_nothing_is_due_yet(
    staff: Visitor, services: FakeServices, clock: SetClock
) -> None:
    nothing_is_due(services)
    clock.set(TEN)
    page = turn_on(staff)
    assert (
        f"No email would go out at the first run, {TOMORROW}, as the books stand. "
        "Some may become due until then."
    ) in page.text
    assert not services.scheduler.calendar.automatic
    page.one("//button[.='Turn it on all the same']")
    turn_on(staff, page)
    assert services.scheduler.calendar.automatic


def test_where_nothing_is_on_nothing_is_asked(
    staff: Visitor, services: FakeServices, clock: SetClock
) -> None:
    clock.set(TEN)
    for one in [*services.scheduler.rules.values(), *services.emails.types.values()]:
        one.enabled = False
    assert f"The daily run is on; the first one is {TOMORROW}." in turn_on(staff).text
    assert services.scheduler.calendar.automatic


def test_a_daily_run_that_is_on_asks_nothing(staff: Visitor, services: FakeServices) -> None:
    services.scheduler.calendar.automatic = True
    page = staff.send(staff.get(CALENDAR).one("//main//form"), send_at="10:00")
    assert page.one("//div[@role='status']/p").text_content() == "The calendar has been saved."


def test_a_run_that_waits_for_a_business_day_or_for_the_real_day_says_so(
    staff: Visitor, services: FakeServices
) -> None:
    assert "or on the first business day from then" in turn_on(staff, business_days_only=True).text
    services.scheduler.calendar.clock_set = True
    assert "once you have run the due notices for today" in turn_on(staff).text


def test_the_first_run_is_the_next_send_time_in_the_calendars_own_zone() -> None:
    calendar = Calendar(time_zone="America/Chicago", send_at="09:00")
    before = datetime(2026, 11, 1, 14, 59, tzinfo=UTC)  # the clocks have just gone back
    assert first_run(calendar, before) == datetime(2026, 11, 1, 9, tzinfo=CHICAGO)
    assert first_run(calendar, before + timedelta(minutes=1)) == datetime(2026, 11, 2, 9, tzinfo=CHICAGO)

"""The calendar: local dates, send times in every zone, when runs take place by themselves."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.calendar import Calendar, CalendarSettings, check_calendar, revised
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.domain.runs import next_run, run_due
from services.scheduler.domain.wall_time import instant_of
from services.shared.errors import Invalid

ZONES = sorted(available_timezones())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(time_zone: str = "America/Chicago", send_at: str = "09:00", **but: object) -> CalendarSettings:
    usual = CalendarSettings(time_zone, send_at, sandbox=False, automatic=True)
    return replace(usual, **but)  # type: ignore[arg-type]


CHICAGO = Calendar(told(), since=at("2026-03-01 00:00"))


@pytest.mark.parametrize(
    ("zone", "on", "send_at", "expected"),
    [
        ("America/Chicago", "2026-03-07", "09:00", "2026-03-07 15:00"),
        ("America/Chicago", "2026-03-08", "02:30", "2026-03-08 08:00"),  # 02:00 does not exist: 03:00 CDT
        ("America/Chicago", "2026-03-08", "09:00", "2026-03-08 14:00"),
        ("America/Chicago", "2026-11-01", "01:30", "2026-11-01 06:30"),  # comes twice: the first, CDT
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03 15:30"),  # a gap of half an hour
        ("America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04 03:00"),  # a midnight that does not exist
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30 10:00"),  # a day that does not exist
        ("Asia/Kathmandu", "2026-01-01", "00:00", "2025-12-31 18:15"),
    ],
)
def test_send_times_where_clocks_change(zone: str, on: str, send_at: str, expected: str) -> None:
    assert instant_of(date.fromisoformat(on), send_at, ZoneInfo(zone)) == at(expected)


@settings(max_examples=800, deadline=None)
@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    on=st.dates(date(1990, 1, 1), date(2037, 12, 30)),
    minutes=st.integers(0, 24 * 60 - 1),
)
def test_a_send_time_is_the_first_instant_that_shows_it_or_lies_behind_the_gap(
    zone: ZoneInfo, on: date, minutes: int
) -> None:
    send_at = f"{minutes // 60:02}:{minutes % 60:02}"
    wall = datetime.combine(on, time.fromisoformat(send_at))
    instant = instant_of(on, send_at, zone)

    def shows(when: datetime) -> datetime:
        return when.astimezone(zone).replace(tzinfo=None)

    if shows(instant) == wall:
        # Clocks are put back by these at most; no earlier instant shows the same.
        assert all(shows(instant - timedelta(minutes=m)) != wall for m in (20, 30, 60, 90, 120, 180, 1440))
    else:
        assert shows(instant) > wall
        assert shows(instant - timedelta(seconds=1)) < wall
    assert instant_of(on + timedelta(days=1), send_at, zone) >= instant


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), year=st.integers(1995, 2036), minutes=st.integers(0, 24 * 60 - 1))
def test_a_run_takes_place_once_for_each_local_date_of_a_year(zone: str, year: int, minutes: int) -> None:
    send_at = f"{minutes // 60:02}:{minutes % 60:02}"
    start = instant_of(date(year, 1, 1), send_at, ZoneInfo(zone)) - timedelta(seconds=1)
    calendar = Calendar(told("UTC", send_at), since=start)
    ran, ran_on = [], None
    now = start
    for _ in range(90):
        now = next_run(calendar, ran_on, now, zone) or start
        on = run_due(calendar, ran_on, now, zone)
        assert on is not None
        ran.append(on)
        ran_on = on
        assert run_due(calendar, ran_on, now, zone) is None
    assert ran == [date(year, 1, 1) + timedelta(days=n) for n in range(90)]


def test_the_first_run_is_the_first_send_time_after_the_calendar_was_made() -> None:
    made = replace(CHICAGO, since=at("2026-03-02 16:00"))
    assert run_due(made, None, at("2026-03-02 16:00")) is None
    assert next_run(made, None, at("2026-03-02 16:00")) == at("2026-03-03 15:00")
    assert run_due(made, None, at("2026-03-03 14:59")) is None
    assert run_due(made, None, at("2026-03-03 15:00")) == date(2026, 3, 3)


def test_missed_days_are_caught_up_with_by_one_run_for_the_newest() -> None:
    ran_on = date(2026, 3, 3)
    assert run_due(CHICAGO, ran_on, at("2026-03-10 20:00")) == date(2026, 3, 10)
    assert run_due(CHICAGO, ran_on, at("2026-03-10 06:00")) == date(2026, 3, 9), "before today's send time"
    assert next_run(CHICAGO, ran_on, at("2026-03-10 20:00")) == at("2026-03-10 20:00")


def test_each_zone_has_its_own_run_at_its_own_hour() -> None:
    now = at("2026-03-10 00:30")
    assert run_due(CHICAGO, date(2026, 3, 9), now, "Asia/Tokyo") == date(2026, 3, 10), "09:30 there"
    assert run_due(CHICAGO, date(2026, 3, 9), now) is None, "the evening of the 9th here"
    assert next_run(CHICAGO, date(2026, 3, 9), now, "America/Denver") == at("2026-03-10 15:00")
    assert CHICAGO.date_at(now, "No/Such_Zone") == date(2026, 3, 9), "one that is unknown here is ours"


def test_no_run_while_a_sandbox_has_its_clock_set_or_it_is_off() -> None:
    now = at("2026-03-10 20:00")
    off = replace(CHICAGO, settings=told(automatic=False))
    assert run_due(off, None, now) is None
    assert next_run(off, None, now) is None
    sandbox = replace(CHICAGO, settings=told(sandbox=True))
    assert run_due(replace(sandbox, clock_set=True), None, now) is None
    assert run_due(sandbox, None, now) == date(2026, 3, 10)
    assert run_due(replace(CHICAGO, clock_set=True), None, now) == date(2026, 3, 10)


def test_where_mails_go_on_business_days_only_no_run_takes_place_on_another_day() -> None:
    texas = replace(CHICAGO, settings=told(business_days_only=True, country="US-TX"))
    friday, ran_on = date(2026, 11, 20), date(2026, 11, 19)
    assert run_due(texas, ran_on, at("2026-11-20 15:00")) == friday
    assert run_due(texas, friday, at("2026-11-21 15:00")) is None, "Saturday"
    assert next_run(texas, friday, at("2026-11-21 15:00")) == at("2026-11-23 15:00")
    assert run_due(texas, date(2026, 11, 25), at("2026-11-26 20:00")) is None, "Thanksgiving"
    assert run_due(texas, ran_on, at("2026-11-21 09:00")) is None, "Friday's run is not made up on Saturday"
    assert run_due(texas, ran_on, at("2026-11-23 15:00")) == date(2026, 11, 23), "but on Monday"


def test_a_mail_waits_for_the_end_of_quiet_hours_and_for_a_business_day_of_its_reader() -> None:
    quiet = QuietHours("20:00", "08:00")
    calendar = replace(CHICAGO, settings=told(quiet=quiet))
    assert calendar.may_go_at(at("2026-11-20 18:00")) == at("2026-11-20 18:00"), "noon"
    assert calendar.may_go_at(at("2026-11-21 03:00")) == at("2026-11-21 14:00"), "21:00, so until 08:00"
    assert calendar.may_go_at(at("2026-11-20 18:00"), "Europe/Berlin") == at("2026-11-20 18:00")
    assert calendar.may_go_at(at("2026-11-20 19:30"), "Europe/Berlin") == at("2026-11-21 07:00")
    business = replace(calendar, settings=told(quiet=quiet, business_days_only=True))
    assert business.may_go_at(at("2026-11-20 19:30"), "Europe/Berlin") == at("2026-11-23 08:00"), (
        "Saturday is no business day: Monday at the send time, 09:00 there"
    )


def test_saving_a_new_schedule_sends_nothing_at_once() -> None:
    now, ran_on = at("2026-03-10 20:00"), date(2026, 3, 9)
    late = replace(CHICAGO, settings=told(send_at="18:00"))
    earlier = revised(late, told(send_at="10:00"), now=now)
    assert run_due(earlier, ran_on, now) is None
    assert next_run(earlier, ran_on, now) == at("2026-03-11 15:00")
    assert revised(late, told(send_at="18:00"), now=now) == late, "saving what was there changes nothing"
    assert revised(late, told(send_at="18:00", country="DE"), now=now).since == late.since


def test_days_that_become_business_days_bring_no_run_at_once() -> None:
    saturday, friday = at("2026-11-21 20:00"), date(2026, 11, 20)
    business = replace(CHICAGO, settings=told(business_days_only=True))
    assert run_due(business, friday, saturday) is None
    every_day = revised(business, told(), now=saturday)
    assert run_due(every_day, friday, saturday) is None
    assert next_run(every_day, friday, saturday) == at("2026-11-22 15:00")
    abroad = revised(business, told(business_days_only=True, country="IL"), now=saturday)
    assert run_due(abroad, friday, saturday) is None


def test_leaving_the_sandbox_forgets_the_set_clock() -> None:
    now = at("2026-03-10 20:00")
    sandbox = replace(CHICAGO, settings=told(sandbox=True), clock_set=True)
    real = revised(sandbox, told(), now=now)
    assert not real.clock_set
    assert run_due(real, None, now) is None
    assert next_run(real, None, now) == at("2026-03-11 14:00")


@pytest.mark.parametrize(
    ("but", "reasons"),
    [
        ({}, {}),
        ({"time_zone": "UTC", "send_at": "23:59"}, {}),
        ({"country": "US-TX"}, {}),
        ({"quiet": QuietHours("20:00", "08:00")}, {}),
        ({"time_zone": "Mars/Olympus"}, {"time_zone": "TIME_ZONE_UNKNOWN"}),
        ({"time_zone": ""}, {"time_zone": "TIME_ZONE_UNKNOWN"}),
        ({"time_zone": "../../etc/passwd"}, {"time_zone": "TIME_ZONE_UNKNOWN"}),
        ({"send_at": "9:00"}, {"send_at": "TIME_MALFORMED"}),
        ({"send_at": "24:00"}, {"send_at": "TIME_MALFORMED"}),
        ({"send_at": "09:00\n"}, {"send_at": "TIME_MALFORMED"}),
        ({"send_at": "٠٩:٠٠"}, {"send_at": "TIME_MALFORMED"}),
        ({"country": "us"}, {"country": "COUNTRY_UNKNOWN"}),
        ({"country": "US-XX"}, {"country": "COUNTRY_UNKNOWN"}),
        ({"country": "USA"}, {"country": "COUNTRY_UNKNOWN"}),
        ({"quiet": QuietHours("20:00", "")}, {"quiet_until": "QUIET_HOURS_HALF"}),
        ({"quiet": QuietHours("", "08:00")}, {"quiet_from": "QUIET_HOURS_HALF"}),
        ({"quiet": QuietHours("8", "08:00")}, {"quiet_from": "TIME_MALFORMED"}),
        ({"quiet": QuietHours("08:00", "08:00")}, {"quiet_until": "QUIET_HOURS_EMPTY"}),
        ({"quiet": QuietHours("08:00", "10:00")}, {"send_at": "SEND_AT_IS_QUIET"}),
        (
            {"time_zone": "utc?", "send_at": "noon"},
            {"time_zone": "TIME_ZONE_UNKNOWN", "send_at": "TIME_MALFORMED"},
        ),
    ],
)
def test_a_wrong_calendar_names_each_wrong_field(but: dict[str, object], reasons: dict[str, str]) -> None:
    try:
        check_calendar(told(**but))  # type: ignore[arg-type]
        found = {}
    except Invalid as refused:
        found = {v.field.removeprefix("calendar."): v.reason for v in refused.violations}
    assert found == reasons

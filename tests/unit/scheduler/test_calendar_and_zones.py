"""The calendar: local dates, send times in every zone, when the automatic tick runs."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.calendar import (
    Calendar,
    check_calendar,
    next_tick,
    revised,
    send_instant,
    tick_due,
)
from services.shared.errors import Invalid

ZONES = sorted(available_timezones())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CHICAGO = Calendar("America/Chicago", "09:00", sandbox=False, automatic=True, since=at("2026-03-01 00:00"))


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
    assert send_instant(date.fromisoformat(on), send_at, ZoneInfo(zone)) == at(expected)


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
    instant = send_instant(on, send_at, zone)

    def shows(when: datetime) -> datetime:
        return when.astimezone(zone).replace(tzinfo=None)

    if shows(instant) == wall:
        # Clocks are put back by these at most; no earlier instant shows the same.
        assert all(shows(instant - timedelta(minutes=m)) != wall for m in (20, 30, 60, 90, 120, 180, 1440))
    else:
        assert shows(instant) > wall
        assert shows(instant - timedelta(seconds=1)) < wall
    assert send_instant(on + timedelta(days=1), send_at, zone) >= instant


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), year=st.integers(1995, 2036), minutes=st.integers(0, 24 * 60 - 1))
def test_the_automatic_tick_runs_once_for_each_local_date_of_a_year(
    zone: str, year: int, minutes: int
) -> None:
    send_at = f"{minutes // 60:02}:{minutes % 60:02}"
    start = send_instant(date(year, 1, 1), send_at, ZoneInfo(zone)) - timedelta(seconds=1)
    calendar = Calendar(zone, send_at, sandbox=False, automatic=True, since=start)
    ticked = []
    now = start
    for _ in range(90):
        now = next_tick(calendar, now) or start
        on = tick_due(calendar, now)
        assert on is not None
        ticked.append(on)
        calendar = replace(calendar, ticked_on=on)
        assert tick_due(calendar, now) is None
    assert ticked == [date(year, 1, 1) + timedelta(days=n) for n in range(90)]


def test_the_first_automatic_tick_is_the_first_send_time_after_the_calendar_was_made() -> None:
    made = replace(CHICAGO, since=at("2026-03-02 16:00"))
    assert tick_due(made, at("2026-03-02 16:00")) is None
    assert next_tick(made, at("2026-03-02 16:00")) == at("2026-03-03 15:00")
    assert tick_due(made, at("2026-03-03 14:59")) is None
    assert tick_due(made, at("2026-03-03 15:00")) == date(2026, 3, 3)


def test_missed_days_are_caught_up_with_by_one_tick_for_the_newest() -> None:
    behind = replace(CHICAGO, ticked_on=date(2026, 3, 3))
    assert tick_due(behind, at("2026-03-10 20:00")) == date(2026, 3, 10)
    assert tick_due(behind, at("2026-03-10 06:00")) == date(2026, 3, 9), "before today's send time"
    assert next_tick(behind, at("2026-03-10 20:00")) == at("2026-03-10 20:00")


def test_no_automatic_tick_while_a_sandbox_has_its_clock_set_or_it_is_off() -> None:
    now = at("2026-03-10 20:00")
    assert tick_due(replace(CHICAGO, automatic=False), now) is None
    assert next_tick(replace(CHICAGO, automatic=False), now) is None
    assert tick_due(replace(CHICAGO, sandbox=True, clock_set=True), now) is None
    assert tick_due(replace(CHICAGO, sandbox=True), now) == date(2026, 3, 10)
    assert tick_due(replace(CHICAGO, clock_set=True), now) == date(2026, 3, 10)


def test_saving_a_new_schedule_sends_nothing_at_once() -> None:
    now = at("2026-03-10 20:00")
    late = replace(CHICAGO, send_at="18:00", ticked_on=date(2026, 3, 9))
    settings = {"time_zone": "America/Chicago", "sandbox": False, "automatic": True}
    earlier = revised(late, **settings, send_at="10:00", now=now)  # type: ignore[arg-type]
    assert tick_due(earlier, now) is None
    assert next_tick(earlier, now) == at("2026-03-11 15:00")
    same = revised(late, **settings, send_at="18:00", now=now)  # type: ignore[arg-type]
    assert same == late, "saving what was there changes nothing"


def test_leaving_the_sandbox_forgets_the_set_clock() -> None:
    now = at("2026-03-10 20:00")
    sandbox = replace(CHICAGO, sandbox=True, clock_set=True)
    real = revised(
        sandbox, time_zone="America/Chicago", send_at="09:00", sandbox=False, automatic=True, now=now
    )
    assert not real.clock_set
    assert tick_due(real, now) is None
    assert next_tick(real, now) == at("2026-03-11 14:00")


@pytest.mark.parametrize(
    ("zone", "send_at", "fields"),
    [
        ("America/Chicago", "09:00", []),
        ("UTC", "23:59", []),
        ("Mars/Olympus", "09:00", ["calendar.time_zone"]),
        ("", "09:00", ["calendar.time_zone"]),
        ("../../etc/passwd", "09:00", ["calendar.time_zone"]),
        ("UTC", "9:00", ["calendar.send_at"]),
        ("UTC", "24:00", ["calendar.send_at"]),
        ("UTC", "09:00\n", ["calendar.send_at"]),
        ("UTC", "٠٩:٠٠", ["calendar.send_at"]),
        ("utc?", "noon", ["calendar.time_zone", "calendar.send_at"]),
    ],
)
def test_a_wrong_calendar_names_each_wrong_field(zone: str, send_at: str, fields: list[str]) -> None:
    try:
        check_calendar(zone, send_at)
        violations = []
    except Invalid as refused:
        violations = [violation.field for violation in refused.violations]
    assert violations == fields

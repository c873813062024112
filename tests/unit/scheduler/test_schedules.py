"""Monthly schedules, business days and quiet hours: every occurrence once, in every zone and year."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.business_days import BusinessDays, business_days, countries
from services.scheduler.domain.calendar import Calendar, CalendarSettings
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.occurrences import expiry_of
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.domain.runs import run_due
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.use_cases.sweeps import summary_days

ZONES = sorted(available_timezones())
FIRST, LAST = date(2020, 1, 1), date(2035, 12, 31)
WEEKDAYS = business_days("")


@pytest.mark.parametrize(
    ("day", "closed", "month", "country", "expected"),
    [
        (15, ClosedDays.SEND, "2026-11", "", "2026-11-15"),  # a Sunday
        (15, ClosedDays.SKIP, "2026-11", "", None),
        (15, ClosedDays.BEFORE, "2026-11", "", "2026-11-13"),
        (15, ClosedDays.AFTER, "2026-11", "", "2026-11-16"),
        (26, ClosedDays.AFTER, "2026-11", "US", "2026-11-27"),  # Thanksgiving
        (26, ClosedDays.AFTER, "2026-11", "GB", "2026-11-26"),
        (1, ClosedDays.BEFORE, "2027-01", "DE", "2026-12-31"),  # into the year before
        (0, ClosedDays.AFTER, "2027-01", "", "2027-02-01"),  # the 31st is a Sunday: into the next month
        (0, ClosedDays.SEND, "2028-02", "", "2028-02-29"),
        (28, ClosedDays.SEND, "2027-02", "", "2027-02-28"),
        (15, ClosedDays.CALENDAR, "2026-11", "", "2026-11-15"),
        (None, ClosedDays.SEND, "2027-02", "", None),
    ],
)
def test_on_which_date_a_month_s_summary_falls(
    day: int | None, closed: ClosedDays, month: str, country: str, expected: str | None
) -> None:
    of = date.fromisoformat(f"{month}-01")
    found = Monthly(day, closed).falls_on(of.year, of.month, business_days(country))
    assert found == (date.fromisoformat(expected) if expected else None)


def test_a_schedule_that_leaves_it_to_the_calendar_follows_whether_mails_go_on_business_days_only() -> None:
    schedule, only = Monthly(15, ClosedDays.CALENDAR), business_days("", only=True)
    assert schedule.falls_on(2026, 11, only) == date(2026, 11, 16), "the 15th is a Sunday"
    assert schedule.falls_on(2026, 12, only) == date(2026, 12, 15)
    assert Monthly(15, ClosedDays.SEND).falls_on(2026, 11, only) == date(2026, 11, 15)


SCHEDULES = st.builds(Monthly, st.integers(0, 28), st.sampled_from(list(ClosedDays)))
COUNTRIES = st.sampled_from(["", "US", "US-TX", "DE-BY", "JP", "IL", "SA", "CN"])


@settings(max_examples=300, deadline=None)
@given(SCHEDULES, COUNTRIES, st.dates(FIRST, LAST), st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_whatever_the_steps_each_date_of_a_schedule_is_met_once(
    schedule: Monthly, country: str, start: date, steps: list[int]
) -> None:
    days, met, after = business_days(country, only=True), list[date](), start
    decided = first = schedule.decided_by(start, days)
    for step in steps:
        after += timedelta(days=step)
        met += [one.on for one in schedule.between(decided, after, days)]
        decided = schedule.decided_by(after, days)
    assert met == [one.on for one in schedule.between(first, after, days)]
    assert all(start < on <= after for on in met)
    assert len(met) == len(set(met))
    if schedule.closed_days is not ClosedDays.SKIP:
        # One for each month, and at either end one that may fall on the other side of it.
        months = (after.year - start.year) * 12 + after.month - start.month
        assert months - 2 <= len(met) <= months + 2
    if schedule.closed_days is not ClosedDays.SEND:
        assert all(days.is_open(on) for on in met)


CALENDARS = st.builds(
    business_days, st.sampled_from(["", "US", "GB", "DE-BY", "JP", "IL", "CN"]), only=st.booleans()
)


@settings(max_examples=300, deadline=None)
@given(
    SCHEDULES,
    st.dates(FIRST, LAST),
    st.lists(st.tuples(st.integers(1, 40), CALENDARS, st.sampled_from(list(ClosedDays))), min_size=1),
)
def test_whatever_calendars_in_whatever_order_there_is_one_summary_for_each_month(
    schedule: Monthly, start: date, runs: list[tuple[int, BusinessDays, ClosedDays]]
) -> None:
    """Also whatever becomes of closed days; only by SKIP may a month have none."""
    first = decided = schedule.decided_by(start, WEEKDAYS)
    met, today, skips = list[date](), start, False
    for step, days, closed_days in runs:
        schedule, today = replace(schedule, closed_days=closed_days), today + timedelta(days=step)
        met += [one.of for one in schedule.between(decided, today, days)]
        decided = schedule.decided_by(today, days)
        skips |= closed_days is ClosedDays.SKIP
    each = replace(schedule, closed_days=ClosedDays.SEND).between(first, max([today, *met]), WEEKDAYS)
    assert len(met) == len(set(met))
    expected = {one.of for one in each}
    assert set(met) <= expected
    if not skips:
        assert all(of > decided for of in expected - set(met)), "what was not told is still to come"


@pytest.mark.parametrize("part", range(8))
def test_in_every_zone_and_year_each_summary_happens_once_whatever_the_outages(part: int) -> None:
    """From 2020 to 2035, with the clock looked at now and then, over gaps, folds and outages.

    An occurrence happens by being sent, or, in an outage that it shares with a later one, by being replaced.
    """
    for zone in ZONES[part::8]:
        chance = random.Random(zone)
        settings = EmailType(
            NoticeType.ACCOUNT_SUMMARY,
            enabled=True,
            schedule=Monthly(chance.choice([0, 1, 15, 28]), chance.choice(list(ClosedDays))),
        )
        send_at = chance.choice(["00:00", "01:30", "02:15", "02:30", "09:00", "23:59"])
        calendar = Calendar(
            CalendarSettings("UTC", send_at, sandbox=False, automatic=True), datetime(2019, 12, 1, tzinfo=UTC)
        )
        sent, replaced = Counter[date](), Counter[date]()
        decided = settings.schedule.decided_by(FIRST - timedelta(days=1), WEEKDAYS)
        run = ZoneRun(zone, FIRST - timedelta(days=1), decided)
        now = datetime(2020, 1, 1, 0, tzinfo=UTC) + timedelta(hours=14)
        while now.year < 2036:
            on = run_due(calendar, run.ran_on, now, zone)
            if on is not None:
                today = calendar.date_at(now, zone)
                *passed, newest = [None, *summary_days(settings, run, today, WEEKDAYS)]
                if newest:
                    sent[newest] += 1
                    replaced.update(p for p in passed if p)
                    assert settings.schedule.closed_days is ClosedDays.BEFORE or newest <= today
                run = ZoneRun(zone, on, settings.schedule.decided_by(today, WEEKDAYS))
            now += chance.choice(
                [timedelta(hours=7), timedelta(days=1), timedelta(days=chance.randint(1, 90))]
            )
        expected = [one.of for one in settings.schedule.between(decided, today, WEEKDAYS)]
        assert sorted(sent | replaced) == expected, zone
        assert not sent.keys() & replaced.keys(), zone
        assert max((sent | replaced).values()) == 1, zone


@pytest.mark.parametrize("part", range(4))
def test_in_every_zone_quiet_hours_end_as_soon_as_they_are_over(part: int) -> None:
    for zone_name in ZONES[part::4]:
        zone, chance = ZoneInfo(zone_name), random.Random(zone_name)
        quiet = QuietHours(*(f"{chance.randrange(24):02}:{chance.choice((0, 15, 30)):02}" for _ in range(2)))
        if quiet.start == quiet.end:
            continue
        for _ in range(12):
            instant = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(16 * 525_600))
            over = quiet.over_at(instant, zone)
            assert over >= instant
            assert not quiet.hold(f"{over.astimezone(zone):%H:%M}")
            minutes = range(0, int((over - instant).total_seconds() // 60))
            waiting = (instant + timedelta(minutes=m) for m in minutes)
            assert all(quiet.hold(f"{at.astimezone(zone):%H:%M}") for at in waiting), (zone_name, instant)


@pytest.mark.parametrize(
    ("quiet", "zone", "instant", "expected"),
    [
        (
            ("22:00", "02:30"),
            "America/Chicago",
            "2026-03-08 07:30",
            "2026-03-08 08:00",
        ),  # 02:30 does not exist
        (("22:00", "01:30"), "America/Chicago", "2026-11-01 05:30", "2026-11-01 06:30"),  # the first 01:30
        (("22:00", "01:30"), "America/Chicago", "2026-11-01 07:10", "2026-11-01 07:30"),  # quiet again: 01:10
        (("08:00", "09:00"), "UTC", "2026-11-01 08:59", "2026-11-01 09:00"),
        (("08:00", "09:00"), "UTC", "2026-11-01 09:00", "2026-11-01 09:00"),
        (("", ""), "UTC", "2026-11-01 03:00", "2026-11-01 03:00"),
    ],
)
def test_quiet_hours_where_clocks_change(
    quiet: tuple[str, str], zone: str, instant: str, expected: str
) -> None:
    begin = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    end = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert QuietHours(*quiet).over_at(begin, ZoneInfo(zone)) == end


def test_business_days_of_every_country_come_back_within_a_month() -> None:
    for country in countries():
        days = BusinessDays(country)
        for year in (2024, 2026):
            on = date(year, 1, 1)
            while on.year == year:
                assert days.is_open(days.at_or_after(on)), (country, on)
                on += timedelta(days=1)


@settings(max_examples=300, deadline=None)
@given(st.integers(2020, 2035), st.integers(1, 12))
def test_a_card_is_told_once_before_it_expires_and_then_once_a_week(year: int, month: int) -> None:
    expired_on = date(year + month // 12, month % 12 + 1, 1)
    last_day = expired_on - timedelta(days=1)
    told = [expiry_of(year, month, expired_on + timedelta(days=n)) for n in range(-60, 70)]
    before = [
        on
        for n, one in enumerate(told)
        if one and one.week is None
        for on in [expired_on + timedelta(days=n - 60)]
    ]
    assert before[-1] == last_day, "up to its last day"
    assert 27 <= (last_day - before[0]).days <= 31, "from a month before"
    weeks = Counter(one.week for one in told if one and one.week is not None)
    assert all(count == 7 for week, count in weeks.items() if week < 9)
    for n, one in enumerate(told):
        today = expired_on + timedelta(days=n - 60)
        assert one is None or one.since <= today
        assert one is None or one.week is None or one.since == expired_on + timedelta(days=7 * one.week)

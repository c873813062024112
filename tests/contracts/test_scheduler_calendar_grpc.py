"""The calendar over the wire, on each database: it is kept whole, and a summary may leave holidays to it."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dunlin.scheduler.v1 import emails_pb2, notices_pb2
from dunlin.scheduler.v1 import scheduler_pb2 as pb

from services.shared.wire import timestamp
from tests.contracts.scheduler_program import SchedulerProgram, refused, running
from tests.servers import DATABASES, MigratedUrl

SUMMARY = notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY
CALENDAR = pb.Calendar(
    time_zone="America/New_York",
    send_at="09:00",
    sandbox=True,
    country="US",
    business_days_only=True,
    quiet_from="21:00",
    quiet_until="07:30",
)
CHRISTMAS = date(2099, 12, 25)
"""A Friday; the next business day is Monday."""


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        yield program


def save(peers: SchedulerProgram, calendar: pb.Calendar) -> pb.Calendar:
    return peers.scheduler.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar))


def run(peers: SchedulerProgram, day: date) -> int:
    """How many mails a run at noon in New York brings."""
    at = datetime.combine(day, time(12), ZoneInfo(CALENDAR.time_zone))
    return list(peers.scheduler.RunTick(pb.RunTickRequest(as_of=timestamp(at))))[-1].counts.queued


def test_a_calendar_is_kept_whole_and_a_wrong_one_changes_nothing(peers: SchedulerProgram) -> None:
    saved = save(peers, CALENDAR)
    saved.today = ""
    assert saved == CALENDAR
    wrong = pb.Calendar()
    wrong.CopyFrom(CALENDAR)
    wrong.country, wrong.quiet_until, wrong.send_at = "XX", "", "22:00"
    refusal = refused(lambda: save(peers, wrong))
    assert {(one.field, one.reason) for one in refusal.violations} >= {
        ("calendar.country", "COUNTRY_UNKNOWN"),
        ("calendar.quiet_until", "QUIET_HOURS_HALF"),
    }
    kept = peers.scheduler.GetCalendar(pb.GetCalendarRequest())
    kept.today = ""
    assert kept == CALENDAR


def test_a_summary_that_follows_the_calendar_leaves_a_holiday_out_and_goes_on_the_next_business_day(
    peers: SchedulerProgram,
) -> None:
    save(peers, CALENDAR)
    schedule = emails_pb2.SummarySchedule(day_of_month=CHRISTMAS.day)
    settings = emails_pb2.EmailType(type=SUMMARY, enabled=True, schedule=schedule)
    saved = peers.emails.UpdateEmailType(emails_pb2.UpdateEmailTypeRequest(email_type=settings))
    assert saved.schedule == schedule, "what the calendar decides stays the calendar's"
    run(peers, CHRISTMAS - timedelta(days=1))
    assert [run(peers, CHRISTMAS + timedelta(days=days)) for days in range(4)] == [0, 0, 0, 1]

"""The days of the cap are the company's: they follow its time zone, and every instant lies in one of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.message import Lane
from services.mailer.domain.sending import CompanyZone, Limits, beginning, today
from services.mailer.use_cases.sending import follow_time_zone
from tests.fakes.mailer_desk import Office


@pytest.fixture
def office() -> Office:
    return Office()


def test_the_day_is_that_of_the_companys_zone(office: Office) -> None:
    office.clock.set(datetime(2026, 3, 2, 22, 30, tzinfo=UTC))
    office.limit(daily_cap=1, time_zone="Europe/Berlin")
    office.accept(2)
    office.run_all()
    assert len(office.transport.sent) == 1
    office.wait(minutes=31)
    office.run_all()
    assert len(office.transport.sent) == 2


def test_the_day_moves_with_the_companys_zone_and_nothing_else_changes(office: Office) -> None:
    office.clock.set(datetime(2026, 3, 2, 22, 30, tzinfo=UTC))
    office.limit(daily_cap=2, domain_per_minute=60_000, time_zone="UTC")
    office.accept(1)
    office.run_all()
    office.wait(minutes=31)
    office.reviews.company_time_zone = "Europe/Berlin"
    office.accept(3, start=2)
    office.run_all()
    assert office.standing().sending.limits == Limits(2, 60_000, "Europe/Berlin")
    assert (len(office.transport.sent), office.standing().sent_today) == (3, 2), "a new day has begun there"
    for unknown in ("", "Mars/Base"):
        office.reviews.company_time_zone = unknown
        office.accept(1, start=10, lane=Lane.AT_ONCE)
        office.run_all()
        assert office.standing().sending.limits.time_zone == "Europe/Berlin"


def test_with_the_cap_reached_the_next_midnight_is_that_of_the_zone_by_then(office: Office) -> None:
    """Nobody looks at mails that wait for another day, so no second look would ever tell of the change."""
    office.clock.set(datetime(2026, 3, 2, 20, 30, tzinfo=UTC))
    office.limit(daily_cap=1)
    office.accept(2)
    office.run_all()
    office.reviews.company_time_zone = "Europe/Berlin"
    office.wait(minutes=2)
    office.run_all()
    assert office.standing().sending.limits.time_zone == "Europe/Berlin"
    assert len(office.transport.sent) == 1
    office.clock.set(datetime(2026, 3, 2, 23, 1, tzinfo=UTC))
    office.run_all()
    assert len(office.transport.sent) == 2
    office.wait(minutes=1)
    asked = len(office.reviews.asked)
    for _ in range(100):
        office.run_all()
    assert len(office.reviews.asked) <= asked + 1, "once in a minute is enough"


def test_an_older_answer_takes_no_change_of_the_zone_back(office: Office) -> None:
    """Two workers ask at once, one of them just before the change: its answer comes last."""
    office.limit(daily_cap=10, time_zone="UTC")
    office.accept(2)

    def changed_meanwhile(_count: int) -> None:
        office.reviews.meanwhile = lambda _count: None
        with office.store.write() as work:
            new = CompanyZone("Europe/Berlin", instead_of="UTC")
            assert follow_time_zone(Limits(10), new, work, office.clock.now()).time_zone == new.name
            assert follow_time_zone(Limits(10), new, work, office.clock.now()).time_zone == new.name

    office.reviews.company_time_zone = "America/Chicago"
    office.reviews.meanwhile = changed_meanwhile
    office.run_all()
    assert len(office.transport.sent) == 2
    assert office.standing().sending.limits.time_zone == "Europe/Berlin"


def test_limits_without_a_time_zone_leave_it_as_it_is(office: Office) -> None:
    office.limit(time_zone="Europe/Berlin")
    assert office.limit(daily_cap=7, time_zone="").sending.limits == Limits(7, 0, "Europe/Berlin")


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones())),
    at=st.datetimes(datetime(2015, 1, 1), datetime(2036, 1, 1)),
)
def test_each_instant_lies_in_the_day_that_it_is_counted_on(zone: str, at: datetime) -> None:
    limits, at = Limits(time_zone=zone), at.replace(tzinfo=UTC)
    day = today(limits, at)
    begins_at = beginning(limits, day)
    assert begins_at <= at
    assert begins_at.astimezone(ZoneInfo(zone)).date() == day
    just_before = begins_at - timedelta(microseconds=1)
    assert just_before.astimezone(ZoneInfo(zone)).date() < day

"""What `dunlin tick` asks for and prints."""

from __future__ import annotations

import pytest
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from tests.unit.cli.test_commands import Dunlin, FakeCompany, company, dunlin

__all__ = ["company", "dunlin"]

DUE = "due_notice: 4 queued, 1 held, 2 skipped, 3 superseded, 5 unchanged\n"
DUE_COUNTS = {"queued": 4, "held": 1, "skipped": 2, "superseded": 3, "unchanged": 5}
SUMMARY_COUNTS = {"queued": 12, "held": 0, "skipped": 1, "superseded": 0, "unchanged": 0}


@pytest.fixture
def summaries(company: FakeCompany) -> None:
    """The day brings account summaries too."""
    company.services.scheduler.other_types = {
        notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY: scheduler_pb2.TickCounts(queued=12, skipped=1)
    }


@pytest.mark.usefixtures("summaries")
def test_a_tick_decides_on_the_whole_day_and_prints_a_line_for_each_type(
    dunlin: Dunlin, company: FakeCompany
) -> None:
    summary = "account_summary: 12 queued, 0 held, 1 skipped, 0 superseded, 0 unchanged\n"
    assert dunlin("tick").out == (
        f"As of {company.calendar.today}, 20 invoices, organizations and cards looked at:\n{DUE}{summary}"
    )
    [counts] = dunlin("tick", "--json", "--dry-run").lines
    assert counts == {
        "today": company.calendar.today,
        "dry_run": True,
        "only_due_notices": False,
        "examined": 20,
        "queued": 16,
        "held": 1,
        "skipped": 3,
        "superseded": 3,
        "unchanged": 5,
        "types": {"due_notice": DUE_COUNTS, "account_summary": SUMMARY_COUNTS},
    }
    asked = company.services.scheduler.requests("RunTick")
    assert [(one.dry_run, one.only_due_notices) for one in asked] == [(False, False), (True, False)]


@pytest.mark.usefixtures("summaries")
def test_a_tick_may_be_of_due_notices_alone(dunlin: Dunlin, company: FakeCompany) -> None:
    ran = dunlin("tick", "--only-due-notices")
    assert ran.out == f"As of {company.calendar.today}, 10 invoices looked at:\n{DUE}"
    [counts] = dunlin("tick", "--only-due-notices", "--json").lines
    assert (counts["only_due_notices"], counts["queued"], counts["types"]) == (
        True,
        4,
        {"due_notice": DUE_COUNTS},
    )
    assert all(one.only_due_notices for one in company.services.scheduler.requests("RunTick"))


def test_a_tick_that_finds_nothing_says_so(dunlin: Dunlin, company: FakeCompany) -> None:
    company.services.scheduler.tick.Clear()
    assert dunlin("tick").out.endswith(" cards looked at:\nnothing to decide on\n")


def test_the_help_says_that_every_type_is_decided_on_at_any_hour(dunlin: Dunlin) -> None:
    told = " ".join(dunlin("tick", "--help").out.split())
    assert "account summaries, upcoming payments and expiring cards where their type is on" in told
    assert "also before the hour in the settings" in told


@pytest.mark.parametrize(
    ("given", "utc"),
    [
        ("2026-07-01", "2026-07-01T17:00:00"),
        ("2026-01-01", "2026-01-01T18:00:00"),
        ("2026-07-01T23:30", "2026-07-02T04:30:00"),
        ("2026-07-01T23:30:00Z", "2026-07-01T23:30:00"),
        ("2026-07-01T23:30+02:00", "2026-07-01T21:30:00"),
    ],
)
def test_a_date_means_noon_in_the_companys_zone(
    dunlin: Dunlin, company: FakeCompany, given: str, utc: str
) -> None:
    assert dunlin("tick", "--as-of", given).code == 0
    [request] = company.services.scheduler.requests("RunTick")
    assert request.as_of.ToDatetime().isoformat() == utc


def test_a_tick_for_another_day_says_that_the_automatic_run_rests(
    dunlin: Dunlin, company: FakeCompany
) -> None:
    rests = "The automatic run rests until a tick without --as-of.\n"
    assert dunlin("tick", "--as-of", "2026-01-01").err == rests
    assert dunlin("tick", "--as-of", "2026-01-01", "--dry-run").err == ""
    assert dunlin("tick").err == ""
    company.services.scheduler.calendar.automatic = False
    assert dunlin("tick", "--as-of", "2026-01-01").err == ""


def test_a_clock_that_may_not_be_set_is_a_refusal_with_its_reason(
    dunlin: Dunlin, company: FakeCompany
) -> None:
    company.services.scheduler.calendar.sandbox = False
    ran = dunlin("tick", "--as-of", "2026-01-01")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "Error: The clock can only be set in sandbox mode. (CLOCK_NOT_SETTABLE)\n"

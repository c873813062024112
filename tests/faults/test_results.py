"""The table of faults says what did not hold."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.results import UNFINISHED, Result, report, shortfalls

GOOD = Result(
    "random-kills",
    "full",
    1,
    5_000,
    500,
    kills={"scheduler-serve": 120, "gateway": 80},
    seconds_to_idle=59.9,
    backlog_seconds=12.0,
    commit="abc",
)


def test_a_full_run_that_went_well_is_short_of_nothing() -> None:
    assert shortfalls([GOOD]) == []
    assert "All promises held." in report([GOOD])


def test_seconds_to_idle_are_told_as_they_are_also_where_the_mails_left_explain_them() -> None:
    late = replace(GOOD, seconds_to_idle=75.0, backlog_seconds=70.0)
    assert shortfalls([late]) == [
        "random-kills: idle after 75.0 s instead of 60; the mails left alone take 70 s"
    ]
    assert "| 75.0 s, **missed** | 0 | 70 s |" in report([late])


def test_a_run_with_too_few_kills_or_without_one_of_a_program_is_short() -> None:
    few = replace(GOOD, kills={"scheduler-serve": 199, "gateway": 0})
    assert shortfalls([few]) == ["199 kills instead of 200", "gateway: never killed"]


def test_what_broke_off_or_was_run_small_or_at_another_commit_is_named() -> None:
    others = replace(GOOD, scenario="other", size="short", complaints=[UNFINISHED], commit="def")
    assert shortfalls([GOOD, others]) == [
        f"other: {UNFINISHED}",
        "other: run at short size",
        "the scenarios ran at different commits",
    ]

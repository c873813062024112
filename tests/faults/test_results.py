"""The table of faults says what did not hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.faults.results import EMBEDDED, SCENARIOS, UNFINISHED, Result, main, report, shortfalls, write

RANDOM = Result(
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

OTHERS = [
    Result(name, "full", 1, *((500, 50) if name.startswith(EMBEDDED) else (5_000, 500)), commit="abc")
    for name in SCENARIOS
    if name != RANDOM.scenario
]


def test_a_full_run_that_went_well_is_short_of_nothing() -> None:
    assert shortfalls([RANDOM, *OTHERS]) == []
    assert "All promises held." in report([RANDOM, *OTHERS])


def test_a_scenario_that_did_not_run_is_named() -> None:
    rest = [other for other in OTHERS if other.scenario != "embedded-full-disk"]
    assert shortfalls([RANDOM, *rest]) == ["embedded-full-disk: not run"]
    assert "All promises held." not in report([RANDOM, *rest])


def test_a_scenario_that_nobody_would_miss_has_to_be_listed() -> None:
    new = replace(RANDOM, scenario="earthquake")
    assert shortfalls([RANDOM, *OTHERS, new]) == ["earthquake: not in the list of scenarios"]


def test_scenarios_with_little_in_flight_are_named_and_only_the_embedded_way_may_have_them() -> None:
    few = replace(RANDOM, payments=499)
    assert shortfalls([few, *OTHERS]) == ["random-kills: 5,000 notices and 499 payments in flight"]
    told = report([RANDOM, *OTHERS])
    assert "random kills (" not in told
    assert "embedded full disk (500 notices and 50 payments)" in told


def test_a_run_that_is_short_of_something_ends_with_an_error(tmp_path: Path) -> None:
    for result in (RANDOM, *OTHERS):
        write(result, tmp_path)
    page = tmp_path / "faults.md"
    assert main(page, tmp_path) == 0
    (tmp_path / "faults-embedded-full-disk.json").unlink()
    assert main(page, tmp_path) == 1
    assert "- embedded-full-disk: not run" in page.read_text()


def test_seconds_to_idle_are_told_as_they_are_also_where_the_mails_left_explain_them() -> None:
    late = replace(RANDOM, seconds_to_idle=75.0, backlog_seconds=70.0)
    assert shortfalls([late, *OTHERS]) == [
        "random-kills: idle after 75.0 s instead of 60; the mails left alone take 70 s"
    ]
    assert "| 75.0 s, **missed** | 0 | 70 s |" in report([late])


def test_a_run_with_too_few_kills_or_without_one_of_a_program_is_short() -> None:
    few = replace(RANDOM, kills={"scheduler-serve": 199, "gateway": 0})
    assert shortfalls([few, *OTHERS]) == ["199 kills instead of 200", "gateway: never killed"]


def test_what_broke_off_or_was_run_small_or_at_another_commit_is_named() -> None:
    others = replace(OTHERS[0], size="short", complaints=[UNFINISHED], commit="def")
    assert shortfalls([RANDOM, *OTHERS[1:], others]) == [
        f"exact-kills: {UNFINISHED}",
        "exact-kills: run at short size",
        "the scenarios ran at different commits",
    ]

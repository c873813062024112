"""The oracle is trusted because it agrees with cases worked out by hand and with the rule told twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.acceptance.oracle import Bill, Oracle, Row, applies

DUE = date(2025, 6, 30)
NEVER = date(2999, 1, 1)


def bill(number: str = "007", *, settled: date = NEVER) -> Bill:
    return Bill(customer="C", number=number, issued=date(2025, 1, 1), due=DUE, settled=settled)


def after(days: int) -> date:
    return DUE + timedelta(days=days)


def replay(ticks: list[tuple[int, set[int]]], *, settled: date = NEVER) -> list[tuple[int, int, str]]:
    """(days past due, threshold, state) of every row, in the order in which they came."""
    oracle = Oracle([bill(settled=settled)])
    return [
        ((row.on - DUE).days, row.threshold, row.state)
        for days, enabled in ticks
        for row in oracle.tick(after(days), enabled)
    ]


FIVE, ALL = {-5}, {-5, 15, 30, 45}


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([(-6, ALL)], []),
        ([(-5, ALL), (-4, ALL), (0, ALL), (1, ALL), (14, ALL)], [(-5, -5, "sent")]),
        ([(0, ALL), (1, ALL)], [(0, -5, "sent")]),
        ([(1, ALL)], []),
        ([(-3, {-10, -5}), (-2, {-10, -5})], [(-3, -5, "sent")]),
        ([(-8, {-10, -5}), (-5, {-10, -5})], [(-8, -10, "sent"), (-5, -5, "sent")]),
        ([(15, ALL), (16, ALL), (30, ALL)], [(15, 15, "sent"), (30, 30, "sent")]),
        ([(50, ALL), (51, ALL)], [(50, 15, "superseded"), (50, 30, "superseded"), (50, 45, "sent")]),
        ([(14, ALL), (31, ALL)], [(31, 15, "superseded"), (31, 30, "sent")]),
        ([(1000, ALL)], [(1000, 15, "superseded"), (1000, 30, "superseded"), (1000, 45, "sent")]),
        # A smaller threshold that is enabled after a larger one has gone out is never sent.
        ([(46, {45}), (47, {30, 45})], [(46, 45, "sent"), (47, 30, "superseded")]),
        # Nor is it sent when the larger rule has been turned off since, before or past the due date.
        ([(46, {45}), (47, {30}), (48, {30})], [(46, 45, "sent"), (47, 30, "superseded")]),
        ([(-4, {-5}), (-3, {-10})], [(-4, -5, "sent"), (-3, -10, "superseded")]),
        # What was superseded while it was the smaller one is not sent when it is the largest left.
        ([(31, {15, 30}), (32, {15})], [(31, 15, "superseded"), (31, 30, "sent")]),
        # What was superseded stays so, and the next larger one still goes.
        (
            [(31, {15, 30}), (46, ALL)],
            [(31, 15, "superseded"), (31, 30, "sent"), (46, 45, "sent")],
        ),
        ([(20, FIVE)], []),
        ([(20, set())], []),
    ],
)
def test_cases_worked_out_by_hand(
    ticks: list[tuple[int, set[int]]], expected: list[tuple[int, int, str]]
) -> None:
    assert sorted(replay(ticks)) == sorted(expected)


def test_nothing_is_said_before_the_issue_or_from_the_day_of_settlement_on() -> None:
    oracle = Oracle([Bill("C", "1", issued=after(-2), due=DUE, settled=after(16))])
    found = [row for days in range(-5, 60) for row in oracle.tick(after(days), ALL)]
    assert found == [Row("1", -5, "sent", after(-2)), Row("1", 15, "sent", after(15))]


THRESHOLDS = st.sets(st.sampled_from([-30, -10, -5, -1, 1, 15, 30, 45, 60]), max_size=6)
TICKS = st.dictionaries(st.integers(-40, 100), THRESHOLDS, max_size=12).map(
    lambda ticks: sorted(ticks.items())
)


@given(TICKS)
def test_it_agrees_with_the_rule_told_over_the_whole_history(ticks: list[tuple[int, set[int]]]) -> None:
    """No memory here: what is sent on a day follows from the candidates of the days before it."""
    expected: set[tuple[int, str]] = set()
    for at, (days, enabled) in enumerate(ticks):
        reached = {threshold for threshold in enabled if applies(threshold, days)}
        if not reached:
            continue
        earlier = [
            max(candidates)
            for day, rules in ticks[:at]
            if (candidates := [rule for rule in rules if applies(rule, day)])
        ]
        candidate, largest_sent = max(reached), max(earlier, default=-1000)
        if candidate > largest_sent:
            expected.add((candidate, "sent"))
        passed = {threshold for threshold in reached if 0 < threshold < candidate}
        if candidate < largest_sent:
            passed.add(candidate)
        expected |= {(threshold, "superseded") for threshold in passed if (threshold, "sent") not in expected}
    assert {(threshold, state) for _, threshold, state in replay(ticks)} == expected


@given(TICKS)
def test_its_promises_hold_for_any_ticks_and_any_rules(ticks: list[tuple[int, set[int]]]) -> None:
    rows = replay(ticks)
    assert len({threshold for _, threshold, _ in rows}) == len(rows), "one row for each threshold"
    sent = [(days, threshold) for days, threshold, state in rows if state == "sent"]
    assert len({days for days, _ in sent}) == len(sent), "at most one mail a day"
    assert [threshold for _, threshold in sent] == sorted(threshold for _, threshold in sent)
    assert all(days <= 0 if threshold < 0 else days >= threshold for days, threshold in sent)
    for days, threshold, state in rows:
        overtaken_by = [other for day, other in sent if day <= days and other > threshold]
        assert state == "sent" or overtaken_by, "nothing is superseded but by a larger one that was sent"

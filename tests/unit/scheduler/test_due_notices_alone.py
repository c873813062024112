"""A run that is to decide on due notices alone: all other types stay for the run that their settings name."""

from datetime import UTC, datetime

import pytest

from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.use_cases.calendar import run_tick_if_due
from tests.unit.scheduler.other_types import (
    EXPIRATION,
    SUMMARY,
    UPCOMING,
    at,
    card,
    plan,
    states,
    summaries,
    told,
    upcoming,
    with_types,
)
from tests.unit.scheduler.world import World

DUE = NoticeType.DUE_NOTICE


def with_something_of_each_type() -> World:
    """On the 15th, with a due notice, two summaries, a coming payment and a card that are due."""
    world = with_types(summaries(), upcoming(), EmailType(EXPIRATION, enabled=True))
    world.enable(-15, 1)
    world.accounts.plans["acme"] = [plan("2026-03-17")]
    world.accounts.methods["acme"] = [card("2026-03")]
    at(world, "2026-03-15")
    return world


def test_a_run_for_due_notices_decides_on_nothing_else() -> None:
    world = with_something_of_each_type()
    dry = world.tick(dry_run=True, only_due_notices=True)
    assert dry == world.tick(only_due_notices=True)
    assert set(dry.types) == {DUE}
    assert dry.types[DUE].queued == 2
    assert [told(world, type) for type in (SUMMARY, UPCOMING, EXPIRATION)] == [[], [], []]
    assert world.states()[1] is State.QUEUED


def test_what_a_run_for_due_notices_left_is_decided_by_the_next_run() -> None:
    world, other = with_something_of_each_type(), with_something_of_each_type()
    world.tick(only_due_notices=True)
    expected, found = other.tick().types, world.tick().types
    assert {type: found[type] for type in (SUMMARY, UPCOMING, EXPIRATION)} == {
        type: expected[type] for type in (SUMMARY, UPCOMING, EXPIRATION)
    }
    assert (found[DUE].queued, found[DUE].unchanged) == (0, 2)


def test_a_summary_that_was_left_on_its_day_goes_with_the_next_day_s_run() -> None:
    world = with_types(summaries())
    at(world, "2026-03-15")
    world.tick(only_due_notices=True)
    at(world, "2026-03-16")
    world.tick()
    assert states(world, SUMMARY)["acme|2026-03-15"] == (State.QUEUED, "SCHEDULE_REACHED")


def test_the_run_of_the_day_still_takes_place_by_itself() -> None:
    world = with_types(summaries())
    assert run_tick_if_due(ticking=world.ticking), "that of the 14th"
    world.clock.set(datetime(2026, 3, 15, 8, tzinfo=UTC))
    world.tick(only_due_notices=True)
    assert told(world, SUMMARY) == []
    world.clock.set(datetime(2026, 3, 15, 9, tzinfo=UTC))
    assert run_tick_if_due(ticking=world.ticking)
    assert len(told(world, SUMMARY)) == 2


@pytest.mark.parametrize("then", ["2026-03-15", "2026-03-16"])
def test_a_run_for_due_notices_with_a_set_clock_leaves_the_real_summaries(then: str) -> None:
    world = with_types(summaries())
    at(world, "2026-03-15")
    world.tick(as_of=datetime(2026, 6, 20, 12, tzinfo=UTC), only_due_notices=True)
    world.tick(only_due_notices=True)
    at(world, then)
    world.tick()
    assert set(states(world, SUMMARY)) == {"acme|2026-03-15", "bolt|2026-03-15"}

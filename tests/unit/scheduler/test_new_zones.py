"""A time zone that is new to the books begins with its next send time, whoever comes to it first."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.zones import meet_zones
from tests.unit.scheduler.other_types import summaries
from tests.unit.scheduler.test_moves_between_zones import (
    LONDON,
    NEW_YORK,
    a_world,
    comes,
    goes_on,
    mails,
    save,
    two_days_later,
)
from tests.unit.scheduler.world import World

SUMMARY_DAY = datetime(2026, 3, 15, tzinfo=UTC)


def on_summary_day() -> World:
    """At 17:00 UTC of 15 March, when all runs have taken place, an import brings the first one in London."""
    world = a_world({"ny": NEW_YORK, "ours": ""})
    save(world, summaries())
    goes_on(world, SUMMARY_DAY - timedelta(days=2), 2 * 24 * 3 - 14)
    world.clock.set(SUMMARY_DAY + timedelta(hours=17))
    assert mails(world) == {"ny": 1, "ours": 1}
    comes(world, "london", LONDON)
    return world


def meet(world: World) -> None:
    meet_zones(store=world.store, accounts=world.accounts, clock=world.clock)


@pytest.mark.parametrize("is_met_first", [True, False])
def test_a_run_for_due_notices_brings_no_summary_to_a_new_zone(is_met_first: bool) -> None:
    world = on_summary_day()
    if is_met_first:
        meet(world)
    world.tick(only_due_notices=True)
    assert not run_tick_if_due(ticking=world.ticking), "its run is that of tomorrow"
    assert two_days_later(world) == {"ny": 1, "ours": 1}


@pytest.mark.parametrize("is_met_first", [True, False])
def test_a_zone_is_noted_alike_whether_it_was_met_before_a_run_for_due_notices_or_after(
    is_met_first: bool,
) -> None:
    world, other = on_summary_day(), on_summary_day()
    meet(other)
    if is_met_first:
        meet(world)
    world.tick(only_due_notices=True)
    meet(world)
    with world.store.read() as work, other.store.read() as expected:
        assert work.zone_runs.all()[LONDON] == expected.zone_runs.all()[LONDON]
        assert work.zone_runs.all()[LONDON].summed_at is not None


@pytest.mark.parametrize("is_met_first", [True, False])
def test_a_run_by_hand_in_a_new_zone_is_followed_by_that_of_the_next_send_time(is_met_first: bool) -> None:
    world = on_summary_day()
    if is_met_first:
        meet(world)
    world.tick()
    told = mails(world)
    assert not run_tick_if_due(ticking=world.ticking)
    world.clock.set(SUMMARY_DAY + timedelta(days=1, hours=8, minutes=59))
    assert not run_tick_if_due(ticking=world.ticking)
    world.clock.set(SUMMARY_DAY + timedelta(days=1, hours=9))
    assert run_tick_if_due(ticking=world.ticking), "09:00 in London"
    assert two_days_later(world) == told

"""Settings and calendars saved while a run is at its end: what they promise is kept by the next run."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.next_times import next_time
from services.scheduler.domain.notice import State
from services.scheduler.use_cases.calendar import run_tick_if_due, update_calendar
from services.scheduler.use_cases.email_types import update_email_type
from services.scheduler.use_cases.tick import TickOrder, run_tick
from tests.unit.scheduler.other_types import SUMMARY, at, states, summaries, with_types
from tests.unit.scheduler.world import World

TOLD = (State.QUEUED, "SCHEDULE_REACHED")


def save(world: World, settings: EmailType, *, include_due: bool = False) -> None:
    update_email_type(settings, include_due=include_due, store=world.store, clock=world.clock)


def promised(world: World) -> datetime | None:
    """What the page says of the company's zone."""
    with world.store.read() as work:
        settings, run = work.email_types.get(SUMMARY), work.zone_runs.all()[""]
        return next_time(
            settings, work.calendar.get(), world.clock.now(), ran_on=run.ran_on, summed_on=run.summed_on
        )


def run_and_save_at_its_end(world: World, saved: Callable[[], None]) -> None:
    """Lets a run come to its last report, saves, and lets it end."""
    steps = run_tick(TickOrder(by_itself=True), ticking=world.ticking)
    for step in steps:
        if step.done:
            saved()


@pytest.mark.parametrize("enabled", [True, False])
def test_a_summary_moved_onto_the_day_of_a_run_that_is_at_its_end_goes_with_the_next(enabled: bool) -> None:
    world = with_types(summaries(schedule=Monthly(20, ClosedDays.SEND), enabled=enabled))
    assert run_tick_if_due(ticking=world.ticking)
    at(world, "2026-03-15")
    run_and_save_at_its_end(world, lambda: save(world, summaries()))
    assert states(world, SUMMARY) == {}
    assert promised(world) == datetime(2026, 3, 16, 9, tzinfo=UTC)
    at(world, "2026-03-16")
    assert run_tick_if_due(ticking=world.ticking)
    once = {"acme|2026-03-15": TOLD, "bolt|2026-03-15": TOLD}
    assert states(world, SUMMARY) == once
    at(world, "2026-03-17")
    assert run_tick_if_due(ticking=world.ticking)
    assert states(world, SUMMARY) == once


def test_a_summary_told_by_a_run_goes_once_though_its_schedule_is_saved_at_the_end_and_back() -> None:
    world = with_types(summaries())
    assert run_tick_if_due(ticking=world.ticking)
    at(world, "2026-03-15")
    run_and_save_at_its_end(world, lambda: save(world, summaries(schedule=Monthly(20, ClosedDays.SEND))))
    save(world, summaries())
    for day in ("2026-03-16", "2026-03-17", "2026-03-20", "2026-03-21"):
        at(world, day)
        assert run_tick_if_due(ticking=world.ticking)
    assert states(world, SUMMARY) == {"acme|2026-03-15": TOLD, "bolt|2026-03-15": TOLD}


def test_a_calendar_saved_at_the_end_of_a_run_that_moves_a_summary_onto_its_day_is_kept() -> None:
    world = with_types(summaries(schedule=Monthly(15, ClosedDays.AFTER)))
    assert run_tick_if_due(ticking=world.ticking)
    at(world, "2026-03-17")
    with world.store.write() as work:
        work.email_types.put(summaries(schedule=Monthly(17, ClosedDays.AFTER)))
        settings = replace(work.calendar.get().settings, country="GB-NIR")
        work.calendar.put(replace(work.calendar.get(), settings=settings))

    def saved() -> None:  # St Patrick's Day is a holiday in Northern Ireland alone
        update_calendar(replace(settings, country="GB"), store=world.store, clock=world.clock)

    run_and_save_at_its_end(world, saved)
    assert states(world, SUMMARY) == {}
    at(world, "2026-03-18")
    assert run_tick_if_due(ticking=world.ticking)
    assert states(world, SUMMARY) == {"acme|2026-03-17": TOLD, "bolt|2026-03-17": TOLD}


def test_what_is_saved_at_the_end_of_a_zone_s_first_run_begins_with_that_day() -> None:
    world = World()
    save(world, summaries(schedule=Monthly(20, ClosedDays.SEND)))
    at(world, "2026-03-15")
    run_and_save_at_its_end(world, lambda: save(world, summaries()))
    with world.store.read() as work:
        assert work.zone_runs.all()[""].summed_on == date(2026, 3, 14)
    at(world, "2026-03-16")
    assert run_tick_if_due(ticking=world.ticking)
    assert states(world, SUMMARY) == {"acme|2026-03-15": TOLD}

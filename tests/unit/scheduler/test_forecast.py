"""The forecast: what the next tick will send, and what the days behind it bring."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.scheduler.domain.forecasting import Forecast, ForecastLine
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports import Excluded
from services.scheduler.use_cases import forecast
from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.forecast import COUNT_LEASE, COUNTED_AT_ONCE, count_ahead
from services.scheduler.use_cases.tick import LEASE_TIME, TickOrder, run_tick
from services.shared.errors import Invalid
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import DUE, World, noon


def look(world: World, days: int = 0) -> Forecast:
    return forecast.get_forecast(days, ticking=world.ticking)


def exclude(world: World, organization_id: str) -> None:
    with world.store.write() as work:
        work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, organization_id, world.clock.now()))


def test_the_forecast_counts_who_reaches_which_threshold_on_which_day() -> None:
    world = World(-5, 15)
    world.ledger.invoices = {
        1: an_invoice(1, due_on=DUE + timedelta(days=5)),
        2: an_invoice(2, due_on=DUE - timedelta(days=13)),
        3: an_invoice(3, due_on=DUE - timedelta(days=13)),
        4: an_invoice(4, due_on=DUE - timedelta(days=13), organization_id="out"),
        5: an_invoice(5, due_on=DUE + timedelta(days=11)),
        6: an_invoice(6, due_on=DUE + timedelta(days=12)),
    }
    exclude(world, "out")
    found = look(world)
    assert found.lines == (
        ForecastLine(DUE, -5, 1),
        ForecastLine(DUE + timedelta(days=2), 15, 2),
        ForecastLine(DUE + timedelta(days=6), -5, 1),
    )
    assert found.next_tick_at is not None


def test_a_forecast_without_rules_is_empty_and_of_61_days_refused() -> None:
    world = World()
    assert look(world, 60)[1:3] == ((), 0)
    for days in (-1, 61):
        with pytest.raises(Invalid):
            look(world, days)


def test_the_forecast_agrees_with_the_ticks_of_the_days_to_come() -> None:
    world = World(-5, -1, 1, 15, 30)
    world.ledger.invoices = {
        n: an_invoice(n, due_on=date(2026, 2, 1) + timedelta(days=n)) for n in range(1, 60)
    }
    world.tick()
    found = look(world, 20)
    for ahead in range(1, 20):
        world.on_day(ahead)
        expected = sum(line.invoices for line in found.lines if line.on == DUE + timedelta(days=ahead))
        assert world.tick().counts.queued == expected


def test_a_rule_enabled_late_shows_what_it_will_catch_up_with() -> None:
    world = World(15)
    world.ledger.invoices = {n: an_invoice(n, due_on=DUE - timedelta(days=n)) for n in range(1, 41)}
    world.tick()
    world.enable(30)
    found = look(world, 1)
    assert found.lines == (ForecastLine(DUE, 30, 1),)
    assert found.catch_up == 11, "the one of the day and ten of the days before"
    assert found.catch_up == world.tick().counts.queued
    assert look(world, 1)[1:3] == ((), 0)


def test_what_went_out_today_or_will_not_go_is_no_longer_listed_for_today() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.addressees["mute"] = ()
    world.ledger.invoices = {n: an_invoice(n) for n in (1, 2, 3)}
    world.ledger.put(an_invoice(4, organization_id="mute"))
    world.ledger.put(an_invoice(5, reserved_minor=10_000))
    assert look(world).lines == (ForecastLine(DUE + timedelta(days=15), 15, 3),)
    world.tick()
    assert look(world)[1:3] == ((), 0)
    world.ledger.put(an_invoice(6))
    assert look(world)[1:3] == ((ForecastLine(DUE + timedelta(days=15), 15, 1),), 1)


def test_once_the_tick_of_the_day_has_run_the_next_one_is_that_of_tomorrow() -> None:
    world = World(-5, 15)
    world.on_day(15)
    world.ledger.put(an_invoice(2, due_on=DUE + timedelta(days=1)))
    assert run_tick_if_due(ticking=world.ticking)
    world.ledger.put(an_invoice(3))
    found = look(world)
    assert found.next_tick_at is not None
    assert found.next_tick_at.date() == DUE + timedelta(days=16)
    assert found.lines == (
        ForecastLine(DUE + timedelta(days=15), 15, 1),
        ForecastLine(DUE + timedelta(days=16), 15, 1),
    )
    assert found.catch_up == 2
    world.clock.set(found.next_tick_at)
    assert world.tick(dry_run=True).counts.queued == 2


def test_an_organization_that_is_excluded_catches_up_with_nothing() -> None:
    world = World(15)
    world.on_day(40)
    exclude(world, "acme")
    assert look(world).catch_up == 0


@pytest.mark.parametrize("is_off", [True, False])
def test_while_no_tick_runs_by_itself_it_says_what_one_would_send_now(is_off: bool) -> None:
    world = World(15)
    world.on_day(40)
    world.calendar(automatic=not is_off)
    with world.store.write() as work:
        work.calendar.put(replace(work.calendar.get(), clock_set=not is_off))
    assert look(world)[0] is None
    assert look(world).catch_up == 1


def test_a_forecast_writes_nothing_and_wakes_nobody() -> None:
    world = World(15)
    world.on_day(40)
    look(world)
    assert (world.notices(), world.woken) == ([], 0)


def test_a_due_date_at_the_end_of_all_dates_is_no_trouble() -> None:
    world = World(-365, 3650)
    world.ledger.put(an_invoice(due_on=date.max))
    world.ledger.put(an_invoice(2, due_on=date.min))
    world.clock.set(noon(DUE))
    assert look(world, 60).catch_up == 1


def with_large_books() -> World:
    """One invoice more than is counted while somebody waits."""
    world = World(15)
    world.on_day(20)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, COUNTED_AT_ONCE + 2)}
    return world


def test_small_books_are_counted_for_each_call() -> None:
    world = with_large_books()
    del world.ledger.invoices[1]
    assert look(world)[2:] == (COUNTED_AT_ONCE, world.clock.now())


def test_large_books_are_never_counted_while_somebody_waits() -> None:
    world = with_large_books()
    assert look(world)[1:] == ((), 0, None)
    assert world.ledger.calls == ["due_invoices"] * world.ledger.calls.count("due_invoices")
    assert count_ahead(ticking=world.ticking)
    world.ledger.calls.clear()
    assert look(world)[2:] == (COUNTED_AT_ONCE + 1, world.clock.now())
    assert world.ledger.calls == []


def test_a_count_ahead_is_that_of_a_dry_run_with_the_days_to_come() -> None:
    world = with_large_books()
    world.ledger.put(an_invoice(9_999, due_on=DUE + timedelta(days=7)))
    count_ahead(ticking=world.ticking)
    found = look(world, 60)
    assert found.catch_up == world.tick(dry_run=True).counts.queued
    assert found.lines == (ForecastLine(DUE + timedelta(days=22), 15, 1),)


def test_a_count_is_of_its_time_and_made_again_after_a_minute() -> None:
    world = with_large_books()
    began = world.clock.now()
    count_ahead(ticking=world.ticking)
    world.ledger.put(an_invoice(9_999))
    world.clock.advance(timedelta(minutes=1))
    assert not count_ahead(ticking=world.ticking)
    assert look(world)[2:] == (COUNTED_AT_ONCE + 1, began)
    world.clock.advance(timedelta(seconds=1))
    assert count_ahead(ticking=world.ticking)
    assert look(world)[2:] == (COUNTED_AT_ONCE + 2, world.clock.now())


def test_counting_takes_a_small_part_of_the_time() -> None:
    world = with_large_books()
    world.ledger.during = lambda: world.clock.advance(timedelta(seconds=15))
    count_ahead(ticking=world.ticking)
    world.ledger.during = lambda: None
    world.clock.advance(timedelta(seconds=400))
    assert not count_ahead(ticking=world.ticking), "it took three times 15 s"
    world.clock.advance(timedelta(seconds=60))
    assert count_ahead(ticking=world.ticking)


@pytest.mark.parametrize("change", ["rule", "exclusion", "day", "zone", "tick", "automatic tick"])
def test_a_count_that_stands_on_something_else_is_not_shown_but_made_anew(change: str) -> None:
    world = with_large_books()
    count_ahead(ticking=world.ticking)
    if change == "rule":
        world.enable(30)
    elif change == "exclusion":
        exclude(world, "acme")
    elif change == "day":
        world.on_day(21)
    elif change == "zone":
        world.calendar(time_zone="Pacific/Kiritimati")
    elif change == "tick":
        world.tick()
    else:
        assert run_tick_if_due(ticking=world.ticking)
    assert look(world)[1:] == ((), 0, None)
    assert count_ahead(ticking=world.ticking)
    assert look(world).catch_up == world.tick(dry_run=True).counts.queued
    assert look(world).counted_at == world.clock.now()


def test_a_count_during_which_a_rule_changes_is_not_shown() -> None:
    world = with_large_books()

    def once() -> None:
        world.ledger.during = lambda: None
        exclude(world, "acme")

    world.ledger.during = once
    assert count_ahead(ticking=world.ticking)
    assert look(world)[1:] == ((), 0, None)
    assert count_ahead(ticking=world.ticking)
    assert look(world)[2:] == (0, world.clock.now())


def test_a_count_during_which_a_run_is_made_is_not_shown() -> None:
    world = with_large_books()

    def once() -> None:
        if world.ledger.calls[-1] == "count_by_due_date":
            world.ledger.during = lambda: None
            assert world.tick().counts.queued == COUNTED_AT_ONCE + 1

    world.ledger.during = once
    assert count_ahead(ticking=world.ticking)
    assert look(world)[1:] == ((), 0, None)
    assert count_ahead(ticking=world.ticking)
    assert look(world)[2:] == (0, world.clock.now())


def test_a_count_made_while_a_run_rested_is_not_shown_once_it_has_gone_on() -> None:
    world = with_large_books()
    run = run_tick(TickOrder(), ticking=world.ticking)
    next(run)
    world.clock.advance(LEASE_TIME)
    assert count_ahead(ticking=world.ticking), "nobody knows that it will go on"
    assert look(world).catch_up == 1
    next(run)
    assert look(world)[1:] == ((), 0, None)
    run.close()


def test_one_of_many_processes_counts_and_another_one_once_it_is_dead() -> None:
    world = with_large_books()
    now = world.clock.now()
    with world.store.write() as work:
        assert work.leases.take(COUNT_LEASE, "other", now=now, until=now + timedelta(seconds=20))
    assert not count_ahead(ticking=world.ticking)
    world.clock.advance(timedelta(seconds=20))
    assert count_ahead(ticking=world.ticking)


def test_a_dry_run_leaves_the_count_as_it_is() -> None:
    world = with_large_books()
    count_ahead(ticking=world.ticking)
    world.tick(dry_run=True)
    assert look(world).catch_up == COUNTED_AT_ONCE + 1


def test_nothing_is_counted_ahead_while_a_run_is_at_work() -> None:
    world = with_large_books()
    run = run_tick(TickOrder(), ticking=world.ticking)
    next(run)
    assert not count_ahead(ticking=world.ticking)
    run.close()
    assert count_ahead(ticking=world.ticking)

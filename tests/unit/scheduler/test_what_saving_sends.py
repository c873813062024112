"""What saving the settings of a type sends at the next run, which staff are asked before it is done."""

from dataclasses import replace
from datetime import date

from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.use_cases.counting import count_emails
from services.scheduler.use_cases.email_types import update_email_type
from tests.unit.scheduler.other_types import UPCOMING, at, card, plan, summaries, told, upcoming, with_types
from tests.unit.scheduler.world import World


def a_world() -> World:
    """At noon of 14 March, after that day's run; the next one is the next morning's."""
    world, today = with_types(), date(2026, 3, 14)
    with world.store.write() as work:
        work.zone_runs.put([ZoneRun("", today, today)])
    return world


def saved_at_noon(world: World, settings: EmailType) -> None:
    update_email_type(settings, include_due=False, store=world.store, clock=world.clock)


def foreseen(world: World, settings: EmailType) -> int:
    return count_emails(settings, 0, ticking=world.ticking).at_next_run


def sent_by_the_next_run(world: World, type: NoticeType) -> int:
    before = len(told(world, type))
    at(world, "2026-03-15")
    world.tick()
    return len(told(world, type)) - before


def test_longer_notice_brings_the_payments_whose_days_it_reaches_and_that_is_foreseen() -> None:
    world = a_world()
    saved_at_noon(world, upcoming(days_before=1))
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    assert foreseen(world, upcoming(days_before=1)) == 0
    longer = upcoming(days_before=5)
    assert foreseen(world, longer) == 1
    saved_at_noon(world, longer)
    assert sent_by_the_next_run(world, UPCOMING) == 1


def test_what_was_due_before_a_type_was_turned_on_is_not_foreseen_though_it_is_due() -> None:
    world = a_world()
    world.accounts.plans["acme"] = [plan("2026-03-16")]
    on = upcoming(days_before=3)
    saved_at_noon(world, on)
    counted = count_emails(on, 0, ticking=world.ticking)
    assert (counted.due_now, counted.at_next_run) == (1, 0)


def test_a_card_that_has_expired_before_is_not_foreseen() -> None:
    world = a_world()
    world.accounts.methods["acme"] = [card("2025-12")]
    on = EmailType(NoticeType.METHOD_EXPIRATION, enabled=True)
    saved_at_noon(world, on)
    counted = count_emails(on, 0, ticking=world.ticking)
    assert (counted.due_now > 0, counted.at_next_run) == (True, 0)


def test_a_summary_that_is_moved_to_the_day_of_the_next_run_goes_with_it() -> None:
    world = a_world()
    later = summaries(schedule=replace(summaries().schedule, day=20))
    saved_at_noon(world, later)
    assert foreseen(world, later) == 0
    assert foreseen(world, summaries()) == 2
    saved_at_noon(world, summaries())
    assert sent_by_the_next_run(world, NoticeType.ACCOUNT_SUMMARY) == 2

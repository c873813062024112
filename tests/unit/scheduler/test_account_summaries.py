"""Account summaries: when a run tells them, in every zone, and what the second look withholds."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.scheduler.domain.books import Recipient
from services.scheduler.domain.calendar import CalendarSettings
from services.scheduler.domain.email_types import OnNewInvoice
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.domain.occurrences import Candidate
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.ports import Excluded
from services.scheduler.ports_emails import Unsubscription
from services.scheduler.use_cases.calendar import run_tick_if_due, update_calendar
from services.scheduler.use_cases.telling import Telling
from services.shared.addresses import address_key
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.other_types import SUMMARY, at, states, summaries, told, with_types
from tests.unit.scheduler.world import World


def test_a_summary_goes_to_everybody_who_owes_on_its_day_and_once() -> None:
    world = with_types(summaries())
    assert told(world, SUMMARY) == []
    at(world, "2026-03-15")
    assert world.tick().types[SUMMARY].queued == 2
    expected = {
        "acme|2026-03-15": (State.QUEUED, "SCHEDULE_REACHED"),
        "bolt|2026-03-15": (State.QUEUED, "SCHEDULE_REACHED"),
    }
    assert states(world, SUMMARY) == expected
    assert world.tick().types == {}, "the same day again"
    at(world, "2026-04-14")
    world.tick()
    assert states(world, SUMMARY) == expected


def test_a_client_whose_first_invoice_comes_after_the_day_waits_for_the_next_one() -> None:
    world = with_types(summaries())
    at(world, "2026-03-15")
    world.tick()
    world.ledger.put(an_invoice(3, organization_id="late"))
    at(world, "2026-03-20")
    world.tick()
    assert "late|2026-03-15" not in states(world, SUMMARY)
    at(world, "2026-04-15")
    world.tick()
    assert states(world, SUMMARY)["late|2026-04-15"] == (State.QUEUED, "SCHEDULE_REACHED")


def test_after_an_outage_the_newest_summary_goes_and_the_missed_ones_are_replaced() -> None:
    world = with_types(summaries())
    at(world, "2026-05-20")
    assert world.tick().types[SUMMARY].superseded == 4
    assert states(world, SUMMARY)["acme|2026-05-15"] == (State.QUEUED, "SCHEDULE_REACHED")
    assert states(world, SUMMARY)["acme|2026-03-15"] == (State.SUPERSEDED, "LATER_SUMMARY_DUE")
    assert states(world, SUMMARY)["acme|2026-04-15"] == (State.SUPERSEDED, "LATER_SUMMARY_DUE")


def test_a_type_that_is_turned_on_counts_from_then_on() -> None:
    world = with_types(summaries(since=date(2026, 3, 16)))
    at(world, "2026-03-17")
    world.tick()
    assert told(world, SUMMARY) == []
    world = with_types(summaries(since=date(2026, 3, 15)))
    at(world, "2026-03-15")
    world.tick()
    assert len(told(world, SUMMARY)) == 2, "the day itself is from then on"


def test_a_summary_asks_whom_it_goes_to() -> None:
    world = with_types(summaries(profile_ids=("billing",)))
    billing = Recipient("Bea", "bea@bolt.test")
    world.accounts.by_profile = {"billing": {"bolt": (billing,)}}
    with world.store.write() as work:
        work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, "bolt", world.clock.now()))
    at(world, "2026-03-15")
    world.tick()
    assert states(world, SUMMARY) == {
        "acme|2026-03-15": (State.SKIPPED, "NO_ADDRESS"),
        "bolt|2026-03-15": (State.QUEUED, "SCHEDULE_REACHED"),
    }
    (letter,) = world.review(told(world, SUMMARY)[1].notice_id)
    assert isinstance(letter, Letter)
    assert letter.verdict.recipients == (billing,)


def test_each_list_of_exclusions_stands_alone() -> None:
    world = with_types(summaries())
    with world.store.write() as work:
        work.exclusions.add(Excluded(SUMMARY, "acme", world.clock.now()))
    at(world, "2026-03-15")
    world.tick()
    assert states(world, SUMMARY)["acme|2026-03-15"] == (State.SKIPPED, "ORGANIZATION_EXCLUDED")


def test_a_dry_run_counts_summaries_and_writes_nothing() -> None:
    world = with_types(summaries())
    at(world, "2026-03-15")
    assert world.tick(dry_run=True).types[SUMMARY].queued == 2
    assert told(world, SUMMARY) == []
    assert world.tick().types[SUMMARY].queued == 2


def test_each_zone_gets_its_summary_on_its_own_day() -> None:
    world = with_types(summaries())
    world.accounts.organizations["bolt"] = FakeOrganization(time_zone="Pacific/Kiritimati")
    world.clock.set(datetime(2026, 3, 14, 12, tzinfo=UTC))
    world.tick()
    assert list(states(world, SUMMARY)) == ["bolt|2026-03-15"], "it is the 15th there"
    at(world, "2026-03-15")
    world.tick()
    assert list(states(world, SUMMARY)) == ["bolt|2026-03-15", "acme|2026-03-15"]


def test_by_itself_a_run_takes_place_at_the_send_time_of_each_zone() -> None:
    world = with_types(summaries())
    world.accounts.organizations["bolt"] = FakeOrganization(time_zone="Asia/Tokyo")
    world.clock.set(datetime(2026, 3, 14, 20, tzinfo=UTC))
    run_tick_if_due(ticking=world.ticking)
    world.clock.set(datetime(2026, 3, 14, 23, 59, tzinfo=UTC))
    assert not run_tick_if_due(ticking=world.ticking)
    world.clock.set(datetime(2026, 3, 15, 0, 0, tzinfo=UTC))
    assert run_tick_if_due(ticking=world.ticking), "09:00 of the 15th in Tokyo"
    assert list(states(world, SUMMARY)) == ["bolt|2026-03-15"]
    world.clock.set(datetime(2026, 3, 15, 9, 0, tzinfo=UTC))
    assert run_tick_if_due(ticking=world.ticking)
    assert list(states(world, SUMMARY)) == ["bolt|2026-03-15", "acme|2026-03-15"]
    assert not run_tick_if_due(ticking=world.ticking)


def test_a_zone_that_is_new_to_the_books_begins_with_its_next_send_time() -> None:
    world = with_types(summaries())
    world.enable(-15)
    world.clock.set(datetime(2026, 3, 14, 9, tzinfo=UTC))
    run_tick_if_due(ticking=world.ticking)
    world.ledger.put(an_invoice(3, organization_id="new", due_on=date(2026, 3, 20)))
    world.accounts.organizations["new"] = FakeOrganization(time_zone="Asia/Tokyo")
    world.clock.set(datetime(2026, 3, 14, 10, tzinfo=UTC))
    assert not run_tick_if_due(ticking=world.ticking), "19:00 there: nothing by surprise"
    world.clock.set(datetime(2026, 3, 15, 0, tzinfo=UTC))
    assert run_tick_if_due(ticking=world.ticking)


def test_quiet_hours_put_off_what_a_run_decides() -> None:
    world = with_types(summaries())
    world.calendar(quiet=QuietHours("11:00", "14:00"), send_at="15:00")
    at(world, "2026-03-15")
    world.tick()
    assert len(told(world, SUMMARY)) == 2
    assert not world.hand_over(), "it is noon"
    world.clock.advance(timedelta(hours=2))
    assert world.hand_over()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("turned off", "EMAIL_TYPE_OFF"),
        ("excluded", "ORGANIZATION_EXCLUDED"),
        ("paid", "NOTHING_OPEN"),
        ("being paid", "NOTHING_OPEN"),
        ("nobody", "NO_ADDRESS"),
        ("suppressed", "ADDRESSES_SUPPRESSED"),
        ("unsubscribed", "UNSUBSCRIBED"),
    ],
)
def test_the_second_look_withholds_a_summary_for_what_has_changed(change: str, reason: str) -> None:
    world = with_types(summaries())
    at(world, "2026-03-15")
    world.tick()
    notice = told(world, SUMMARY)[0]
    now, key = world.clock.now(), address_key("ann@acme.test")
    with world.store.write() as work:
        if change == "turned off":
            work.email_types.put(summaries(enabled=False))
        elif change == "excluded":
            work.exclusions.add(Excluded(SUMMARY, "acme", now))
        elif change == "paid":
            world.ledger.put(an_invoice(1, balance_minor=0, status="paid"))
        elif change == "being paid":
            world.ledger.put(an_invoice(1, reserved_minor=10_000))
        elif change == "nobody":
            world.ledger.addressees["acme"] = ()
        elif change == "suppressed":
            work.addresses.note_suppressed(key, "BOUNCED_FOR_GOOD", suppressed=True, told_at=now)
        else:
            work.addresses.unsubscribe(Unsubscription(SUMMARY, key, "Ann@acme.test", now))
    (answer,) = world.review(notice.notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == reason
    assert states(world, SUMMARY)["acme|2026-03-15"] == (State.SKIPPED, reason), "and it is recorded"


def test_of_several_addresses_those_that_bounce_or_unsubscribed_are_left_out() -> None:
    world = with_types(summaries())
    people = tuple(Recipient("", f"a{n}@acme.test") for n in range(5))
    world.ledger.addressees["acme"] = people
    at(world, "2026-03-15")
    world.tick()
    now = world.clock.now()
    with world.store.write() as work:
        for n in (1, 3):
            work.addresses.note_suppressed(
                f"a{n}@acme.test", "BOUNCED_FOR_GOOD", suppressed=True, told_at=now
            )
        work.addresses.unsubscribe(Unsubscription(SUMMARY, "a4@acme.test", "a4@acme.test", now))
    (letter,) = world.review(told(world, SUMMARY)[0].notice_id)
    assert isinstance(letter, Letter)
    assert letter.verdict.recipients == (people[0], people[2])


def test_a_summary_about_new_invoices_waits_for_nothing_once_these_bring_none() -> None:
    world = with_types(summaries(on_new_invoice=OnNewInvoice.SUMMARY))
    with world.store.write() as work:
        candidate = Candidate("acme", "acme|new:s1", "NEW_INVOICE", reachable=True)
        Telling(lambda: "n1").decide(SUMMARY, [candidate], work, world.clock.now())
    assert isinstance(world.review("n1")[0], Letter)
    with world.store.write() as work:
        work.email_types.put(summaries(on_new_invoice=OnNewInvoice.NOTHING))
    (answer,) = world.review("n1")
    assert isinstance(answer, Withheld)
    assert answer.reason == "EMAIL_TYPE_OFF"


@pytest.mark.parametrize("ends", ["a run for today", "leaving the sandbox"])
def test_wherever_a_sandbox_had_its_clock_the_next_real_summary_goes(ends: str) -> None:
    world = with_types(summaries())
    world.tick(as_of=datetime(2027, 6, 20, 12, tzinfo=UTC))
    world.tick(as_of=datetime(2026, 1, 20, 12, tzinfo=UTC))
    world.force([(notice.notice_id, State.FAILED, "MAILER_GAVE_UP") for notice in told(world, SUMMARY)])
    before = set(states(world, SUMMARY))
    if ends == "leaving the sandbox":
        settings = CalendarSettings("UTC", "09:00", sandbox=False, automatic=True)
        update_calendar(settings, store=world.store, clock=world.clock)
    world.tick()
    assert set(states(world, SUMMARY)) == before, "the 14th: no old one comes back"
    at(world, "2026-03-15")
    world.tick()
    assert set(states(world, SUMMARY)) - before == {"acme|2026-03-15", "bolt|2026-03-15"}


def test_a_zone_that_comes_back_to_the_books_begins_with_its_next_send_time() -> None:
    world = with_types(summaries())
    organizations = world.accounts.organizations
    organizations["bolt"] = FakeOrganization(time_zone="Asia/Tokyo")
    world.clock.set(datetime(2026, 3, 14, 9, tzinfo=UTC))
    run_tick_if_due(ticking=world.ticking)
    organizations["bolt"] = FakeOrganization()
    world.clock.set(datetime(2026, 3, 16, 9, tzinfo=UTC))
    run_tick_if_due(ticking=world.ticking)
    before = set(states(world, SUMMARY))
    organizations["bolt"] = FakeOrganization(time_zone="Asia/Tokyo")
    world.clock.set(datetime(2026, 6, 20, 9, 30, tzinfo=UTC))
    world.enable(15)
    run_tick_if_due(ticking=world.ticking)
    assert not [one for one in set(states(world, SUMMARY)) - before if one.startswith("bolt")]
    assert world.states() == {15: State.QUEUED}, "the company's own run has taken place, for acme alone"
    with world.store.read() as work:
        assert work.notices.of_invoice(2) == []


@pytest.mark.parametrize(
    ("day", "closed_days", "before", "after", "goes_on"),
    [
        (15, ClosedDays.CALENDAR, {}, {"business_days_only": True}, "2026-03-15"),  # a Sunday
        (15, ClosedDays.CALENDAR, {"business_days_only": True}, {}, "2026-03-16"),
        (17, ClosedDays.AFTER, {"country": "GB"}, {"country": "GB-NIR"}, "2026-03-17"),  # St Patrick's Day
        (17, ClosedDays.AFTER, {"country": "GB-NIR"}, {"country": "GB"}, "2026-03-18"),
        (17, ClosedDays.BEFORE, {"country": "GB-NIR"}, {"country": "GB"}, "2026-03-16"),
    ],
)
def test_saving_the_calendar_sends_no_month_s_summary_twice(
    day: int, closed_days: ClosedDays, before: dict[str, Any], after: dict[str, Any], goes_on: str
) -> None:
    world = with_types(summaries(schedule=Monthly(day, closed_days)))
    save_calendar(world, **before)
    at(world, goes_on)
    world.tick()
    once = {f"{name}|2026-03-{day}": (State.QUEUED, "SCHEDULE_REACHED") for name in ("acme", "bolt")}
    assert states(world, SUMMARY) == once
    save_calendar(world, **after)
    for on in ("2026-03-16", "2026-03-17", "2026-03-18", "2026-03-19", "2026-04-10"):
        if on > goes_on:
            at(world, on)
            world.tick()
    assert states(world, SUMMARY) == once


def test_a_summary_that_a_new_calendar_moves_onto_a_day_gone_by_goes_with_the_next_run() -> None:
    world = with_types(summaries(schedule=Monthly(15, ClosedDays.CALENDAR)))
    save_calendar(world, business_days_only=True)
    at(world, "2026-03-15")
    world.tick()
    assert states(world, SUMMARY) == {}, "a Sunday"
    save_calendar(world, business_days_only=False)
    at(world, "2026-03-16")
    world.tick()
    assert states(world, SUMMARY)["acme|2026-03-15"] == (State.QUEUED, "SCHEDULE_REACHED")


def save_calendar(world: World, **but: Any) -> None:
    with world.store.read() as work:
        told = work.calendar.get().settings
    update_calendar(replace(told, **but), store=world.store, clock=world.clock)

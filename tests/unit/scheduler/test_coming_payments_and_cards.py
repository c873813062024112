"""Payments that are coming and cards that expire: when a run tells them, and of what no longer holds."""

from datetime import date, timedelta

import pytest

from services.scheduler.converters_letters import to_letter
from services.scheduler.domain.books import Recipient
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import State
from services.scheduler.ports_emails import Unsubscription
from tests.unit.scheduler.other_types import (
    EXPIRATION,
    UPCOMING,
    at,
    card,
    plan,
    states,
    told,
    upcoming,
    with_types,
)


def test_payments_are_told_some_days_before_and_once_for_each_day() -> None:
    world = with_types(upcoming())
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    at(world, "2026-03-16")
    world.tick()
    assert told(world, UPCOMING) == []
    at(world, "2026-03-17")
    world.tick()
    at(world, "2026-03-18")
    world.tick()
    assert states(world, UPCOMING) == {"acme|2026-03-20": (State.QUEUED, "PAYMENTS_COMING")}


@pytest.mark.parametrize(("since", "told_of"), [("2026-03-17", True), ("2026-03-18", False)])
def test_a_payment_whose_day_to_be_told_is_the_one_from_which_on_they_count_is_told(
    since: str, told_of: bool
) -> None:
    world = with_types(upcoming(since=date.fromisoformat(since)))
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    for day in ("2026-03-17", "2026-03-18", "2026-03-19"):
        at(world, day)
        world.tick()
    assert bool(told(world, UPCOMING)) is told_of


@pytest.mark.parametrize(
    ("since", "whole"),
    [
        # It expires at the end of the month, and was to be told a month before.
        ("2026-03-30", ["acme|m1|2026-04|expiring"]),
        ("2026-03-31", []),
        # It has expired: the second week began on the 8th.
        ("2026-05-08", ["acme|m1|2026-04|expired:1"]),
        ("2026-05-09", []),
    ],
)
def test_a_card_of_which_the_day_to_be_told_is_the_one_from_which_on_they_count_is_told(
    since: str, whole: list[str]
) -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True, since=date.fromisoformat(since)))
    world.accounts.methods["acme"] = [card("2026-04")]
    for day in range(3):
        at(world, (date.fromisoformat(since) + timedelta(days=day)).isoformat())
        world.tick()
    assert list(states(world, EXPIRATION)) == whole


def test_a_payment_that_was_scheduled_late_is_told_up_to_the_day_before() -> None:
    world = with_types(upcoming())
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    at(world, "2026-03-19")
    world.tick()
    world.accounts.plans["bolt"] = [plan("2026-03-20", 2)]
    at(world, "2026-03-20")
    world.tick()
    assert list(states(world, UPCOMING)) == ["acme|2026-03-20"]


def test_a_day_with_very_many_payments_is_told_whole_and_hides_no_later_day() -> None:
    world = with_types(upcoming())
    crowd, few = [plan("2026-03-20")] * 250, [plan("2026-03-21")] * 10
    world.accounts.plans["acme"] = [*crowd, *few]
    for day in ("2026-03-17", "2026-03-18"):
        at(world, day)
        world.tick()
    ids = [notice.notice_id for notice in told(world, UPCOMING)]
    first, second = (answer for answer in world.review(*ids) if isinstance(answer, Letter))
    whole, rest = to_letter(first).plans, to_letter(second).plans
    assert (len(whole.plans), whole.more_plans) == (200, 50)
    (total,) = whole.totals
    assert total.amount_minor == sum(one.amount_minor for one in crowd)
    assert (len(rest.plans), rest.more_plans, list(rest.totals)) == (10, 0, [])


@pytest.mark.parametrize("moved_to", ["2026-03-25", ""])
def test_payments_that_are_moved_or_cancelled_before_the_mail_leaves_are_not_told(moved_to: str) -> None:
    world = with_types(upcoming())
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    at(world, "2026-03-17")
    world.tick()
    world.accounts.plans["acme"] = [plan(moved_to)] if moved_to else []
    (answer,) = world.review(told(world, UPCOMING)[0].notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "NO_LONGER_UPCOMING"
    at(world, "2026-03-22")
    world.tick()
    assert ("acme|2026-03-25" in states(world, UPCOMING)) == bool(moved_to)


@pytest.mark.parametrize(("on", "answer"), [("2026-03-20", Letter), ("2026-03-21", Withheld)])
def test_payments_that_could_not_be_told_before_are_told_on_their_day_and_not_after_it(
    on: str, answer: type
) -> None:
    world = with_types(upcoming())
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    at(world, "2026-03-17")
    world.tick()
    at(world, on)
    (found,) = world.review(told(world, UPCOMING)[0].notice_id)
    assert isinstance(found, answer)


def test_what_was_skipped_is_decided_again_while_it_is_due_unless_the_reason_lasts() -> None:
    world = with_types(upcoming())
    world.accounts.plans["acme"], world.accounts.plans["bolt"] = [plan("2026-03-20")], [plan("2026-03-20", 2)]
    world.ledger.addressees["acme"] = ()
    at(world, "2026-03-17")
    world.tick()
    now = world.clock.now()
    with world.store.write() as work:
        work.addresses.unsubscribe(Unsubscription(UPCOMING, "ann@acme.test", "ann@acme.test", now))
    world.review(*(notice.notice_id for notice in told(world, UPCOMING)))
    assert states(world, UPCOMING) == {
        "acme|2026-03-20": (State.SKIPPED, "NO_ADDRESS"),
        "bolt|2026-03-20": (State.SKIPPED, "UNSUBSCRIBED"),
    }
    world.ledger.addressees["acme"] = (Recipient("Cy", "cy@acme.test"),)
    at(world, "2026-03-18")
    world.tick()
    assert states(world, UPCOMING) == {
        "acme|2026-03-20": (State.QUEUED, "PAYMENTS_COMING"),
        "bolt|2026-03-20": (State.SKIPPED, "UNSUBSCRIBED"),
    }


def test_a_card_is_told_a_month_before_it_expires_and_then_each_week_until_it_is_gone() -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True))
    world.accounts.methods["acme"] = [card("2026-04")]
    at(world, "2026-03-29")
    world.tick()
    assert told(world, EXPIRATION) == []
    for day in ("2026-03-30", "2026-04-15", "2026-05-01", "2026-05-04", "2026-05-08", "2026-05-25"):
        at(world, day)
        world.tick()
    assert states(world, EXPIRATION) == {
        "acme|m1|2026-04|expiring": (State.QUEUED, "CARD_EXPIRES"),
        "acme|m1|2026-04|expired:0": (State.QUEUED, "CARD_EXPIRED"),
        "acme|m1|2026-04|expired:1": (State.QUEUED, "CARD_EXPIRED"),
        "acme|m1|2026-04|expired:3": (State.QUEUED, "CARD_EXPIRED"),
    }
    first, second, *_ = told(world, EXPIRATION)
    world.accounts.methods["acme"] = [card("2030-04")]
    answers = world.review(first.notice_id)
    assert isinstance(answers[0], Withheld)
    assert answers[0].reason == "CARD_RENEWED"
    world.accounts.methods["acme"] = []
    answers = world.review(second.notice_id)
    assert isinstance(answers[0], Withheld)
    assert answers[0].reason == "METHOD_GONE"


def test_of_very_many_cards_on_file_each_can_be_told_of() -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True))
    world.accounts.methods["acme"] = [card("2026-04", f"m{number:02}") for number in range(60)]
    at(world, "2026-03-30")
    world.tick()
    answers = world.review(*(notice.notice_id for notice in told(world, EXPIRATION)))
    assert [type(answer) for answer in answers] == [Letter] * 60
    assert all(
        to_letter(answer).method.expires_month == 4 for answer in answers if isinstance(answer, Letter)
    )


def test_cards_that_had_expired_before_the_type_was_turned_on_wait_for_their_next_week() -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True, since=date(2026, 3, 14)))
    world.accounts.methods["acme"] = [card("2026-02")]
    world.tick()
    assert told(world, EXPIRATION) == [], "its second week began on the 8th"
    at(world, "2026-03-15")
    world.tick()
    assert list(states(world, EXPIRATION)) == ["acme|m1|2026-02|expired:2"]


@pytest.mark.parametrize(("pays_on", "told_on"), [("2026-03-16", "2026-03-13"), ("2026-03-19", "2026-03-16")])
def test_on_business_days_only_payments_are_told_on_the_last_one_by_then(pays_on: str, told_on: str) -> None:
    world = with_types(upcoming())
    world.calendar(business_days_only=True)
    world.accounts.plans["acme"] = [plan(pays_on)]
    day_before = date.fromisoformat(told_on) - timedelta(days=1)
    at(world, day_before.isoformat())
    world.tick()
    assert told(world, UPCOMING) == []
    at(world, told_on)
    world.tick()
    assert list(states(world, UPCOMING)) == [f"acme|{pays_on}"]

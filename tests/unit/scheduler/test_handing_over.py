"""Handing over to the mailer, and the facts that come back from it."""

from datetime import timedelta

import pytest

from services.scheduler.domain.notice import State
from services.scheduler.ids import TimeOrderedIds
from services.scheduler.use_cases.dispatch import AGAIN_AFTER, BATCH
from services.scheduler.use_cases.receipts import message_failed, message_sent
from services.shared.errors import Busy
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World


def with_queued(count: int) -> World:
    world = World(15)
    world.on_day(15)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, count + 1)}
    world.tick()
    return world


def fail(world: World, notice_id: str, why: str = "550 5.1.1 no such user") -> None:
    with world.store.write() as work:
        message_failed(notice_id, why, work=work, now=world.clock.now())


def test_what_a_server_says_is_never_taken_for_a_code() -> None:
    world = with_queued(2)
    first, second = (notice.notice_id for notice in world.notices())
    fail(world, first, "ADDRESSES_SUPPRESSED: says a server")
    with world.store.write() as work:
        message_failed(second, "None is left.", code="ADDRESSES_SUPPRESSED", work=work, now=world.clock.now())
    found = {notice.notice_id: (notice.state, notice.reason, notice.detail) for notice in world.notices()}
    assert found == {
        first: (State.FAILED, "MAILER_GAVE_UP", "ADDRESSES_SUPPRESSED: says a server"),
        second: (State.SKIPPED, "ADDRESSES_SUPPRESSED", "None is left."),
    }


def test_queued_notices_are_handed_over_once_in_batches() -> None:
    world = with_queued(2 * BATCH + 50)
    calls = 0
    while world.hand_over():
        calls += 1
    assert calls == 3
    assert sorted(n.notice_id for n in world.mailer.accepted) == [n.notice_id for n in world.notices()]


def test_a_mailer_that_is_away_loses_nothing() -> None:
    world = with_queued(1)
    world.mailer.away = True
    with pytest.raises(Busy):
        world.hand_over()
    world.mailer.away = False
    assert world.hand_over()
    assert len(world.mailer.accepted) == 1


def test_what_stays_queued_for_an_hour_is_handed_over_again() -> None:
    world = with_queued(1)
    world.hand_over()
    world.clock.advance(AGAIN_AFTER - timedelta(seconds=1))
    assert not world.hand_over()
    world.clock.advance(timedelta(seconds=1))
    assert world.hand_over()


def test_a_notice_queued_anew_while_the_mailer_was_told_is_handed_over_again() -> None:
    world = with_queued(1)
    notice_id = world.notice(15).notice_id

    def withheld_and_queued_again() -> None:
        world.mailer.during = lambda: None
        world.clock.advance(timedelta(seconds=1))
        world.force([(notice_id, State.SKIPPED, "NO_ADDRESS"), (notice_id, State.QUEUED, "RULE_REACHED")])

    world.mailer.during = withheld_and_queued_again
    assert world.hand_over()
    assert world.hand_over()
    assert len(world.mailer.accepted) == 2


def test_what_was_sent_is_not_handed_over_and_carries_its_message_id() -> None:
    world = with_queued(1)
    world.sent("n000001")
    assert not world.hand_over()
    notice = world.notice(15)
    assert (notice.state, notice.reason) == (State.SENT, "ACCEPTED_BY_SMTP_SERVER")
    assert notice.message_id == "<n000001@test>"


@pytest.mark.parametrize("state", [State.SKIPPED, State.HELD, State.SUPERSEDED, State.FAILED])
def test_a_mail_that_went_out_is_sent_whatever_was_decided_in_the_meantime(state: State) -> None:
    world = with_queued(1)
    world.force([("n000001", state, "SOMETHING")])
    world.sent("n000001")
    assert world.states() == {15: State.SENT}


def test_a_second_telling_changes_nothing() -> None:
    world = with_queued(1)
    world.sent("n000001")
    before = world.notice(15)
    world.clock.advance(timedelta(days=1))
    with world.store.write() as work:
        message_sent("n000001", "<other@test>", work=work, now=world.clock.now())
    fail(world, "n000001")
    assert world.notice(15) == before


def test_a_mail_that_was_given_up_says_why_and_is_not_tried_again() -> None:
    world = with_queued(1)
    fail(world, "n000001")
    notice = world.notice(15)
    assert (notice.state, notice.reason, notice.detail) == (
        State.FAILED,
        "MAILER_GAVE_UP",
        "550 5.1.1 no such user",
    )
    assert world.tick().counts.unchanged == 1


def test_a_superseded_notice_that_the_mailer_gave_up_is_not_queued_again_when_its_rule_counts_once_more() -> (
    None
):
    world = with_queued(1)
    world.enable(30)
    world.on_day(30)
    world.tick()
    fail(world, "n000001")
    world.disable(30)
    world.tick()
    assert world.notice(15).state is State.FAILED, "the mailer would never send it"


def test_a_fact_about_an_unknown_notice_is_let_pass() -> None:
    world = World()
    world.sent("nobody")
    fail(world, "nobody")
    assert world.notices() == []


def test_ids_are_uuids_and_each_sorts_after_the_one_before() -> None:
    import uuid

    new_id = TimeOrderedIds()
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert {uuid.UUID(one).version for one in made[::1000]} == {7}
    assert {str(uuid.UUID(one)) == one for one in made[::1000]} == {True}

"""Notices that nobody can be told: they rest in however many runs, until an address can be used."""

from collections.abc import Callable

import pytest

from services.scheduler.domain.books import Recipient
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.ports import Excluded
from services.scheduler.ports_emails import Unsubscription
from services.scheduler.use_cases.explain import explain_invoice
from tests.fakes.scheduler_peers import ANN, an_invoice
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
from tests.unit.scheduler.world import World

KEY = "ann@acme.test"
CY = Recipient("Cy", "cy@acme.test")
SUPPRESSED = (State.SKIPPED, "ADDRESSES_SUPPRESSED")


def suppress(world: World, key: str = KEY, *, suppressed: bool = True) -> None:
    with world.store.write() as work:
        work.addresses.note_suppressed(key, "BOUNCED", suppressed=suppressed, told_at=world.clock.now())


def lift(world: World) -> None:
    suppress(world, suppressed=False)


def mend(world: World) -> None:
    """A sync replaces the address."""
    world.ledger.addressees["acme"] = (CY,)


def with_withheld() -> World:
    """A due notice that the second look withheld, since mails to its one address come back."""
    world = World(15, 30)
    suppress(world)
    world.on_day(15)
    world.tick()
    world.hand_over()
    world.review(world.notice(15).notice_id)
    assert (world.states(), world.reasons()) == ({15: State.SKIPPED}, {15: "ADDRESSES_SUPPRESSED"})
    world.mailer.accepted.clear()
    return world


def decisions(world: World) -> int:
    with world.store.read() as work:
        return len(work.notices.decisions_on_invoice(1))


def test_a_due_notice_is_not_queued_again_and_again() -> None:
    world = with_withheld()
    before = decisions(world)
    for day in range(16, 20):
        world.on_day(day)
        assert world.tick(dry_run=True).counts.queued == 0
        counts = world.tick().counts
        assert (counts.queued, counts.skipped, counts.unchanged) == (0, 0, 1)
        assert not world.hand_over()
    assert (decisions(world), world.states()) == (before, {15: State.SKIPPED})


@pytest.mark.parametrize("can_be_told", [lift, mend])
def test_a_due_notice_goes_with_the_next_run_once_an_address_can_be_used(
    can_be_told: Callable[[World], None],
) -> None:
    world = with_withheld()
    can_be_told(world)
    world.on_day(16)
    assert world.tick(dry_run=True).counts.queued == 1
    assert world.tick().counts.queued == 1
    assert [notice.threshold for notice in world.deliver()] == [15]


def test_a_later_rule_is_decided_on_its_own_and_replaces_it() -> None:
    world = with_withheld()
    world.on_day(30)
    world.tick()
    assert world.states() == {15: State.SUPERSEDED, 30: State.QUEUED}
    assert world.deliver() == []
    world.tick()
    assert world.reasons() == {15: "LARGER_THRESHOLD_REACHED", 30: "ADDRESSES_SUPPRESSED"}


def test_what_keeps_it_back_beside_its_addresses_is_recorded() -> None:
    world = with_withheld()
    with world.store.write() as work:
        work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, "acme", world.clock.now()))
    world.tick()
    assert world.reasons() == {15: "ORGANIZATION_EXCLUDED"}
    world.ledger.addressees["acme"] = ()
    with world.store.write() as work:
        work.exclusions.remove(NoticeType.DUE_NOTICE, "acme")
    world.tick()
    assert world.reasons() == {15: "NO_ADDRESS"}


def test_of_many_only_those_are_asked_for_who_could_not_be_told_and_all_of_them_at_once() -> None:
    world = with_withheld()
    for number in range(2, 30):
        world.ledger.put(an_invoice(number, organization_id=f"o{number}"))
        world.ledger.addressees[f"o{number}"] = (CY,)
    world.ledger.calls.clear()
    world.tick()
    assert world.ledger.calls.count("addressees") == 1
    assert world.states() == {15: State.SKIPPED}
    lift(world)
    world.tick()
    world.ledger.calls.clear()
    world.tick()
    assert "addressees" not in world.ledger.calls, "all are queued by now"


def test_an_explanation_tells_what_the_next_run_does() -> None:
    world = with_withheld()

    def now() -> str:
        return explain_invoice(1, store=world.store, ledger=world.ledger, clock=world.clock).now

    assert now() == "Nothing: “15 days past due” stays skipped, because the reason still holds."
    mend(world)
    assert now().startswith("Would send “15 days past due”.")


def test_upcoming_payments_and_cards_are_told_once_the_books_have_another_address() -> None:
    world = with_types(upcoming(), EmailType(EXPIRATION, enabled=True))
    world.accounts.plans["acme"], world.accounts.plans["bolt"] = [plan("2026-03-20")], [plan("2026-03-20", 2)]
    world.accounts.methods["acme"] = [card("2026-02")]
    suppress(world)
    at(world, "2026-03-17")
    world.tick()
    world.review(*(notice.notice_id for type in (UPCOMING, EXPIRATION) for notice in told(world, type)))
    for day in ("2026-03-18", "2026-03-18"):
        at(world, day)
        world.tick()
        assert set(states(world, UPCOMING).values()) == {SUPPRESSED}
        assert states(world, EXPIRATION)["acme|m1|2026-02|expired:2"] == SUPPRESSED
    mend(world)
    world.tick()
    assert states(world, UPCOMING) == {
        "acme|2026-03-20": (State.QUEUED, "PAYMENTS_COMING"),
        "bolt|2026-03-20": SUPPRESSED,
    }
    assert states(world, EXPIRATION)["acme|m1|2026-02|expired:2"] == (State.QUEUED, "CARD_EXPIRED")


def test_who_has_unsubscribed_is_not_told_but_another_contact_that_gets_the_star_is() -> None:
    world = with_types(upcoming())
    world.accounts.plans["acme"] = [plan("2026-03-20")]
    with world.store.write() as work:
        work.addresses.unsubscribe(Unsubscription(UPCOMING, KEY, ANN.email, world.clock.now()))
    at(world, "2026-03-17")
    world.tick()
    world.review(*(notice.notice_id for notice in told(world, UPCOMING)))
    at(world, "2026-03-18")
    world.tick()
    assert states(world, UPCOMING) == {"acme|2026-03-20": (State.SKIPPED, "UNSUBSCRIBED")}
    suppress(world)
    world.tick()
    assert states(world, UPCOMING) == {"acme|2026-03-20": SUPPRESSED}, "the newest reason"
    mend(world)
    world.tick()
    assert states(world, UPCOMING) == {"acme|2026-03-20": (State.QUEUED, "PAYMENTS_COMING")}

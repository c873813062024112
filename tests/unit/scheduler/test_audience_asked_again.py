"""Mails to many leave over days: who no longer belongs to a campaign's audience gets none of it."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from services.scheduler.domain.campaigns import Audience, ContactAudience
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import Invitation, NoticeType, State
from services.scheduler.use_cases.by_hand import send_access
from tests.fakes.scheduler import FakeNotices, FakeStore, FakeWork, Tables
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.unit.scheduler.test_campaigns import (
    OF_BILLING,
    SIGNED_IN,
    a_contact,
    cancel,
    start,
    told,
    with_contacts,
    work_on,
)
from tests.unit.scheduler.world import World

PICKY = ContactAudience("billing", ("Prospect",), ("inactive",), without_signed_in=True, without_invited=True)


def decided(audience: Audience = PICKY, contacts: int = 1) -> World:
    """A world in which an invitation to each contact waits at the mailer."""
    world = with_contacts(*map(a_contact, range(1, contacts + 1)))
    start(world, audience)
    work_on(world)
    assert {notice.state for notice in told(world)} == {State.QUEUED}
    return world


def changed(world: World, **but: object) -> None:
    world.accounts.people = [replace(one, **but) for one in world.accounts.people]  # type: ignore[arg-type]


def signs_in(world: World) -> None:
    changed(world, signed_in_at=SIGNED_IN)


def is_invited_by_hand(world: World) -> None:
    send_access(NoticeType.WELCOME, "r1", 1, "second1@x.test", ticking=world.ticking)


def got_an_invitation_by_hand(world: World) -> None:
    notice = send_access(NoticeType.WELCOME, "r1", 1, "second1@x.test", ticking=world.ticking)
    world.sent(notice.notice_id)


def of_type(world: World) -> None:
    world.accounts.organizations["o1"] = FakeOrganization(type="Prospect")


def of_status(world: World) -> None:
    world.accounts.organizations["o1"] = FakeOrganization(status="inactive")


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (signs_in, "SIGNED_IN"),
        (is_invited_by_hand, "INVITED_BEFORE"),
        (got_an_invitation_by_hand, "INVITED_BEFORE"),
        (lambda world: changed(world, profile_id="owner"), "PROFILE_CHANGED"),
        (lambda world: changed(world, profile_id=""), "PROFILE_CHANGED"),
        (of_type, "ORGANIZATION_LEFT_OUT"),
        (of_status, "ORGANIZATION_LEFT_OUT"),
    ],
)
def test_who_has_left_the_audience_gets_nothing_and_the_reason_is_recorded(
    happens: Callable[[World], None], reason: str
) -> None:
    world = decided()
    happens(world)
    (notice,) = told(world)
    (answer,) = world.review(notice.notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == reason
    (notice,) = told(world)
    assert (notice.state, notice.reason) == (State.SKIPPED, reason)


@pytest.mark.parametrize("happens", [signs_in, got_an_invitation_by_hand, of_type, of_status])
def test_what_the_audience_does_not_ask_keeps_nobody_out(happens: Callable[[World], None]) -> None:
    world = decided(OF_BILLING)
    happens(world)
    (notice,) = told(world)
    assert isinstance(world.review(notice.notice_id)[0], Letter)


def test_an_invitation_that_was_withheld_or_failed_is_none() -> None:
    world = decided()
    by_hand = send_access(NoticeType.WELCOME, "r1", 1, "second1@x.test", ticking=world.ticking)
    (notice,) = told(world)
    for state in (State.SKIPPED, State.FAILED):
        world.force([(by_hand.notice_id, state, "MAILER_GAVE_UP")])
        assert isinstance(world.review(notice.notice_id)[0], Letter)


def test_a_cancelled_campaign_keeps_nobody_out_of_the_next_one() -> None:
    world = decided(OF_BILLING)
    cancel(world)
    start(world, replace(PICKY, without_invited=False), "c2")
    work_on(world)
    (second,) = told(world, "c2")
    assert isinstance(world.review(second.notice_id)[0], Letter)
    world = decided(PICKY)
    with world.store.write() as work:
        (first,) = told(world)
        other = replace(first, notice_id="n999", occurrence="1|campaign:c9", campaign_id="c9")
        work.notices.add_new([other])
    assert isinstance(world.review(first.notice_id)[0], Letter), "neither waits for the other"


def test_an_invitation_by_hand_goes_to_whoever_it_was_asked_for() -> None:
    world = decided()
    by_hand = send_access(NoticeType.WELCOME, "r1", 1, "second1@x.test", ticking=world.ticking)
    signs_in(world)
    assert isinstance(world.review(by_hand.notice_id)[0], Letter)


def test_a_whole_batch_costs_one_question_to_the_books() -> None:
    world = decided(contacts=200)
    ids = [notice.notice_id for notice in told(world)]
    world.ledger.calls.clear()
    assert all(isinstance(answer, Letter) for answer in world.review(*ids))
    assert world.ledger.calls == ["contacts_by_id"]


class AskedNotices(FakeNotices):
    """Says of which contacts it was asked whether they were invited."""

    def __init__(self, tables: Tables, asked: list[int]) -> None:
        super().__init__(tables)
        self._asked = asked

    def invitations(self, contact_ids: Collection[int]) -> list[Invitation]:
        self._asked.extend(contact_ids)
        return super().invitations(contact_ids)


class AskedStore(FakeStore):
    """A store whose notices say what they were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    @contextmanager
    def read(self) -> Iterator[FakeWork]:
        with super().read() as work:
            work.notices = AskedNotices(self.tables, self.asked)
            yield work


@pytest.mark.parametrize(("audience", "asked"), [(PICKY, [2]), (OF_BILLING, [])])
def test_it_is_asked_whether_the_very_contact_was_invited_and_only_where_that_leaves_it_out(
    audience: Audience, asked: list[int]
) -> None:
    store = AskedStore()
    world = World(store=store)
    world.accounts.people = [a_contact(number) for number in range(1, 51)]
    start(world, audience)
    work_on(world)
    store.asked.clear()
    (notice,) = [one for one in told(world) if one.access and one.access.contact_id == 2]
    assert isinstance(world.review(notice.notice_id)[0], Letter)
    assert store.asked == asked

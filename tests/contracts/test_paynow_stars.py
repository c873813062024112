"""Stars that staff set, in memory and on both databases: whom mails go to, and what imports change of it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from services.paynow.domain.books import OrganizationMissing, TooMany
from services.paynow.domain.profiles import ContactMissing
from services.paynow.domain.stars import (
    BACK,
    Change,
    Exactly,
    NobodyLeft,
    RequestReused,
    Star,
    Stars,
    Unstar,
)
from services.paynow.ports_accounts import ContactFilter
from services.paynow.use_cases import contacts as asks
from services.paynow.use_cases.stars import star_contacts
from services.shared.errors import Invalid
from tests.contracts.paynow_accounts import World, open_world
from tests.contracts.paynow_books import KINDS
from tests.fakes.clock import SetClock
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    """Ana is the accounting primary, Bob has two addresses, Cy has none; all are of O-1, Dee is of O-2."""
    with open_world(request.param, migrated_url) as world:
        sync(world)
        yield world


def sync(world: World, *, bob: bool | None = None, ana: bool | None = None) -> None:
    """The list as it was before, with what the CRM says of stars."""
    world.sync(
        a_record("1", contact_name="Ana", contact_emails=("ana@x.test",), contact_default=ana),
        a_record("2", contact_name="Bob", contact_emails=("bob@x.test", "b@x.test"), contact_default=bob),
        a_record("3", contact_name="Cy", contact_emails=()),
        a_record("4", organization_id="O-2", contact_name="Dee", contact_emails=("dee@x.test",)),
    )


def id_of(world: World, name: str) -> int:
    batch = asks.list_contacts(ContactFilter(), 0, 10, accounts=world.accounts)
    return next(one.contact.contact_id for one in batch.contacts if one.contact.name == name)


def ask(world: World, change: Change, request_id: str = "", organization_id: str = "O-1") -> Stars:
    """Asks with that id, or with a new one."""
    request_id = request_id or uuid4().hex
    return star_contacts(request_id, organization_id, change, accounts=world.accounts, clock=SetClock())


def told(world: World, organization_id: str = "O-1") -> list[str]:
    """Whom a mail about the account goes to."""
    return [to.email for to in world.account(organization_id).addressees]


def test_a_star_by_hand_adds_a_contact_and_leaves_the_others_as_they_were(world: World) -> None:
    ana, bob = id_of(world, "Ana"), id_of(world, "Bob")
    assert told(world) == ["ana@x.test"]
    stars = ask(world, Star(bob))
    assert stars == Stars(before=(), by_hand=(ana, bob), defaults=(ana, bob), reachable=True)
    assert told(world) == ["ana@x.test", "bob@x.test", "b@x.test"]
    assert told(world, "O-2") == ["dee@x.test"]


def test_a_star_that_is_taken_away_takes_only_that_one(world: World) -> None:
    ana, bob = id_of(world, "Ana"), id_of(world, "Bob")
    ask(world, Star(bob))
    assert ask(world, Unstar(ana)) == Stars((ana, bob), (bob,), (bob,), True)
    assert told(world) == ["bob@x.test", "b@x.test"]


def test_a_star_of_the_crm_can_be_taken_away_by_hand(world: World) -> None:
    sync(world, ana=True, bob=True)
    ask(world, Unstar(id_of(world, "Ana")))
    assert told(world) == ["bob@x.test", "b@x.test"]


def test_a_sync_does_not_undo_what_was_set_by_hand(world: World) -> None:
    ask(world, Exactly((id_of(world, "Bob"),)))
    sync(world, ana=True, bob=False)
    world.sync(a_record("9", contact_name="Eve", contact_emails=("eve@x.test",), contact_default=True))
    assert told(world) == ["bob@x.test", "b@x.test"]


def test_a_sync_still_brings_the_addresses_of_whom_is_starred_by_hand(world: World) -> None:
    ask(world, Exactly((id_of(world, "Bob"),)))
    world.sync(a_record("2", contact_name="Bob", contact_emails=("new@x.test",)))
    assert told(world) == ["new@x.test"]


def test_going_back_follows_what_the_imports_have_said_meanwhile(world: World) -> None:
    ana, bob = id_of(world, "Ana"), id_of(world, "Bob")
    ask(world, Exactly((ana,)))
    sync(world, bob=True)
    assert told(world) == ["ana@x.test"]
    assert ask(world, BACK) == Stars((ana,), (), (bob,), True)
    assert told(world) == ["bob@x.test", "b@x.test"]
    sync(world, ana=True, bob=False)
    assert told(world) == ["ana@x.test"]


def test_asking_for_who_was_starred_before_undoes_a_change(world: World) -> None:
    first = ask(world, Star(id_of(world, "Bob")))
    second = ask(world, Unstar(id_of(world, "Ana")))
    third = ask(world, BACK)
    ask(world, Exactly(third.before))
    assert told(world) == ["bob@x.test", "b@x.test"]
    ask(world, Exactly(second.before))
    assert told(world) == ["ana@x.test", "bob@x.test", "b@x.test"]
    assert ask(world, Exactly(first.before)).by_hand == ()
    assert told(world) == ["ana@x.test"]


def test_a_change_that_leaves_nobody_with_an_address_is_refused_and_changes_nothing(world: World) -> None:
    ana, cy = id_of(world, "Ana"), id_of(world, "Cy")
    for change in (Unstar(ana), Exactly((cy,))):
        with pytest.raises(NobodyLeft, match="Star somebody else first"):
            ask(world, change, "kept")
    assert told(world) == ["ana@x.test"]
    assert ask(world, Star(cy), "kept").before == ()
    with pytest.raises(NobodyLeft):
        ask(world, Unstar(ana))


def test_going_back_to_imports_that_reach_nobody_is_done_and_said(world: World) -> None:
    ana, cy = id_of(world, "Ana"), id_of(world, "Cy")
    ask(world, Exactly((ana,)))
    world.sync(a_record("3", contact_name="Cy", contact_emails=(), contact_default=True))
    assert ask(world, BACK) == Stars((ana,), (), (cy,), False)
    assert told(world) == []


def test_a_star_taken_from_whom_had_none_takes_nothing_over(world: World) -> None:
    assert ask(world, Unstar(id_of(world, "Bob"))).by_hand == ()
    sync(world, bob=True)
    assert told(world) == ["bob@x.test", "b@x.test"]


def test_a_repeat_gives_the_same_answer_and_changes_nothing(world: World) -> None:
    ana, bob = id_of(world, "Ana"), id_of(world, "Bob")
    first = ask(world, Star(bob), "once")
    ask(world, Unstar(ana))
    assert ask(world, Star(bob), "once") == first
    assert told(world) == ["bob@x.test", "b@x.test"]


def test_the_same_request_id_with_another_change_is_refused(world: World) -> None:
    ana, bob, dee = (id_of(world, name) for name in ("Ana", "Bob", "Dee"))
    ask(world, Exactly((ana, bob)), "once")
    assert ask(world, Exactly((bob, ana, bob)), "once").before == ()
    for change, organization_id in ((Star(bob), "O-1"), (Exactly((bob,)), "O-1"), (Exactly((dee,)), "O-2")):
        with pytest.raises(RequestReused):
            ask(world, change, "once", organization_id)
    assert told(world, "O-2") == ["dee@x.test"]


@pytest.mark.parametrize("request_id", [" ", "a" * 65, "über", "a_b"])
def test_what_is_no_request_id_is_refused(world: World, request_id: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(world, BACK, request_id)
    assert refusal.value.reason == "REQUEST_ID_MALFORMED"


def test_who_is_not_there_cannot_be_starred(world: World) -> None:
    with pytest.raises(OrganizationMissing):
        ask(world, BACK, organization_id="O-9")
    for change in (Star(id_of(world, "Dee")), Unstar(999), Exactly((id_of(world, "Ana"), 999))):
        with pytest.raises(ContactMissing):
            ask(world, change)
    with pytest.raises(TooMany):
        ask(world, Exactly(tuple(range(1001))))
    assert told(world) == ["ana@x.test"]

"""Contacts and their client profiles, in memory and on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.paynow.domain.profiles import (
    ContactMissing,
    NameTaken,
    Profile,
    ProfileInUse,
    ProfileMissing,
)
from services.paynow.ports_accounts import ContactFilter
from services.paynow.use_cases import contacts as asks
from services.shared.errors import Invalid
from tests.contracts.paynow_accounts import World, open_world
from tests.contracts.paynow_books import KINDS
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl

AT = datetime(2026, 3, 2, 8, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    with open_world(request.param, migrated_url) as world:
        world.sync(
            a_record("1", contact_name="Ana", contact_emails=("ana@x.test", "office@x.test")),
            a_record("2", contact_name="Bob", contact_emails=("Office@x.test",), contact_profile="viewer"),
            a_record(
                "3",
                organization_id="O-2",
                organization_name="Two",
                organization_type="Retail",
                organization_status="inactive",
                organization_language="de",
                contact_name="Cy",
                contact_emails=(),
                contact_profile="viewer",
            ),
        )
        yield world


EVERYBODY = ContactFilter()


def listed(world: World, wanted: ContactFilter = EVERYBODY) -> list[str]:
    batch = asks.list_contacts(wanted, 0, 10, accounts=world.accounts)
    return [one.contact.name for one in batch.contacts]


def id_of(world: World, name: str) -> int:
    batch = asks.list_contacts(ContactFilter(), 0, 10, accounts=world.accounts)
    return next(one.contact.contact_id for one in batch.contacts if one.contact.name == name)


# Contacts


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (ContactFilter(), ["Ana", "Bob", "Cy"]),
        (ContactFilter(profile_id="viewer"), ["Bob", "Cy"]),
        (ContactFilter(other_profile_than="viewer"), ["Ana"]),
        (ContactFilter(other_profile_than=""), ["Bob", "Cy"]),
        (ContactFilter(profile_id="viewer", without_types=frozenset({"Retail"})), ["Bob"]),
        (ContactFilter(without_statuses=frozenset({"inactive", "associated"})), ["Ana", "Bob"]),
        (ContactFilter(only_default=True), ["Ana", "Cy"]),
        (ContactFilter(organization_type="Retail"), ["Cy"]),
        (ContactFilter(organization_status="active", only_default=True), ["Ana"]),
        (ContactFilter(profile_id="full"), []),
    ],
)
def test_contacts_are_listed_by_what_is_asked(world: World, wanted: ContactFilter, names: list[str]) -> None:
    assert listed(world, wanted) == names
    batch = asks.list_contacts(wanted, 0, 1, accounts=world.accounts)
    assert (len(batch.contacts), batch.total) == (min(1, len(names)), len(names))


def test_contacts_come_in_batches_with_all_their_addresses(world: World) -> None:
    first = asks.list_contacts(ContactFilter(), 0, 2, accounts=world.accounts)
    assert [address.email for address in first.contacts[0].contact.addresses] == [
        "ana@x.test",
        "office@x.test",
    ]
    rest = asks.list_contacts(ContactFilter(), id_of(world, "Bob"), 2, accounts=world.accounts)
    (cy,) = rest.contacts
    assert (cy.contact.name, cy.organization_name, cy.language) == ("Cy", "Two", "de")
    assert (cy.organization_type, cy.organization_status) == ("Retail", "inactive")
    assert rest.total == 0


def test_known_contacts_are_returned_and_unknown_ones_left_out(world: World) -> None:
    found = asks.batch_get_contacts([id_of(world, "Cy"), 999], accounts=world.accounts)
    assert [one.contact.name for one in found] == ["Cy"]


def test_contacts_are_found_by_their_address_in_any_spelling(world: World) -> None:
    found = asks.find_contacts("office@x.test", accounts=world.accounts)
    assert [one.contact.name for one in found] == ["Ana", "Bob"]
    assert asks.find_contacts("nobody@x.test", accounts=world.accounts) == []


def test_the_last_time_that_a_contact_signed_in_is_kept(world: World) -> None:
    ana = id_of(world, "Ana")
    assert asks.record_sign_in(ana, AT, accounts=world.accounts).contact.signed_in_at == AT
    earlier = asks.record_sign_in(ana, AT - timedelta(days=1), accounts=world.accounts)
    assert earlier.contact.signed_in_at == AT
    later = AT + timedelta(days=1)
    assert asks.record_sign_in(ana, later, accounts=world.accounts).contact.signed_in_at == later
    with pytest.raises(ContactMissing):
        asks.record_sign_in(999, AT, accounts=world.accounts)


def test_a_sync_leaves_profile_and_sign_in_as_they_are(world: World) -> None:
    ana = id_of(world, "Ana")
    asks.record_sign_in(ana, AT, accounts=world.accounts)
    asks.set_profiles([(ana, "full")], accounts=world.accounts)
    world.sync(a_record("1", contact_name="Ana", contact_emails=("new@x.test",)))
    (found,) = asks.batch_get_contacts([ana], accounts=world.accounts)
    assert (found.contact.signed_in_at, found.contact.profile_id) == (AT, "full")


# Profiles


def test_a_company_begins_with_three_profiles(world: World) -> None:
    assert asks.list_profiles(accounts=world.accounts) == [
        Profile("billing", "Billing", True, True, 0),
        Profile("full", "Full access", True, True, 0),
        Profile("viewer", "View only", True, False, 2),
    ]


def test_a_profile_is_added_and_replaced(world: World) -> None:
    added = asks.save_profile(Profile("guests", "  Gäste ", False, False), accounts=world.accounts)
    assert added == Profile("guests", "Gäste", False, False, 0)
    changed = asks.save_profile(Profile("viewer", "Lesen", True, True), accounts=world.accounts)
    assert changed == Profile("viewer", "Lesen", True, True, 2)
    names = [profile.name for profile in asks.list_profiles(accounts=world.accounts)]
    assert names == ["Billing", "Full access", "Gäste", "Lesen"]


def test_two_profiles_never_have_one_name(world: World) -> None:
    with pytest.raises(NameTaken, match="billing"):
        asks.save_profile(Profile("mine", "BILLING", True, True), accounts=world.accounts)
    asks.save_profile(Profile("billing", "BILLING", True, True), accounts=world.accounts)


@pytest.mark.parametrize(
    ("profile_id", "name", "reason"),
    [
        ("", "Name", "PROFILE_ID_MALFORMED"),
        ("Upper", "Name", "PROFILE_ID_MALFORMED"),
        ("a" * 41, "Name", "PROFILE_ID_MALFORMED"),
        ("a b", "Name", "PROFILE_ID_MALFORMED"),
        ("ok", " ", "NAME_MISSING"),
        ("ok", "a\nb", "NAME_MALFORMED"),
        ("ok", "a" * 61, "NAME_TOO_LONG"),
    ],
)
def test_what_is_no_profile_is_refused(world: World, profile_id: str, name: str, reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        asks.save_profile(Profile(profile_id, name, True, True), accounts=world.accounts)
    assert refusal.value.reason == reason
    assert len(asks.list_profiles(accounts=world.accounts)) == 3


def test_a_profile_is_removed_unless_a_contact_has_it(world: World) -> None:
    with pytest.raises(ProfileInUse, match="2 contacts"):
        asks.remove_profile("viewer", accounts=world.accounts)
    assert asks.remove_profile("billing", accounts=world.accounts).name == "Billing"
    with pytest.raises(ProfileMissing):
        asks.remove_profile("billing", accounts=world.accounts)


def test_profiles_are_given_to_many_at_once_and_the_answer_undoes_it(world: World) -> None:
    ana, bob = id_of(world, "Ana"), id_of(world, "Bob")
    before = asks.set_profiles([(ana, "billing"), (bob, "")], accounts=world.accounts)
    assert before == [(ana, ""), (bob, "viewer")]
    assert listed(world, ContactFilter(profile_id="billing")) == ["Ana"]
    assert asks.set_profiles(before, accounts=world.accounts) == [(ana, "billing"), (bob, "")]
    assert listed(world, ContactFilter(profile_id="viewer")) == ["Bob", "Cy"]


def test_profiles_are_given_to_all_or_to_none(world: World) -> None:
    ana = id_of(world, "Ana")
    with pytest.raises(ContactMissing):
        asks.set_profiles([(ana, "billing"), (999, "billing")], accounts=world.accounts)
    with pytest.raises(ProfileMissing):
        asks.set_profiles([(ana, "billing"), (ana, "boss")], accounts=world.accounts)
    assert listed(world, ContactFilter(profile_id="billing")) == []

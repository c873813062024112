"""Accounts for the portal keep their promises on both databases, for several gateways at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from gateway import identity
from gateway.identity import portal
from gateway.identity.portal import AccountExists, LinkUsed, PortalAccount, PortalContact
from gateway.identity.tables_portal import portal_accounts, used_links
from services.shared.database import Database
from services.shared.errors import Invalid
from services.shared.portal_links import PortalLink
from tests.contracts.test_gateway_identity import at_once
from tests.servers import DATABASES, MigratedUrl

PASSWORD, OTHER = "correct horse battery staple", "another fine password"
EMAIL = "dana@acme.example"
ACME, BOLT = PortalContact(1, "ACME"), PortalContact(3, "BOLT")


@pytest.fixture(params=DATABASES)
def gateways(
    request: pytest.FixtureRequest, migrated_url: MigratedUrl
) -> Iterator[tuple[Database, Database]]:
    """The same database as two gateways have it."""
    url = migrated_url(request.param, identity.MIGRATIONS)
    databases = Database(url), Database(url)
    yield databases
    for database in databases:
        database.dispose()


@pytest.fixture
def database(gateways: tuple[Database, Database]) -> Database:
    return gateways[0]


def choose(
    database: Database, notice: str = "notice-1", password: str = PASSWORD, contact: PortalContact = ACME
) -> PortalAccount:
    return portal.choose_password(database, link(notice), EMAIL, contact, password, replaces=True)


def link(notice: str, age: timedelta = timedelta()) -> PortalLink:
    """As it was mailed so long ago."""
    return PortalLink(notice, datetime.now(UTC) - age)


def is_used(database: Database, notice: str, age: timedelta = timedelta()) -> bool:
    return portal.is_used(database, link(notice, age), EMAIL, ACME)


def test_an_invitation_makes_an_account_that_the_password_opens(database: Database) -> None:
    made = choose(database)
    assert (made.email, made.contacts) == (EMAIL, (ACME,))
    assert portal.check_password(database, " Dana@ACME.example ", PASSWORD) == made
    assert portal.check_password(database, EMAIL, OTHER) is None
    assert portal.check_password(database, "nobody@acme.example", PASSWORD) is None
    assert portal.check_password(database, f"{EMAIL}\0", PASSWORD) is None
    assert portal.find_account(database, made.account_id) == made
    assert portal.find_by_address(database, EMAIL.upper()) == made
    assert portal.find_account(database, made.account_id + 1) is None


def test_a_link_is_used_once_however_many_use_it_at_once(gateways: tuple[Database, Database]) -> None:
    outcomes = at_once(
        *(lambda at=at: choose(gateways[at % 2], password=f"password number {at}") for at in range(4))
    )
    accounts = [outcome for outcome in outcomes if isinstance(outcome, PortalAccount)]
    assert [type(outcome) for outcome in outcomes if outcome not in accounts] == [LinkUsed] * 3
    assert len(accounts) == 1
    held = [portal.check_password(gateways[0], EMAIL, f"password number {at}") for at in range(4)]
    assert [account is not None for account in held] == [outcome in accounts for outcome in outcomes]
    assert is_used(gateways[1], "notice-1")
    assert not is_used(gateways[1], "notice-2")


def test_two_links_at_once_leave_one_account_for_both(gateways: tuple[Database, Database]) -> None:
    at_once(lambda: choose(gateways[0]), lambda: choose(gateways[1], "notice-2", contact=BOLT))
    account = portal.find_by_address(gateways[0], EMAIL)
    assert account is not None
    assert set(account.contacts) == {ACME, BOLT}


def test_a_new_password_ends_the_sessions_and_keeps_whom_the_account_stands_for(database: Database) -> None:
    first = choose(database)
    second = choose(database, "notice-2", OTHER, BOLT)
    assert second.account_id == first.account_id
    assert second.session_epoch == first.session_epoch + 1
    assert second.contacts == (ACME, BOLT)
    assert portal.check_password(database, EMAIL, PASSWORD) is None
    assert choose(database, "notice-3").contacts == (ACME, BOLT)


def test_a_password_that_is_too_short_uses_no_link_up(database: Database) -> None:
    with pytest.raises(Invalid):
        choose(database, password="short")
    assert not is_used(database, "notice-1")
    assert portal.find_by_address(database, EMAIL) is None


def test_a_used_link_changes_nothing(database: Database) -> None:
    made = choose(database)
    with pytest.raises(LinkUsed):
        choose(database, password=OTHER, contact=BOLT)
    assert portal.check_password(database, EMAIL, PASSWORD) == made


def test_a_new_password_outdoes_the_older_links_of_the_contact_but_no_other_invitation(
    database: Database,
) -> None:
    choose(database)
    older = timedelta(minutes=5)
    assert is_used(database, "an older one", older)
    with pytest.raises(LinkUsed):
        portal.choose_password(database, link("an older one", older), EMAIL, ACME, OTHER, replaces=True)
    assert portal.check_password(database, EMAIL, PASSWORD) is not None
    made = portal.choose_password(database, link("of another", older), EMAIL, BOLT, OTHER, replaces=True)
    assert made.contacts == (ACME, BOLT)


def test_a_password_that_must_not_replace_one_makes_an_account_or_changes_nothing(database: Database) -> None:
    made = portal.choose_password(database, link("first"), EMAIL, ACME, PASSWORD, replaces=False)
    with pytest.raises(AccountExists):
        portal.choose_password(database, link("second"), EMAIL.upper(), BOLT, OTHER, replaces=False)
    assert portal.check_password(database, EMAIL, PASSWORD) == made
    assert not is_used(database, "second")


def test_of_two_first_passwords_at_once_the_second_replaces_nothing(
    gateways: tuple[Database, Database],
) -> None:
    outcomes = at_once(
        *(
            lambda at=at: portal.choose_password(
                gateways[at], link(f"notice-{at}"), EMAIL, ACME, f"password number {at}", replaces=False
            )
            for at in range(2)
        )
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AccountExists", "PortalAccount"]
    held = [portal.check_password(gateways[0], EMAIL, f"password number {at}") for at in range(2)]
    assert [account is not None for account in held] == [isinstance(one, PortalAccount) for one in outcomes]


def test_a_contact_that_is_added_changes_neither_password_nor_sessions(database: Database) -> None:
    made = choose(database)
    both = portal.add_contact(database, link("of Bolt"), made, BOLT)
    assert both.contacts == (ACME, BOLT)
    assert both.session_epoch == made.session_epoch
    assert portal.check_password(database, EMAIL, PASSWORD) == both
    with pytest.raises(LinkUsed):
        portal.add_contact(database, link("of Bolt"), made, BOLT)
    assert portal.add_contact(database, link("of Bolt again"), made, BOLT) == both


def test_used_links_are_forgotten_once_their_age_refuses_them(database: Database) -> None:
    choose(database)
    with database.write() as connection:
        connection.execute(update(used_links).values(used_at=datetime.now(UTC) - timedelta(hours=26)))
    choose(database, "notice-2")
    assert not is_used(database, "notice-1")
    assert is_used(database, "notice-2")


def test_the_last_sign_in_is_noted(database: Database) -> None:
    account = choose(database)
    at = portal.note_sign_in(database, account.account_id)
    with database.read() as connection:
        assert connection.execute(select(portal_accounts.c.last_sign_in_at)).scalar_one() == at


def test_staff_and_contacts_are_different_people(database: Database) -> None:
    choose(database)
    assert identity.check_password(database, EMAIL, PASSWORD) is None
    identity.add_staff(database, "staff@harbor.example", OTHER)
    assert portal.check_password(database, "staff@harbor.example", OTHER) is None

"""An invitation for an address that has an account: its password stays, unless its owner says otherwise."""

import pytest
from flask import Flask

from gateway.identity import portal
from gateway.identity.portal import PortalContact
from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA_EMAIL, PASSWORD, accept, invitation, sign_in
from tests.fakes.gateway_visitor import Visitor, a_site

BOLTS = 3
ACME, BOLT = PortalContact(1, "ACME"), PortalContact(BOLTS, "BOLT")


@pytest.fixture
def site(services: FakeServices, own_database: Database) -> Flask:
    return a_site(services, own_database)


@pytest.fixture
def dana(site: Flask, services: FakeServices) -> Visitor:
    """Signed in for Acme; Bolt lists her at the same address."""
    visitor = Visitor(site)
    accept(visitor, invitation(services))
    services.accounts.contact(BOLTS).emails.append(DANA_EMAIL)
    return visitor


@pytest.fixture
def elsewhere(site: Flask, dana: Visitor) -> Visitor:
    """A browser that is not signed in."""
    return Visitor(site, address="198.51.100.9")


def contacts(database: Database) -> set[PortalContact]:
    account = portal.find_by_address(database, DANA_EMAIL)
    assert account is not None
    return set(account.contacts)


def test_who_knows_the_password_adds_the_organization_and_keeps_it(
    elsewhere: Visitor, dana: Visitor, services: FakeServices, own_database: Database
) -> None:
    path = invitation(services, BOLTS)
    asked = elsewhere.get(path)
    assert "You have an account already" in asked.text
    assert "can show you Bolt & Sons too" in asked.text
    page = elsewhere.send(asked.form("/join"), password=PASSWORD)
    assert "Bolt & Sons" in page.one("//h1").text_content()
    assert "Bolt & Sons has been added." in page.text
    other = page.one("//nav[@class='others']//a")
    assert "Acme Corporation" in elsewhere.get(other.get("href")).one("//h1").text_content()
    assert contacts(own_database) == {ACME, BOLT}
    assert dana.get("/portal").path == "/portal", "no session ended"
    assert elsewhere.get(path).status == 410, "the link is used up"
    assert portal.check_password(own_database, DANA_EMAIL, PASSWORD) is not None


def test_a_wrong_password_adds_nothing_and_leaves_the_link_good(
    elsewhere: Visitor, services: FakeServices, own_database: Database
) -> None:
    path = invitation(services, BOLTS)
    for password, words in (("not hers at all", "This is not the password"), ("", "Enter your password")):
        page = elsewhere.send(elsewhere.get(path).form("/join"), password=password)
        assert page.status == 400
        assert words in page.one("//p[@id='password-error']").text_content()
    assert contacts(own_database) == {ACME}
    assert elsewhere.send(elsewhere.get(path).form("/join"), password=PASSWORD).path == "/portal"


def test_who_is_signed_in_already_only_says_yes(
    dana: Visitor, services: FakeServices, own_database: Database
) -> None:
    page = dana.get(invitation(services, BOLTS))
    assert "You are signed in; your password stays as it is." in page.text
    assert page.tree.xpath("//input[@type='password']") == []
    assert "Bolt & Sons has been added." in dana.send(page.form("/join")).text
    assert contacts(own_database) == {ACME, BOLT}


def test_a_session_of_another_account_does_not_say_yes(
    site: Flask, dana: Visitor, services: FakeServices, own_database: Database
) -> None:
    other = Visitor(site)
    accept(other, invitation(services, 5, "kasse@cafe.example"), "a few words of Café")
    path = invitation(services, BOLTS)
    assert other.get(path).tree.xpath("//input[@type='password']") != []
    form = dana.get(path).form("/join")
    assert form is not None
    forged = other.get(path).form("/join")
    assert other.send(forged, password="a few words of Café").status == 400
    assert contacts(own_database) == {ACME}


def test_a_second_invitation_of_the_same_organization_says_what_there_is_to_do(
    elsewhere: Visitor, services: FakeServices, own_database: Database
) -> None:
    page = elsewhere.get(invitation(services))
    assert "you see Acme Corporation already" in page.text
    assert "Sign in with your present password; it stays as it is." in page.text
    home = elsewhere.send(page.form("/join"), password=PASSWORD)
    assert home.path == "/portal"
    assert "has been added" not in home.text
    assert contacts(own_database) == {ACME}


def test_who_forgot_the_password_replaces_it_after_being_told(
    elsewhere: Visitor, dana: Visitor, services: FakeServices, own_database: Database
) -> None:
    path = invitation(services, BOLTS)
    page = elsewhere.get(elsewhere.get(path).one("//a[contains(@href, 'anew=1')]").get("href"))
    assert "It replaces the present one" in page.text
    assert "signs you out wherever you are signed in" in page.text
    done = elsewhere.send(page.form(path), password="another few words", again="another few words")
    assert "Your password is set." in done.text
    assert contacts(own_database) == {ACME, BOLT}
    assert dana.get("/portal").path == "/portal/login"
    assert sign_in(dana, password="another few words").path == "/portal"


def test_a_form_that_did_not_say_so_replaces_no_password(
    site: Flask, services: FakeServices, own_database: Database
) -> None:
    services.accounts.contact(BOLTS).emails.append(DANA_EMAIL)
    visitor, path = Visitor(site), invitation(services, BOLTS)
    form = visitor.get(path).form(path)
    accept(Visitor(site), invitation(services))
    page = visitor.send(form, password="another few words", again="another few words")
    assert page.path == path
    assert "You have an account already" in page.text
    assert portal.check_password(own_database, DANA_EMAIL, PASSWORD) is not None
    assert contacts(own_database) == {ACME}


def test_joining_asks_for_the_account_that_the_link_went_to(
    elsewhere: Visitor, services: FakeServices, own_database: Database
) -> None:
    path = invitation(services, BOLTS)
    values = dict(elsewhere.get(path).form("/join").form_values())
    reset = invitation(services, reset=True).replace("reset", "welcome")
    page = elsewhere.post(f"{reset}/join", {**values, "password": PASSWORD})
    assert "Choose a new password" in page.text, "a link for a new password adds nobody"
    fresh = invitation(services, 5, "kasse@cafe.example")
    page = elsewhere.post(f"{fresh}/join", {**values, "password": PASSWORD})
    assert "Create my account" in page.text, "there is no account to join yet"
    assert contacts(own_database) == {ACME}


def test_tries_of_one_link_are_limited_whoever_makes_them(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    path = invitation(services, BOLTS)
    answers = []
    for number in range(11):
        visitor = Visitor(site, address=f"203.0.113.{number}")
        answers.append(visitor.send(visitor.get(path).form("/join"), password="wrong").status)
    assert answers == [400] * 10 + [429]

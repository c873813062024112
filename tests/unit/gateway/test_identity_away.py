"""The gateway's own database is away: everybody is asked to come again, and nobody is signed out."""

from pathlib import Path

import pytest

from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import accept, invitation
from tests.fakes.gateway_visitor import Visitor, a_site, an_identity


class Identity:
    """The database of staff, which can be carried away and brought back."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._elsewhere = folder.with_name(f"{folder.name}-elsewhere")

    def go_away(self) -> None:
        self._database.dispose()
        self._folder.rename(self._elsewhere)

    def come_back(self) -> None:
        self._elsewhere.rename(self._folder)


@pytest.fixture
def identity(own_database: Database, tmp_path: Path) -> Identity:
    return Identity(own_database, tmp_path)


@pytest.fixture
def member(services: FakeServices, own_database: Database) -> Visitor:
    return Visitor(a_site(services, own_database)).sign_in()


def test_a_form_whose_token_could_not_be_checked_is_not_kept(member: Visitor, identity: Identity) -> None:
    identity.go_away()
    page = member.post("/client-emails/templates/invoice", {"csrf_token": "forged", "subject": "Foreign"})
    assert page.status == 503
    assert "What you sent is not kept on this page." in page.text
    assert "Foreign" not in page.html


def test_staff_is_asked_to_come_again_and_stays_signed_in(member: Visitor, identity: Identity) -> None:
    identity.go_away()
    page = member.get("/client-emails")
    assert page.status == 503
    assert page.headers["Retry-After"] == "5"
    assert "try again in a few seconds" in page.text
    assert "sqlite" not in page.html.lower()
    identity.come_back()
    assert member.get("/client-emails").status == 200, "without signing in anew"


class Hanging(Database):
    """One that does not answer, for as long as the test says so."""

    hanging = False

    @property
    def hangs(self) -> bool:
        return self.hanging


def test_nobody_waits_for_a_database_that_hangs(services: FakeServices, tmp_path: Path) -> None:
    an_identity(tmp_path).dispose()
    database = Hanging(f"sqlite:///{next(tmp_path.glob('*'))}")
    visitor = Visitor(a_site(services, database)).sign_in()
    database.hanging = True
    assert visitor.get("/client-emails").status == 503
    database.hanging = False
    assert visitor.get("/client-emails").status == 200
    database.dispose()


def test_a_contact_is_asked_to_come_again_and_stays_signed_in(services: FakeServices, tmp_path: Path) -> None:
    an_identity(tmp_path).dispose()
    database = Hanging(f"sqlite:///{next(tmp_path.glob('*'))}")
    visitor = Visitor(a_site(services, database))
    accept(visitor, invitation(services))
    database.hanging = True
    page = visitor.get("/portal")
    assert page.status == 503
    assert "We will be right back" in page.text
    database.hanging = False
    assert visitor.get("/portal").path == "/portal", "without signing in anew"
    database.dispose()


def test_a_link_to_the_portal_waits_for_the_database(
    services: FakeServices, own_database: Database, identity: Identity
) -> None:
    visitor, path = Visitor(a_site(services, own_database)), invitation(services)
    identity.go_away()
    page = visitor.get(path)
    assert page.status == 503
    assert "sqlite" not in page.html.lower()
    identity.come_back()
    assert accept(visitor, path).path == "/portal"


def test_a_client_who_pays_is_served_all_the_same(
    services: FakeServices, own_database: Database, identity: Identity
) -> None:
    visitor = Visitor(a_site(services, own_database))
    identity.go_away()
    assert visitor.get("/pay").status == 200

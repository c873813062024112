"""Stars on an organization's page: who gets its mails, why, and how staff change it and take it back."""

from typing import Any

import pytest
from dunlin.paynow.v1 import books_pb2

from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Page, Visitor

ACME = "/organizations/ACME"


@pytest.fixture
def services() -> FakeServices:
    return a_story()


def told(page: Page) -> str:
    """What the page says about what was done."""
    return " ".join(page.one("//div[contains(@class, 'note')][@role]/p").text_content().split())


def shown(page: Page) -> dict[str, str]:
    """Of each contact that has the star, why."""
    starred = page.tree.xpath("//li[.//button[@aria-pressed='true']]")
    return {
        one.xpath("string(.//strong)"): one.xpath("string(.//*[contains(@class, 'contact-why')][1])")
        for one in starred
    }


def press(staff: Visitor, name: str) -> Page:
    """Presses the star of a contact."""
    form: Any = staff.get(ACME).one(f"//form[button[@aria-label='Star: {name}']]")
    return staff.send(form)


def test_a_page_says_who_has_a_star_and_where_it_comes_from(staff: Visitor, services: FakeServices) -> None:
    assert shown(staff.get(ACME)) == {"Dana Reyes": "Primary contact of the accounting system"}
    first = services.ledger.organizations["ACME"].contacts[0]
    first.default_by = first.default_by_imports = books_pb2.DEFAULT_BY_CRM
    page = staff.get(ACME)
    assert shown(page) == {"Dana Reyes": "From the CRM"}
    assert "the import says who has one" in page.text
    assert not page.tree.xpath("//form[contains(@action, '/stars/back')]")


def test_a_star_adds_a_contact_and_says_who_gets_the_mails_now(staff: Visitor) -> None:
    page = press(staff, "Sam Other")
    assert told(page) == (
        "Sam Other is starred. Notices and receipts now go to Dana Reyes and Sam Other."
        " Imports change nothing about it from now on."
    )
    assert shown(page) == {"Dana Reyes": "Starred by hand", "Sam Other": "Starred by hand"}


def test_a_star_is_taken_away_and_the_undo_gives_it_back(staff: Visitor) -> None:
    press(staff, "Sam Other")
    page = press(staff, "Dana Reyes")
    assert told(page) == ("Dana Reyes is not starred any more. Notices and receipts now go to Sam Other.")
    assert list(shown(page)) == ["Sam Other"]
    assert list(shown(staff.send(page.form("/stars/as-before")))) == ["Dana Reyes", "Sam Other"]


def test_the_undo_of_the_first_star_lets_the_import_decide_again(staff: Visitor) -> None:
    page = staff.send(press(staff, "Sam Other").form("/stars/as-before"))
    assert shown(page) == {"Dana Reyes": "Primary contact of the accounting system"}
    assert told(page) == "The stars are as they were before. Notices and receipts now go to Dana Reyes."


def test_going_back_says_before_who_will_have_the_star(staff: Visitor) -> None:
    press(staff, "Sam Other")
    page = press(staff, "Dana Reyes")
    assert "The stars were set by hand, and imports do not change them." in page.text
    assert "Then Dana Reyes has the star." in page.text
    page = staff.send(page.form("/stars/back"))
    assert told(page).startswith("The imports decide about stars again. Notices and receipts now go to Dana")
    assert list(shown(page)) == ["Dana Reyes"]
    assert list(shown(staff.send(page.form("/stars/as-before")))) == ["Sam Other"]


def test_going_back_to_nobody_who_can_be_reached_is_said_aloud(
    staff: Visitor, services: FakeServices
) -> None:
    press(staff, "Sam Other")
    del services.ledger.organizations["ACME"].contacts[0].emails[:]
    page = staff.send(staff.get(ACME).form("/stars/back"))
    assert "Nobody who is starred now has an email address, so nothing can be sent." in told(page)
    assert page.one("//div[contains(@class, 'note')][@role]").get("role") == "alert"


def test_whom_no_mail_can_reach_is_not_said_to_get_any(staff: Visitor, services: FakeServices) -> None:
    del services.ledger.organizations["ACME"].contacts[1].emails[:]
    said = told(press(staff, "Sam Other"))
    assert "now go to Dana Reyes. Sam Other has no email address." in said


def test_the_last_star_stays_and_the_page_says_why(staff: Visitor, services: FakeServices) -> None:
    page = press(staff, "Dana Reyes")
    assert told(page) == "Nothing was changed. Then nobody would get the mails."
    assert list(shown(page)) == ["Dana Reyes"]


def test_a_double_click_changes_one_thing_and_offers_the_same_undo(staff: Visitor) -> None:
    form = staff.get(ACME).one("//form[button[@aria-label='Star: Sam Other']]")
    first, second = told(staff.send(form)), staff.send(form)
    assert told(second) == first
    assert list(shown(staff.send(second.form("/stars/as-before")))) == ["Dana Reyes"]


def test_a_form_of_an_old_page_does_not_claim_what_is_no_longer_so(staff: Visitor) -> None:
    form = staff.get(ACME).one("//form[button[@aria-label='Star: Sam Other']]")
    page = staff.send(staff.send(form).form("/stars/as-before"))
    page = staff.send(form)
    assert told(page).startswith("This was done before, and the stars have changed since.")
    assert list(shown(page)) == ["Dana Reyes"]


def test_stars_need_a_session_and_the_token_of_a_form(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(ACME).one("//form[button[@aria-label='Star: Sam Other']]")
    values = dict(form.form_values())
    assert staff.post(form.action, values | {"csrf_token": "wrong"}).status == 400
    assert staff.post("/stars/99999999999999999999/star", values).status == 404
    for contacts in ("1,", "x", "1" * 20, "9" * 19):
        assert staff.post("/stars/as-before", values | {"contacts": contacts}).status == 404
    assert services.accounts.requests("StarContacts") == []


def test_who_is_not_there_any_more_is_not_found(staff: Visitor) -> None:
    form = staff.get(ACME).one("//form[button[@aria-label='Star: Sam Other']]")
    values = dict(form.form_values())
    assert staff.post("/stars/999/star", values).status == 404
    assert staff.post(form.action, values | {"organization": "NOBODY"}).status == 404

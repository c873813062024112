"""A test of a draft goes to staff, and never to a client by itself."""

import pytest

from gateway.template_editor.types import SLUGS
from services.shared.errors import Busy
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

EDIT = "/client-emails/templates/account-summary"
ME, CLIENT = "staff@harbor.example", "dana@acme.example"


def send(staff: Visitor, page: Page | None = None, **values: object) -> Page:
    form = (page or staff.get(f"{EDIT}?language=de")).one("//form[.//textarea]")
    form.action = f"{EDIT}/test?language=de"
    return staff.send(form, **values)


def sent(services: FakeServices) -> list[list[str]]:
    return [list(test.addresses) for test in services.mailer.tests.values()]


def test_a_test_goes_to_oneself_unless_told_otherwise_and_saves_nothing(
    staff: Visitor, services: FakeServices
) -> None:
    page = send(staff, title="A draft")
    assert f"The test went to {ME}." in page.text
    (test,) = services.mailer.tests.values()
    assert (test.key.type, test.key.language) == (SLUGS["account-summary"], "de")
    assert (test.areas.title, test.sent_by, list(test.addresses)) == ("A draft", ME, [ME])
    assert len(services.mailer.versions[SLUGS["account-summary"], "de", 0]) == 1
    assert page.one("//input[@name='title']").get("value") == "A draft"
    assert page.one("//form[.//textarea]").get("data-dirty") == "yes"


def test_a_form_that_is_sent_twice_sends_one_test_and_the_next_form_another(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.get(f"{EDIT}?language=de")
    send(staff, page)
    again = send(staff, page)
    assert len(services.mailer.tests) == 1
    send(staff, again)
    assert len(services.mailer.tests) == 2


def test_addresses_may_stand_in_any_row_and_each_gets_it_once(staff: Visitor, services: FakeServices) -> None:
    send(staff, addresses="a@harbor.example, b@harbor.example;A@harbor.example\tc@harbor.example")
    assert sent(services) == [["A@harbor.example", "b@harbor.example", "c@harbor.example"]]


@pytest.mark.parametrize("address", [CLIENT, "DANA@acme.example", f"{ME}, {CLIENT}"])
def test_a_clients_address_gets_none_unless_it_is_asked_for_by_name(
    staff: Visitor, services: FakeServices, address: str
) -> None:
    page = send(staff, addresses=address)
    assert page.status == 400
    assert "Dana Reyes, Acme Corporation" in page.one("//p[@id='addresses-error']").text
    assert sent(services) == []
    page = send(staff, page, to_client=True)
    assert page.status == 200
    assert sent(services) == [address.replace(",", "").split()]
    assert page.tree.xpath("//input[@name='to_client']") == [], "the leave was for that test alone"


def test_the_leave_for_one_client_is_none_for_another(staff: Visitor, services: FakeServices) -> None:
    refused = send(staff, addresses=CLIENT)
    page = send(staff, refused, addresses="sam@cafe.example", to_client=True)
    assert page.status == 400
    assert "Sam Other" in page.html
    assert sent(services) == []
    page = send(staff, page, to_client=True)
    assert sent(services) == [["sam@cafe.example"]]


def test_the_leave_for_a_client_cannot_be_given_beforehand_by_mistake(staff: Visitor) -> None:
    assert staff.get(EDIT).tree.xpath("//input[@name='to_client']") == []


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ("", "Say where the test is to go."),
        (" , ", "Say where the test is to go."),
        ("me", "“me” is not an email address."),
        (", ".join(f"{n}@harbor.example" for n in range(6)), "at most 5"),
    ],
)
def test_what_is_wrong_with_the_addresses_stands_beside_them(
    staff: Visitor, services: FakeServices, addresses: str, words: str
) -> None:
    page = send(staff, addresses=addresses, title="A draft")
    assert page.status == 400
    assert words in page.one("//p[@id='addresses-error']").text
    assert page.one("//input[@name='title']").get("value") == "A draft"
    assert sent(services) == []


def test_a_wrong_draft_is_not_sent(staff: Visitor, services: FakeServices) -> None:
    page = send(staff, header="{{ invoice.numbr }}")
    assert page.status == 400
    assert "There is no token" in page.one("//ul[@id='header-error']").text_content()
    assert sent(services) == []


def test_while_nobody_can_say_whose_addresses_these_are_nothing_is_sent(
    staff: Visitor, services: FakeServices
) -> None:
    services.accounts.refuse["FindContacts"] = Busy("away")
    page = send(staff, title="A draft")
    assert page.status == 503
    assert "cannot be looked up at the moment" in page.one("//p[@id='addresses-error']").text
    assert page.one("//input[@name='title']").get("value") == "A draft"
    assert sent(services) == []

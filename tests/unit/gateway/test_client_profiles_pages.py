"""Client profiles: what they allow, who has them, and giving them to many at once."""

import threading

from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import SUMMARY
from tests.fakes.gateway_visitor import Page, Visitor

PROFILES = "/settings/profiles"
ASSIGN = "/settings/profiles/assign"


def said(page: Page, role: str = "status") -> str:
    return " ".join(page.one(f"//div[@role='{role}']/p").text_content().split())


def profiles_of(services: FakeServices) -> dict[int, str]:
    return {one.contact_id: one.profile_id for one in services.accounts.all_contacts()}


def wait_for_the_end() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("client-profiles-"):
            thread.join(30)


def test_the_list_says_what_each_profile_may_and_how_many_have_it(staff: Visitor) -> None:
    rows = [" ".join(row.text_content().split()) for row in staff.get(PROFILES).tree.xpath("//tbody/tr")]
    assert rows == ["Billing See invoices and pay 3 Change Remove", "Owner See invoices 0 Change Remove"]


def test_a_profile_is_added_with_an_id_of_its_own(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(PROFILES).one("//form[.//input[@name='name']]")
    assert "Front desk" in said(staff.send(form, name="Front desk"))
    added = next(one for one in services.accounts.profiles.values() if one.name == "Front desk")
    assert added.profile_id.startswith("front-desk-")
    assert (added.sees_invoices, added.may_pay) == (True, True)


def test_who_sees_no_invoices_may_not_pay_them(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(f"{PROFILES}/billing").form("/profiles/billing")
    staff.send(form, sees_invoices=None)
    assert not services.accounts.profiles["billing"].may_pay


def test_a_name_that_is_taken_says_so_beside_its_field(staff: Visitor) -> None:
    page = staff.send(staff.get(f"{PROFILES}/billing").form("/profiles/billing"), name="Owner")
    assert page.status == 400
    assert "Another client profile has this name." in page.one("//p[@id='name-error']").text_content()


def test_a_renamed_profile_keeps_its_id_and_contacts(staff: Visitor, services: FakeServices) -> None:
    staff.send(staff.get(f"{PROFILES}/billing").form("/profiles/billing"), name="Accounts payable")
    assert services.accounts.profiles["billing"].name == "Accounts payable"
    assert set(profiles_of(services).values()) == {"billing", ""}


def test_a_profile_in_use_is_not_removed(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get(PROFILES).form("/billing/remove"))
    assert said(page, "alert").startswith("Contacts have this client profile.")
    assert "billing" in services.accounts.profiles


def test_a_removed_profile_can_be_added_again(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get(PROFILES).form("/owner/remove"))
    assert "owner" not in services.accounts.profiles
    staff.send(page.one("//form[normalize-space(.)='Add it again']"))
    again = services.accounts.profiles["owner"]
    assert (again.name, again.sees_invoices, again.may_pay) == ("Owner", True, False)


def test_adding_a_profile_again_replaces_none_that_is_there(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(PROFILES).one("//section[@aria-labelledby='add']//form")
    staff.post(PROFILES, {**dict(form.form_values()), "name": "Board", "restored": "billing"})
    assert services.accounts.profiles["billing"].name == "Billing"
    assert "Board" in [one.name for one in services.accounts.profiles.values()]


def test_a_profile_that_the_account_summary_goes_by_is_not_removed(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.types[SUMMARY].profile_ids.append("owner")
    page = staff.send(staff.get(PROFILES).form("/owner/remove"))
    assert said(page, "alert").startswith("The account summary goes to contacts with this client profile.")
    assert "owner" in services.accounts.profiles


def test_who_has_the_profile_already_is_counted_and_not_named(staff: Visitor, services: FakeServices) -> None:
    services.accounts.contact(1).profile_id = "owner"
    page = staff.get(f"{ASSIGN}?whom=default&profile=owner")
    assert "1 contact has it already." in page.text
    assert "Acme Corporation" not in page.one("//section[@aria-labelledby='plan']").text_content()


def test_what_would_change_takes_two_answers_however_many_contacts_there_are(
    staff: Visitor, services: FakeServices
) -> None:
    for number in range(1200):
        services.add_organization(f"O{number}", f"Organization {number}", f"o{number}@example.test")
    page = staff.get(f"{ASSIGN}?whom=all&profile=owner")
    assert "2,406 contacts would change" in page.text
    assert "The first 50 of 2,406 contacts." in page.text
    asked = [name for name, _ in services.accounts.calls if name in ("ListContacts", "CountContacts")]
    assert asked == ["CountContacts", "ListContacts"]


def test_who_would_change_is_counted_and_named_before_anything_does(
    staff: Visitor, services: FakeServices
) -> None:
    services.ledger.organizations["BOLT"].type = "Residential"
    page = staff.get(f"{ASSIGN}?type=Managed&status=active&whom=default&profile=owner")
    assert "2 contacts would change" in page.text
    assert "2 from “Billing” to “Owner”." in page.text
    assert [row.text_content().split()[0] for row in page.tree.xpath("//tbody/tr/th")] == ["Dana", "Dana"]
    assert services.accounts.requests("SetProfiles") == []


def test_all_contacts_count_only_where_that_was_asked_for(staff: Visitor) -> None:
    assert "6 contacts would change" in staff.get(f"{ASSIGN}?whom=all&profile=owner").text
    assert "3 contacts would change" in staff.get(f"{ASSIGN}?profile=owner").text


def test_a_profile_given_to_many_can_be_taken_back(staff: Visitor, services: FakeServices) -> None:
    before = profiles_of(services)
    page = staff.send(staff.get(f"{ASSIGN}?whom=all&profile=owner").form(ASSIGN))
    wait_for_the_end()
    page = staff.get(page.path)
    assert "6 contacts have been changed." in page.text
    assert set(profiles_of(services).values()) == {"owner"}
    staff.send(page.form("/undo"))
    wait_for_the_end()
    assert profiles_of(services) == before


def test_who_has_it_already_is_left_alone(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(f"{ASSIGN}?whom=all&profile=billing")
    assert "3 contacts have it already." in page.text
    staff.send(page.form(ASSIGN))
    wait_for_the_end()
    [order] = services.accounts.requests("SetProfiles")
    assert [one.contact_id for one in order.contacts] == [2, 4, 6]


def test_a_profile_can_be_taken_away_from_many(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(f"{ASSIGN}?profile=")
    assert "3 from “Billing” to no profile." in page.text
    staff.send(page.form(ASSIGN))
    wait_for_the_end()
    assert set(profiles_of(services).values()) == {""}


def test_nothing_to_undo_is_no_error(staff: Visitor) -> None:
    token = staff.get(PROFILES).tree.xpath("//input[@name='csrf_token']")[0].get("value")
    page = staff.post(f"{ASSIGN}/none/undo", {"csrf_token": token})
    assert said(page) == "There is nothing to undo."

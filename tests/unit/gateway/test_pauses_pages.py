"""Pausing reminders on the pages of an organization and an invoice, and the list of pauses."""

from datetime import timedelta

import pytest
from dunlin.scheduler.v1 import pauses_pb2 as pb

from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

ACME, INVOICE, LIST = "/organizations/ACME", "/invoices/1", "/client-emails/pauses"
NEW = "/pause"


def said(page: Page, role: str = "status") -> str:
    return " ".join(page.one(f"//div[contains(@class, 'note-')][@role='{role}']/p").text_content().split())


def until(services: FakeServices, days: int = 10) -> str:
    return (services.today + timedelta(days=days)).isoformat()


def pause(staff: Visitor, services: FakeServices, of: str = "organization=ACME", days: int = 10) -> Page:
    form = staff.get(f"{NEW}?{of}").form(NEW)
    return staff.send(form, reason="1", resumes_on=until(services, days), note="Called, see ticket 7")


def the(services: FakeServices) -> pb.Pause:
    """The newest pause."""
    return list(services.pauses.pauses.values())[-1]


def undo(staff: Visitor, page: Page) -> Page:
    form = page.one("//div[contains(@class, 'note-')][@role='status']//form")
    return staff.send(form)


def test_what_a_pause_does_is_said_before_it_is_made(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(staff.get(ACME).one("//a[.='Pause reminders']").get("href"))
    assert page.one("//h1").text_content().strip() == "Pause reminders to Acme Corporation"
    assert "Due notices of all its invoices, and account summaries." in page.text
    assert "at most the latest rule that it has reached" in page.text
    assert "An account summary whose day fell into the pause is not made up for." in page.text
    of_invoice = staff.get(f"{NEW}?invoice=1").text
    assert "An invoice notification whose day fell into the pause is not made up for." in of_invoice
    given = page.one("//input[@name='resumes_on']")
    assert (given.get("type"), given.get("min")) == ("date", until(services, 1))
    assert services.pauses.pauses == {}


def test_an_organization_is_paused_and_its_page_says_so(staff: Visitor, services: FakeServices) -> None:
    page = pause(staff, services)
    assert page.path == ACME
    assert said(page).startswith("Reminders to Acme Corporation are paused; from ")
    made = the(services)
    assert (made.organization_id, made.invoice_id, made.note) == ("ACME", 0, "Called, see ticket 7")
    assert (made.reason, made.resumes_on) == (pb.PAUSE_REASON_DISPUTE, until(services))
    assert "@" in made.added_by
    text = staff.get(ACME).text
    assert "Reminders are paused until" in text
    assert "Dispute: Called, see ticket 7" in text
    assert not staff.get(ACME).tree.xpath("//a[.='Pause reminders']")


def test_an_invoice_is_paused_and_its_page_says_so(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(staff.get(INVOICE).one("//a[.='Pause reminders']").get("href"))
    assert page.one("//h1").text_content().strip() == "Pause reminders about invoice INV-0042"
    page = pause(staff, services, "invoice=1")
    assert page.path == INVOICE
    assert the(services).invoice_id == 1
    assert "Reminders are paused until" in staff.get(INVOICE).text
    organization = staff.get(ACME)
    assert "Reminders are paused until" not in organization.text
    assert "paused until" in organization.one("//tr[contains(., 'INV-0042')]").text_content()
    the(services).state = pb.PAUSE_STATE_PROMISE_BROKEN
    assert "promise broken" in staff.get(ACME).one("//tr[contains(., 'INV-0042')]").text_content()


def test_an_invoice_says_that_its_organization_is_paused(staff: Visitor, services: FakeServices) -> None:
    services.pauses.put("p-1")
    page = staff.get(INVOICE)
    assert "Reminders to this organization are paused until" in page.text
    assert page.tree.xpath("//a[.='Pause reminders']"), "the invoice may be paused for longer"


def test_a_form_that_is_sent_twice_makes_one_pause(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(f"{NEW}?organization=ACME").form(NEW)
    for _ in range(2):
        assert staff.send(form, reason="1", resumes_on=until(services)).path == ACME
    assert len(services.pauses.pauses) == 1


def test_a_pause_is_undone_resumed_and_brought_back(staff: Visitor, services: FakeServices) -> None:
    page = undo(staff, pause(staff, services))
    assert the(services).state == pb.PAUSE_STATE_ENDED
    assert "Reminders are paused until" not in page.text
    page = undo(staff, page)
    assert (the(services).state, the(services).note) == (pb.PAUSE_STATE_IN_FORCE, "Called, see ticket 7")
    page = staff.send(staff.get(ACME).form("/pause/end"))
    assert said(page).startswith("Reminders to Acme Corporation go again, from the next run on")
    assert the(services).ended_by == the(services).added_by


def test_a_pause_that_holds_is_shown_to_be_changed_and_the_change_undone(
    staff: Visitor, services: FakeServices
) -> None:
    pause(staff, services)
    first = the(services)
    page = staff.get(staff.get(ACME).one("//a[.='Change the pause']").get("href"))
    form = page.form(NEW)
    values = dict(form.form_values())
    assert (values["reason"], values["resumes_on"]) == ("1", until(services))
    assert values["note"].strip() == "Called, see ticket 7"
    page = staff.send(form, resumes_on=until(services, 20))
    assert (first.state, first.replaced_by) == (pb.PAUSE_STATE_REPLACED, the(services).pause_id)
    undo(staff, page)
    assert (the(services).state, the(services).resumes_on) == (pb.PAUSE_STATE_IN_FORCE, until(services))
    assert len(services.pauses.pauses) == 3, "nothing that was said is lost"


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(f"{NEW}?organization=ACME").form(NEW)
    page = staff.send(form, resumes_on=until(services, 0), note="Kept")
    assert page.status == 400
    errors = [" ".join(one.text_content().split()) for one in page.tree.xpath("//p[@class='field-error']")]
    assert errors == ["Choose why reminders are paused.", "Reminders can go again from tomorrow on."]
    assert "Kept" in page.one("//textarea").text_content()
    assert services.pauses.pauses == {}


def test_who_was_paused_by_somebody_else_meanwhile_is_said(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(f"{NEW}?organization=ACME").form(NEW)
    services.pauses.put("p-1")
    page = staff.send(form, reason="1", resumes_on=until(services))
    assert page.status == 409
    assert "It is paused already." in page.one("//form//div[@role='alert']").text_content()


def wrong(page: Page) -> str:
    return " ".join(page.one("//form//div[@role='alert']").text_content().split())


def test_a_form_whose_pause_was_ended_meanwhile_does_not_claim_to_pause(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(f"{NEW}?organization=ACME").form(NEW)
    typed = {"reason": "1", "resumes_on": until(services), "note": "Kept"}
    undo(staff, staff.send(form, **typed))
    page = staff.send(form, **typed)
    assert (page.status, page.path) == (409, NEW)
    assert wrong(page) == ("The pause that this form made does not hold any more. Save again to pause anew.")
    assert "are paused; from" not in page.text
    assert staff.send(page.form(NEW)).path == ACME
    assert (the(services).state, the(services).note.strip()) == (pb.PAUSE_STATE_IN_FORCE, "Kept")
    assert len(services.pauses.pauses) == 2


def test_a_form_that_is_sent_again_with_another_date_changes_the_pause_it_made_if_that_is_meant(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(f"{NEW}?organization=ACME").form(NEW)
    staff.send(form, reason="1", resumes_on=until(services))
    page = staff.send(form, reason="1", resumes_on=until(services, 20))
    assert page.status == 409
    assert wrong(page).startswith("Reminders to Acme Corporation are paused until ")
    assert wrong(page).endswith("Save again to change that pause.")
    page = staff.send(page.form(NEW))
    assert said(page).startswith("Reminders to Acme Corporation are paused; from ")
    first, second = services.pauses.pauses.values()
    assert (first.state, first.replaced_by) == (pb.PAUSE_STATE_REPLACED, second.pause_id)
    assert (second.state, second.resumes_on) == (pb.PAUSE_STATE_IN_FORCE, until(services, 20))


def test_a_button_to_pause_again_does_not_claim_it_once_that_pause_has_ended(
    staff: Visitor, services: FakeServices
) -> None:
    page = undo(staff, pause(staff, services))
    button = page.one("//div[contains(@class, 'note-')][@role='status']//form")
    staff.send(button)
    staff.send(staff.get(ACME).form("/pause/end"))
    assert said(staff.send(button)) == "This was done before, and that pause does not hold any more."
    assert the(services).state == pb.PAUSE_STATE_ENDED


def test_a_broken_promise_is_seen_on_the_page_the_dashboard_and_the_list(
    staff: Visitor, services: FakeServices
) -> None:
    assert "to pay were broken" not in staff.get("/").text
    services.pauses.put(
        "p-1", reason=pb.PAUSE_REASON_PROMISE_TO_PAY, state=pb.PAUSE_STATE_PROMISE_BROKEN, note="On Friday"
    )
    assert "Promise broken: what was to be paid by" in " ".join(staff.get(ACME).text.split())
    link = staff.get("/").one("//a[contains(., 'promise to pay was broken')]")
    page = staff.get(link.get("href"))
    assert "Acme Corporation" in page.text
    assert "Promise broken" in page.text
    assert "No promise was broken" not in page.text


@pytest.mark.parametrize(
    ("show", "listed"), [("", ["INV-0042"]), ("broken", ["Bolt"]), ("all", ["INV-0042", "Bolt"])]
)
def test_the_list_shows_pauses_by_how_they_stand(
    staff: Visitor, services: FakeServices, show: str, listed: list[str]
) -> None:
    services.pauses.put("p-1", invoice_id=1, invoice_number="INV-0042")
    services.pauses.put("p-2", organization_id="BOLT", state=pb.PAUSE_STATE_PROMISE_BROKEN)
    text = staff.get(f"{LIST}?show={show}").one("//main//table").text_content()
    assert [words for words in ("INV-0042", "Bolt") if words in text] == listed


def test_the_list_says_what_a_pause_of_an_organization_stops_and_claims_no_more(
    staff: Visitor, services: FakeServices
) -> None:
    services.pauses.put("p-1")
    text = staff.get(LIST).one("//main//table").text_content()
    assert "Due notices and account summaries" in text
    assert "Everything" not in text


def test_a_pause_is_resumed_from_the_list(staff: Visitor, services: FakeServices) -> None:
    services.pauses.put("p-1", invoice_id=1, invoice_number="INV-0042")
    page = staff.send(staff.get(LIST).form("/pause/end"))
    assert (page.path, the(services).state) == (INVOICE, pb.PAUSE_STATE_ENDED)


def test_an_empty_list_says_what_to_do_first(staff: Visitor) -> None:
    assert "Nothing is paused" in staff.get(LIST).text
    assert "No promise was broken" in staff.get(f"{LIST}?show=broken").text


@pytest.mark.parametrize("path", ["/send/summary?organization=ACME", "/send/invoice/1"])
def test_who_sends_by_hand_is_warned_of_a_pause(staff: Visitor, services: FakeServices, path: str) -> None:
    assert "are paused until" not in staff.get(path).text
    services.pauses.put("p-1")
    page = staff.get(path)
    assert "Reminders to this organization are paused until" in page.text
    assert page.tree.xpath("//main//form//button"), "it may be sent all the same"


def test_the_pages_show_without_pauses_while_they_cannot_be_asked(
    staff: Visitor, services: FakeServices
) -> None:
    services.pauses.is_away = True
    for path in (ACME, INVOICE, "/"):
        assert staff.get(path).status == 200


def test_what_does_not_exist_is_not_found(staff: Visitor) -> None:
    for of in ("organization=NOBODY", "invoice=999", "invoice=x", "invoice=99999999999999999999"):
        assert staff.get(f"{NEW}?{of}").status == 404

"""Editing a mail: nothing typed is lost, nothing overwritten unseen, a preview can do no harm."""

import pytest

from gateway.client_emails import SLUGS
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

EDIT = "/client-emails/templates/due-notice-after"
TYPE = SLUGS["due-notice-after"]


def editor(page: Page) -> object:
    return page.one("//form[.//textarea]")


def test_the_newest_text_stands_in_the_form_with_its_tokens(staff: Visitor) -> None:
    page = staff.get(EDIT)
    assert page.one("//input[@name='subject']").get("value") == "Invoice {{ invoice.number }}"
    assert [code.text for code in page.tree.xpath("//code[@data-token]")] == [
        "{{ organization.name }}",
        "{{ invoice.number }}",
        "{{ invoice.balance }}",
    ]


def test_saving_makes_a_new_version_with_the_name_of_who_saved_it(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.send(editor(staff.get(EDIT)), header="<p>First</p>\r\n<p>Second</p>")
    assert "Version 2 has been saved." in page.text
    saved = services.mailer.versions[TYPE][-1]
    assert (saved.version, saved.saved_by) == (2, "staff@harbor.example")
    assert saved.areas.header == "<p>First</p>\n<p>Second</p>"
    assert "staff@harbor.example" in page.one("//section[@aria-labelledby='versions']").text_content()


def test_an_unknown_token_is_named_beside_its_field_and_nothing_is_lost(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.send(editor(staff.get(EDIT)), footer="Pay {{ invoice.numbr }} <now>")
    assert page.status == 400
    assert "Did you mean invoice.number?" in page.one("//p[@id='footer-error']").text_content()
    assert page.one("//textarea[@name='footer']").text.strip() == "Pay {{ invoice.numbr }} <now>"
    assert len(services.mailer.versions[TYPE]) == 1


def test_a_mail_needs_a_subject(staff: Visitor) -> None:
    page = staff.send(editor(staff.get(EDIT)), subject=" ")
    assert page.one("//p[@id='subject-error']").text_content() == "An email needs a subject."


def test_what_somebody_else_saved_is_not_overwritten_unseen(staff: Visitor, services: FakeServices) -> None:
    mine, theirs = staff.get(EDIT), staff.get(EDIT)
    staff.send(editor(theirs), title="Theirs")
    page = staff.send(editor(mine), title="Mine")
    assert page.status == 409
    assert "saved version 2 while you were writing" in page.text
    assert page.one("//input[@name='title']").get("value") == "Mine"
    assert services.mailer.versions[TYPE][-1].areas.title == "Theirs"
    assert "Version 3 has been saved." in staff.send(editor(page)).text
    assert services.mailer.versions[TYPE][-1].areas.title == "Mine"


def test_a_preview_shows_the_draft_in_a_frame_that_can_do_nothing(
    staff: Visitor, services: FakeServices
) -> None:
    form = editor(staff.get(EDIT))
    form.action = f"{EDIT}/preview"  # type: ignore[attr-defined]
    page = staff.send(form, header='<p class="x">Dear {{ organization.name }}</p><script>alert(1)</script>')
    frame = page.one("//iframe")
    assert frame.get("sandbox") == ""
    assert "Dear Acme Corporation" in frame.get("srcdoc")
    assert "Invoice INV-0042" in page.one("//section[@id='preview']").text_content()
    policy = page.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in policy
    assert len(services.mailer.versions[TYPE]) == 1


def test_a_preview_of_a_wrong_draft_says_what_is_wrong(staff: Visitor) -> None:
    form = editor(staff.get(EDIT))
    form.action = f"{EDIT}/preview"  # type: ignore[attr-defined]
    page = staff.send(form, subject="{{ invoice.numbr }}")
    assert page.status == 400
    page.one("//p[@id='subject-error']")


def test_an_older_version_can_be_looked_at_and_restored(staff: Visitor, services: FakeServices) -> None:
    staff.send(editor(staff.get(EDIT)), title="Second thoughts")
    older = staff.get(f"{EDIT}/versions/1")
    assert "as shipped" in older.text
    page = staff.send(older.form("/restore"))
    assert "Version 1 has been saved again as version 3." in page.text
    assert services.mailer.versions[TYPE][-1].areas.title == "Your invoice"


def test_restoring_after_somebody_else_saved_asks_to_look_again(
    staff: Visitor, services: FakeServices
) -> None:
    staff.send(editor(staff.get(EDIT)), title="Second")
    older = staff.get(f"{EDIT}/versions/1")
    staff.send(editor(staff.get(EDIT)), title="Third")
    page = staff.send(older.form("/restore"))
    assert "Somebody else has saved this text meanwhile." in page.text
    assert services.mailer.versions[TYPE][-1].areas.title == "Third"


@pytest.mark.parametrize("path", ["/client-emails/templates/nothing", f"{EDIT}/versions/9"])
def test_what_does_not_exist_is_not_found(staff: Visitor, path: str) -> None:
    assert staff.get(path).status == 404

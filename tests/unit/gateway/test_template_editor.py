"""Editing a mail: nothing typed is lost, nothing overwritten unseen, a preview can do no harm."""

import pytest

from gateway.template_editor.types import SLUGS
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

EDIT = "/client-emails/templates/due-notice-after"
KEY = (SLUGS["due-notice-after"], "en", 0)


def editor(page: Page) -> object:
    return page.one("//form[.//textarea]")


def test_the_newest_text_stands_in_the_form_with_its_tokens(staff: Visitor) -> None:
    page = staff.get(EDIT)
    assert page.one("//input[@name='subject']").get("value") == "Invoice {{ invoice.number }}"
    palette = page.one("//section[@aria-labelledby='tokens']")
    assert [group.text for group in palette.xpath(".//h3")] == ["Client", "Invoice"]
    assert palette.xpath(".//li/@data-token") == [
        "{{ organization.name }}",
        "{{ invoice.number }}",
        "{{ invoice.balance }}",
    ]
    assert "What remains to be paid, such as “$1,250.00”" in palette.text_content()


@pytest.mark.parametrize("slug", SLUGS)
def test_every_kind_of_mail_has_an_editor(staff: Visitor, services: FakeServices, slug: str) -> None:
    page = staff.send(editor(staff.get(f"/client-emails/templates/{slug}")), title=f"Ours of {slug}")
    assert "Version 2 has been saved." in page.text
    assert services.mailer.versions[SLUGS[slug], "en", 0][-1].areas.title == f"Ours of {slug}"


def test_each_language_has_its_own_text(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(EDIT)
    german = page.one("//nav[@aria-label='Language']//a[@lang='de']")
    edited = staff.send(editor(staff.get(german.get("href"))), title="Ihre Rechnung")
    assert edited.one("//nav[@aria-label='Language']//a[@aria-current='page']").text == "Deutsch"
    assert edited.one("//input[@name='title']").get("value") == "Ihre Rechnung"
    assert services.mailer.versions[KEY[0], "de", 0][-1].areas.title == "Ihre Rechnung"
    assert len(services.mailer.versions[KEY]) == 1
    services.mailer.company.language = "de"


def test_a_rule_uses_the_text_of_all_until_it_gets_its_own(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(EDIT)
    rules = {link.text: link.get("href") for link in page.tree.xpath("//nav[@aria-label='Rule']//a")}
    assert list(rules) == [
        "All rules", "15 days past due", "30 days past due", "45 days past due", "60 days past due",
        "90 days past due",
    ]  # fmt: skip
    own = staff.get(rules["30 days past due"])
    assert "This rule has no text of its own." in own.text
    saved = staff.send(editor(own), title="Thirty days")
    assert "This rule has no text of its own." not in saved.text
    assert services.mailer.versions[KEY[0], "en", 30][-1].areas.title == "Thirty days"
    assert staff.get(EDIT).one("//input[@name='title']").get("value") == "Your invoice"


def test_saving_makes_a_new_version_with_the_name_of_who_saved_it(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.send(editor(staff.get(EDIT)), header="<p>First</p>\r\n<p>Second</p>")
    assert "Version 2 has been saved." in page.text
    saved = services.mailer.versions[KEY][-1]
    assert (saved.version, saved.saved_by) == (2, "staff@harbor.example")
    assert saved.areas.header == "<p>First</p>\n<p>Second</p>"
    assert "staff@harbor.example" in page.one("//section[@aria-labelledby='versions']").text_content()


def test_an_unknown_token_is_named_beside_its_field_and_nothing_is_lost(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.send(editor(staff.get(EDIT)), footer="Pay {{ invoice.numbr }} <now>")
    assert page.status == 400
    mistake = page.one("//ul[@id='footer-error']/li")
    assert "Did you mean {{ invoice.number }}?" in mistake.text
    assert (mistake.get("data-line"), mistake.get("data-column")) == ("1", "5")
    assert page.one("//textarea[@name='footer']").get("aria-invalid") == "true"
    assert page.one("//textarea[@name='footer']").text.strip() == "Pay {{ invoice.numbr }} <now>"
    assert len(services.mailer.versions[KEY]) == 1


def test_a_mail_needs_a_subject(staff: Visitor) -> None:
    page = staff.send(editor(staff.get(EDIT)), subject=" ")
    assert page.one("//ul[@id='subject-error']").text_content().strip() == "An email needs a subject."


def test_what_somebody_else_saved_is_not_overwritten_unseen(staff: Visitor, services: FakeServices) -> None:
    mine, theirs = staff.get(EDIT), staff.get(EDIT)
    staff.send(editor(theirs), title="Theirs")
    page = staff.send(editor(mine), title="Mine")
    assert page.status == 409
    assert "saved version 2 while you were writing" in page.text
    assert page.one("//input[@name='title']").get("value") == "Mine"
    assert services.mailer.versions[KEY][-1].areas.title == "Theirs"
    assert "Version 3 has been saved." in staff.send(editor(page)).text
    assert services.mailer.versions[KEY][-1].areas.title == "Mine"


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
    assert len(services.mailer.versions[KEY]) == 1


def test_a_preview_of_a_wrong_draft_says_what_is_wrong(staff: Visitor) -> None:
    form = editor(staff.get(EDIT))
    form.action = f"{EDIT}/preview"  # type: ignore[attr-defined]
    page = staff.send(form, subject="{{ invoice.numbr }}")
    assert page.status == 400
    assert "There is no token" in page.one("//ul[@id='subject-error']").text_content()
    assert len(page.tree.xpath("//iframe[@srcdoc!='']")) == 0


def test_a_script_gets_the_preview_or_the_places_of_mistakes(staff: Visitor) -> None:
    form = editor(staff.get(EDIT))
    fields = dict(form.form_values())  # type: ignore[attr-defined]
    mail = staff.ask(f"{EDIT}/preview", fields)
    assert mail["subject"] == "Invoice INV-0042"
    assert "Dear Acme Corporation" in mail["html"]
    assert "Dear Acme Corporation" in mail["text"]
    wrong = staff.ask(
        f"{EDIT}/preview", {**fields, "header": "one\r\ntwo {{ invoice.numbr }}", "subject": ""}
    )
    assert wrong["wrong"]["subject"][0]["words"] == "An email needs a subject."
    wrong = staff.ask(f"{EDIT}/preview", {**fields, "header": "one\r\ntwo {{ invoice.numbr }}"})["wrong"]
    assert [(one["line"], one["column"]) for one in wrong["header"]] == [(2, 5)]


def test_a_draft_that_is_not_saved_is_marked_so_until_it_is(staff: Visitor) -> None:
    form = editor(staff.get(EDIT))
    assert form.get("data-dirty") == "no"  # type: ignore[attr-defined]
    form.action = f"{EDIT}/preview"  # type: ignore[attr-defined]
    assert editor(staff.send(form, title="Draft")).get("data-dirty") == "yes"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "query",
    [
        "?language=fr",
        "?language=xx",
        "?rule=-5",
        "?rule=99999",
        "?rule=x",
        "?rule=17",
        "?rule=1.5",
        "?language=en&rule=0x1",
    ],
)
def test_a_text_that_cannot_be_is_not_found(staff: Visitor, query: str) -> None:
    assert staff.get(f"{EDIT}{query}").status == 404


def test_the_text_of_a_rule_that_was_removed_can_still_be_reached(
    staff: Visitor, services: FakeServices
) -> None:
    staff.send(editor(staff.get(f"{EDIT}?language=de&rule=30")), title="Dreißig Tage")
    del services.scheduler.rules[30], services.scheduler.rules[45]
    assert staff.get(f"{EDIT}?language=de&rule=30").status == 200
    assert staff.get(f"{EDIT}?language=en&rule=30").status == 200
    assert staff.get(f"{EDIT}?rule=45").status == 404


def test_only_due_notices_have_rules(staff: Visitor) -> None:
    assert staff.get("/client-emails/templates/welcome?rule=15").status == 404
    assert staff.get("/client-emails/templates/due-notice-before?rule=-5").status == 200
    assert staff.get("/client-emails/templates/nothing").status == 404

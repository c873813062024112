"""Editing a text in a browser: tokens by keyboard, the mail beside it, nothing lost, nothing to clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gateway.template_editor.types import SLUGS
from tests.browser.axe import must_be_accessible
from tests.browser.fake_site import STAFF, FakeSite, fake_site, sign_in
from tests.browser.visitors import Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

EDIT = "/client-emails/templates/due-notice-after"
KEY = (SLUGS["due-notice-after"], "en", 0)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSite]:
    with fake_site(tmp_path_factory.mktemp("editor")) as site:
        yield site


@pytest.fixture
def staff(browser: Browser, site: FakeSite) -> Iterator[Visitor]:
    with visitor(browser, site.address) as staff:
        sign_in(staff)
        staff.visit(EDIT)
        yield staff


def mail(page: Page) -> Locator:
    return page.frame_locator("iframe[title='The email as HTML']").locator("body")


def test_a_token_is_found_by_its_meaning_and_goes_where_the_caret_is(staff: Visitor) -> None:
    page = staff.page
    header = page.get_by_label("Header", exact=True)
    header.fill("Dear , hello")
    header.press("Home")
    for _ in range(5):
        header.press("ArrowRight")
    page.get_by_label("Insert a token into the header").press("Enter")
    must_be_accessible(page)
    expect(page.get_by_label("Search tokens")).to_be_focused()
    page.keyboard.type("client’s name")
    expect(page.locator(".token-choice:visible")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(header).to_have_value("Dear {{ organization.name }}, hello")
    expect(header).to_be_focused()
    page.keyboard.type("!")
    expect(header).to_have_value("Dear {{ organization.name }}!, hello")


def test_the_palette_says_so_if_nothing_is_called_that_and_escape_leads_back(staff: Visitor) -> None:
    page = staff.page
    page.get_by_label("Insert a token into the subject").click()
    page.keyboard.type("no such thing")
    expect(page.get_by_text("No token is called that")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Subject", exact=True)).to_be_focused()


def test_the_mail_follows_while_one_types(staff: Visitor, site: FakeSite) -> None:
    page = staff.page
    page.get_by_label("Title", exact=True).fill("Time to pay")
    expect(mail(page)).to_contain_text("Time to pay")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_text("Plain text", exact=True).click()
    expect(page.locator("pre.mail-text")).to_contain_text("Time to pay")
    page.get_by_text("Phone", exact=True).click()
    assert page.locator("iframe").bounding_box()["width"] == 360  # type: ignore[index]
    page.get_by_text("Dark", exact=True).click()
    must_be_accessible(page)
    assert len(site.services.mailer.versions[KEY]) == 1


def test_the_colours_of_the_mail_are_chosen_above_it(staff: Visitor) -> None:
    page = staff.page
    page.get_by_label("Header", exact=True).fill(
        "<style>@media (prefers-color-scheme: dark) { body { color: rgb(1, 2, 3) } }</style>Hello"
    )
    body = mail(page)
    expect(body).to_contain_text("Hello")
    expect(body).not_to_have_css("color", "rgb(1, 2, 3)")
    page.get_by_text("Dark", exact=True).click()
    expect(body).to_have_css("color", "rgb(1, 2, 3)")


def test_a_mistake_is_told_while_typing_and_leads_to_its_place(staff: Visitor) -> None:
    page = staff.page
    footer = page.get_by_label("Footer", exact=True)
    footer.fill("Thank you.\nPay {{ invoice.numbr }} soon")
    mistake = page.get_by_role("button", name="line 2, column 5")
    expect(mistake).to_contain_text("Did you mean {{ invoice.number }}?")
    must_be_accessible(page)
    mistake.click()
    expect(footer).to_be_focused()
    page.keyboard.type("{{ invoice.number }}")
    expect(footer).to_have_value("Thank you.\nPay {{ invoice.number }} soon")
    expect(mistake).to_have_count(0)


def test_a_save_that_is_refused_keeps_what_was_typed_and_leads_to_the_place(staff: Visitor) -> None:
    page = staff.page
    page.get_by_label("Footer", exact=True).fill("Pay {{ invoice.numbr }}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Nothing has been saved.")).to_be_visible()
    page.get_by_role("button", name="line 1, column 5").click()
    expect(page.get_by_label("Footer", exact=True)).to_be_focused()
    expect(page.get_by_text("Not saved yet")).to_be_visible()


def test_leaving_with_something_unsaved_asks_first(staff: Visitor) -> None:
    page, asked = staff.page, list[str]()
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_label("Title", exact=True).fill("Unsaved")
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Unsaved")
    assert asked == ["beforeunload"]
    page.get_by_role("link", name="Discard changes").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Your invoice")
    page.get_by_label("Title", exact=True).fill("Saved")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Version 2 has been saved.")).to_be_visible()
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("link", name="Deutsch")).to_have_attribute("aria-current", "page")
    assert asked == ["beforeunload"], "what is saved is left without a question"


def test_versions_are_compared_and_restored(staff: Visitor) -> None:
    page = staff.page
    page.get_by_label("Title", exact=True).fill("Your bill")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Compare versions").click()
    expect(page.locator("del")).to_contain_text("invoice")
    expect(page.locator("ins")).to_contain_text("bill")
    must_be_accessible(page)
    staff.photograph("template-compare", phone=True)
    page.get_by_role("link", name="Look at version 1").click()
    expect(page.get_by_text("saved again as version 3")).to_be_visible()
    must_be_accessible(page)
    page.get_by_role("button", name="Restore as version 3").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Your invoice")


def test_a_test_goes_to_oneself_and_to_a_client_only_with_leave(staff: Visitor, site: FakeSite) -> None:
    page = staff.page
    page.get_by_label("Title", exact=True).fill("A draft")
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text(f"The test went to {STAFF}.")).to_be_visible()
    page.get_by_label("Send to", exact=True).fill("dana@acme.example")
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#addresses-error")).to_contain_text("Dana Reyes, Acme Corporation")
    must_be_accessible(page)
    sent = [list(test.addresses) for test in site.services.mailer.tests.values()]
    assert sent == [[STAFF]]
    page.get_by_label("Send to dana@acme.example all the same").check()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("The test went to dana@acme.example.")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_have_value("A draft")
    expect(page.get_by_text("Not saved yet")).to_be_visible()


def test_enter_in_a_line_saves_nothing_and_behind_the_addresses_sends_the_test(
    staff: Visitor, site: FakeSite
) -> None:
    page = staff.page
    page.get_by_label("Title", exact=True).fill("A draft")
    page.get_by_label("Title", exact=True).press("Enter")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_label("Send to").press("Enter")
    expect(page.get_by_text("Your draft has not been saved by it.")).to_be_visible()
    assert len(site.services.mailer.requests("SendTest")) == 1
    assert site.services.mailer.requests("SaveTemplate") == []


def test_everything_works_without_a_script_too(browser: Browser, site: FakeSite) -> None:
    with visitor(browser, site.address, scripts=False) as staff:
        sign_in(staff)
        staff.visit(f"{EDIT}?language=de")
        page = staff.page
        page.get_by_label("Title", exact=True).fill("Ihre Rechnung")
        page.get_by_role("button", name="Preview", exact=True).click()
        expect(mail(page)).to_contain_text("Ihre Rechnung")
        expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Version 2 has been saved.")).to_be_visible()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_at_every_width_and_in_the_dark(
    browser: Browser, site: FakeSite, phone: bool, scheme: str
) -> None:
    with visitor(browser, site.address, phone=phone) as staff:
        staff.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        sign_in(staff)
        for path in (EDIT, f"{EDIT}?language=de&rule=30", f"{EDIT}/compare", f"{EDIT}/versions/1"):
            staff.visit(path)
            must_be_accessible(staff.page)
            staff.must_not_scroll_sideways()
        staff.visit(EDIT)
        staff.photograph(f"template-editor-{scheme}-{'phone' if phone else 'desktop'}")

"""What is typed into the template editor is never lost: not by Back, a reload or an ended session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dunlin.mailer.v1.mailer_pb2 import SaveTemplateRequest
from playwright.sync_api import Browser, Page, expect

from gateway.template_editor.types import SLUGS
from tests.browser.axe import must_be_accessible
from tests.browser.fake_site import PASSWORD, STAFF, FakeSite, fake_site, sign_in
from tests.browser.visitors import Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

EDIT = "/client-emails/templates/due-notice-after"
KEY = (SLUGS["due-notice-after"], "en", 0)
NOTE = "This is what you typed here before."


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSite]:
    with fake_site(tmp_path_factory.mktemp("draft")) as site:
        yield site


@pytest.fixture
def staff(browser: Browser, site: FakeSite) -> Iterator[Visitor]:
    with visitor(browser, site.address) as staff:
        sign_in(staff)
        staff.visit(EDIT)
        yield staff


def type_in(page: Page) -> None:
    page.get_by_label("Header", exact=True).fill("First\n\n<p>Second & last</p>")
    page.get_by_label("Subject", exact=True).fill("Long in the making")


def must_stand_there(page: Page) -> None:
    expect(page.get_by_label("Header", exact=True)).to_have_value("First\n\n<p>Second & last</p>")
    expect(page.get_by_label("Subject", exact=True)).to_have_value("Long in the making")
    expect(page.get_by_text("Not saved yet")).to_be_visible()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def test_a_reload_keeps_it_and_says_so_until_it_is_discarded(staff: Visitor) -> None:
    page = staff.page
    page.on("dialog", lambda dialog: dialog.accept())
    type_in(page)
    page.reload()
    must_stand_there(page)
    expect(page.get_by_text(NOTE)).to_be_visible()
    expect(page.frame_locator("iframe[title='The email as HTML']").locator("body")).to_contain_text("Second")
    must_be_accessible(page)
    page.get_by_role("link", name="Discard changes").click()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("Invoice {{ invoice.number }}")
    page.reload()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("Invoice {{ invoice.number }}")
    expect(page.get_by_text(NOTE)).to_be_hidden()


def test_a_save_that_met_a_mailer_that_is_away_can_be_tried_again_or_gone_back_on(
    staff: Visitor, site: FakeSite
) -> None:
    page = staff.page
    type_in(page)
    site.services.mailer.is_away = True
    save(page)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    site.services.mailer.is_away = False
    assert all("503" in complaint for complaint in staff.complaints.found)
    staff.complaints.found.clear()
    page.go_back()
    must_stand_there(page)
    save(page)
    expect(page.get_by_text("Version 2 has been saved.")).to_be_visible()
    expect(page.get_by_text("Not saved yet")).to_be_hidden()
    page.reload()
    expect(page.get_by_text(NOTE)).to_be_hidden()


def test_a_session_that_ended_in_another_tab_says_so_and_the_text_is_there_after_signing_in(
    staff: Visitor, site: FakeSite
) -> None:
    page = staff.page
    type_in(page)
    page.context.clear_cookies()
    save(page)
    expect(page.get_by_text("what you sent was not saved")).to_be_visible()
    must_be_accessible(page)
    page.get_by_label("Email").fill(STAFF)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    must_stand_there(page)
    save(page)
    expect(page.get_by_text("Version 2 has been saved.")).to_be_visible()
    assert site.services.mailer.versions[KEY][-1].areas.subject == "Long in the making"


def test_a_draft_that_is_older_than_the_newest_version_never_overwrites_it_unseen(
    staff: Visitor, site: FakeSite
) -> None:
    page = staff.page
    page.on("dialog", lambda dialog: dialog.accept())
    type_in(page)
    newest = site.services.mailer.versions[KEY][-1]
    site.services.mailer.SaveTemplate(
        SaveTemplateRequest(
            type=KEY[0], language="en", areas=newest.areas, base_version=newest.version, saved_by="robin"
        )
    )
    page.reload()
    must_stand_there(page)
    save(page)
    expect(page.get_by_text("saved version 2 while you were writing")).to_be_visible()
    must_stand_there(page)
    assert len(site.services.mailer.versions[KEY]) == 2

"""The portal in a browser: from an invitation to what is open, on a phone, and out again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import must_be_accessible
from tests.browser.fake_site import FakeSite, fake_site
from tests.browser.visitors import Visitor, visitor
from tests.fakes.gateway_portal import DANA_EMAIL, PASSWORD, invitation
from tests.fakes.mailer_smtp import until
from tests.unit.gateway.test_unsubscribe_pages import link as unsubscribe_link

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSite]:
    with fake_site(tmp_path_factory.mktemp("portal")) as site:
        yield site


@pytest.fixture(params=[True, False], ids=["phone", "desktop"])
def dana(request: pytest.FixtureRequest, browser: Browser, site: FakeSite) -> Iterator[Visitor]:
    with visitor(browser, site.address, phone=request.param) as dana:
        yield dana


def title(page: Page, words: str) -> None:
    """The page has that title, is accessible, and fits its screen."""
    expect(page.get_by_role("heading", level=1)).to_have_text(words)
    must_be_accessible(page)


def choose(page: Page, password: str) -> None:
    page.get_by_label("New password").fill(password)
    page.get_by_label("The same again").fill(password)
    page.locator("main form button").click()


def test_from_the_invitation_to_what_is_open_and_out_again(dana: Visitor, site: FakeSite) -> None:
    page, path = dana.page, invitation(site.services)
    dana.visit(path)
    title(page, "Welcome, Dana Reyes")
    choose(page, "short")
    expect(page.locator("#password-error")).to_contain_text("10 to 200 characters")
    must_be_accessible(page)
    choose(page, PASSWORD)
    title(page, "Acme Corporation")
    dana.must_not_scroll_sideways()
    dana.photograph(f"portal-home-{page.viewport_size['width']}")  # type: ignore[index]
    page.get_by_label("Pay invoice INV-0042").click()
    title(page, "Pay an invoice")
    expect(page.get_by_label("Billing email")).to_have_value(DANA_EMAIL)
    expect(page.get_by_label("Amount to pay")).to_have_value("1250.00")
    dana.visit("/portal")
    page.get_by_role("button", name="Sign out").click()
    title(page, "Sign in")
    dana.visit(path)
    title(page, "This link has been used")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Email").fill(DANA_EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    title(page, "Acme Corporation")


def test_a_forgotten_password_and_a_link_that_is_too_old(dana: Visitor, site: FakeSite) -> None:
    page, services = dana.page, site.services
    dana.visit(invitation(services))
    choose(page, PASSWORD)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Forgot your password?").click()
    title(page, "Forgot your password?")
    page.get_by_label("Email").fill(DANA_EMAIL)
    page.get_by_role("button", name="Send me a link").click()
    title(page, "Look into your inbox")
    until(lambda: services.emails.requests("SendPasswordReset") != [])
    dana.visit(invitation(services, age=timedelta(hours=24), reset=True))
    title(page, "This link has expired")
    page.get_by_role("button", name="Send me a new link").click()
    title(page, "Look into your inbox")
    dana.visit(invitation(services, reset=True))
    title(page, "Choose a new password")
    choose(page, "quite another password")
    title(page, "Acme Corporation")


def test_who_lost_access_is_told_what_to_do(dana: Visitor, site: FakeSite) -> None:
    dana.visit(invitation(site.services))
    choose(dana.page, PASSWORD)
    site.services.accounts.contact(1).profile_id = ""
    dana.visit("/portal")
    title(dana.page, "Your access has ended")


def test_one_click_unsubscribes_and_another_undoes_it(dana: Visitor, site: FakeSite) -> None:
    page = dana.page
    dana.visit(unsubscribe_link())
    title(page, "No more account summaries?")
    page.get_by_role("button", name="Unsubscribe").click()
    title(page, "You are unsubscribed")
    assert len(site.services.emails.unsubscribed) == 1
    page.get_by_role("button", name="That was a mistake").click()
    title(page, "You are subscribed again")
    assert site.services.emails.unsubscribed == {}
    dana.visit("/unsubscribe/forged")
    title(page, "This link is not complete")


def test_of_several_recipients_one_unsubscribes(dana: Visitor, site: FakeSite) -> None:
    site.services.mailer.messages[0].recipients[:] = [DANA_EMAIL, "ap@acme.example"]
    dana.visit(unsubscribe_link(""))
    must_be_accessible(dana.page)
    dana.page.get_by_role("button", name="Unsubscribe").click()
    expect(dana.page.get_by_text("Choose the address that is yours.")).to_be_visible()
    must_be_accessible(dana.page)
    dana.page.get_by_text("ap@acme.example").click()
    dana.page.get_by_role("button", name="Unsubscribe").click()
    title(dana.page, "You are unsubscribed")

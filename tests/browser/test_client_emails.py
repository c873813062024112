"""Staff's main ways through client emails, in a browser, over the running programs of the sample company."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import must_be_accessible
from tests.browser.visitors import Visitor, visitor
from tests.e2e.acts import drain, mails_to, wait_until
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DEBTOR, DEBTOR_EMAIL = "Northgate Community Theatre", "sybil.arkwright@example.test"
EXCLUDED, EXCLUDED_EMAIL = "Pine & Ratchet Garage", "lou.ferrand@example.test"
UNREACHABLE = "Wexcombe Books"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("emails") / "home", "--sample") as company:
        yield company


def test_staff_set_up_what_clients_get_and_send_it(browser: Browser, company: Company) -> None:
    with visitor(browser, company.address) as staff:
        sign_in(staff, company)
        see_every_kind(staff)
        schedule_the_summary(staff)
        turn_on_with_what_is_due(staff)
        exclude_somebody(staff)
        send_the_summary_to_all(staff, company)
        give_profiles_and_invite(staff, company)
        send_to_one_while_all_is_stopped(staff, company)
        suppress_and_lift(staff)


def test_client_emails_work_without_scripts(browser: Browser, company: Company) -> None:
    with visitor(browser, company.address, scripts=False) as staff:
        sign_in(staff, company)
        staff.visit("/client-emails/upcoming-payments")
        staff.page.get_by_label("Days before the payment").fill("5")
        staff.page.get_by_role("button", name="What would this mean?").click()
        expect(staff.page.locator("#meaning")).to_contain_text("5 days before a payment")
        staff.page.get_by_role("button", name="Save settings").click()
        expect(staff.page.get_by_text("have been saved")).to_be_visible()


# --- the steps


def sign_in(staff: Visitor, company: Company) -> None:
    email, password = company.login
    staff.visit("/login")
    staff.page.get_by_label("Email").fill(email)
    staff.page.get_by_label("Password").fill(password)
    staff.page.get_by_role("button", name="Sign in").click()
    heading(staff.page, "Dashboard")


def look(staff: Visitor, name: str) -> None:
    """Photographs the page at both widths; it must be accessible and fit a phone."""
    must_be_accessible(staff.page)
    staff.photograph(f"emails-{name}", phone=True)


def see_every_kind(staff: Visitor) -> None:
    page = staff.page
    staff.visit("/client-emails")
    groups = ["Transaction receipts", "Portal access", "Account notifications", "Invoice due notices"]
    expect(page.get_by_role("heading", level=2)).to_have_text(groups)
    expect(turn_on(page, "Account summary")).to_be_visible()
    look(staff, "1-all-off")


def schedule_the_summary(staff: Visitor) -> None:
    page = staff.page
    page.get_by_role("link", name="Settings of Account summary").click()
    heading(page, "Account summary")
    meaning = page.locator("#meaning")
    page.get_by_label("On the last day of each month").check()
    expect(meaning).to_contain_text("The last day of each month")
    expect(meaning).to_contain_text(re.compile(r"Dates\s*\w+day, .*;.*;"))
    page.get_by_label("If that is a weekend or holiday").select_option("Send on the last business day before")
    expect(meaning).to_contain_text("or the last business day before")
    look(staff, "2-summary-settings")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("have been saved. It is still off.")).to_be_visible()
    turn_on(page, "Account summary").click()
    heading(page, "Turn on: Account summary")
    expect(page.get_by_text(re.compile(r"\d+ organizations will get this on"))).to_be_visible()
    look(staff, "2-summary-turn-on")
    page.get_by_role("button", name="Turn on", exact=True).click()
    expect(page.get_by_text("Nothing goes out at once.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ organizations will get this on"))).to_be_visible()
    look(staff, "2-summary-is-on")


def turn_on_with_what_is_due(staff: Visitor) -> None:
    page = staff.page
    turn_on(page, "Payment method expiration").click()
    heading(page, "Turn on: Payment method expiration")
    expect(page.get_by_text(re.compile(r"\d+ cards? on file ha(s|ve) expired"))).to_be_visible()
    look(staff, "3-cards-turn-on")
    page.get_by_role("button", name="Turn on, and include what is due now").click()
    expect(page.get_by_text("What is due already goes out")).to_be_visible()
    switch(page, "Payment method expiration").click()
    expect(page.get_by_text("Payment method expiration is off.")).to_be_visible()


def exclude_somebody(staff: Visitor) -> None:
    page = staff.page
    staff.visit("/client-emails/account-summary/exclusions")
    page.get_by_label("Name or id").fill("ratchet")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name=f"Exclude: {EXCLUDED}").click()
    expect(page.get_by_role("button", name=f"Remove: {EXCLUDED}")).to_be_visible()
    look(staff, "4-exclusions")
    staff.visit("/client-emails/due-notices/exclusions")
    expect(page.get_by_text("Nobody is excluded.")).to_be_visible()


def send_the_summary_to_all(staff: Visitor, company: Company) -> None:
    page = staff.page
    staff.visit("/client-emails/account-summary/send")
    expect(page.get_by_role("main").get_by_role("link", name=DEBTOR)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name=EXCLUDED)).to_have_count(0)
    expect(page.get_by_text("1 has no email address")).to_be_visible()
    look(staff, "5-send-now")
    assert company.mails() == [], "looking sends nothing"
    page.get_by_role("button", name=re.compile(r"^Send to \d+ organizations$")).dblclick()
    heading(page, re.compile(r"^Account summaries to \d+ organizations$"))
    drain(company.clients)
    expect(page.get_by_text("Nothing is waiting any more")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Cancel what has not left")).to_be_hidden()
    expect(page.get_by_text("100%")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Done: ")).to_have_count(1)
    look(staff, "5-sent")
    assert len(mails_to(company, DEBTOR_EMAIL)) == 1, "a double click sends one"
    assert mails_to(company, EXCLUDED_EMAIL) == []
    page.get_by_role("link", name="See each email").click()
    heading(page, "Each email")
    page.get_by_role("link", name=f"View the email to {DEBTOR}").click()
    expect(page.get_by_text(DEBTOR_EMAIL).first).to_be_visible()


def give_profiles_and_invite(staff: Visitor, company: Company) -> None:
    page = staff.page
    staff.visit("/settings/profiles")
    look(staff, "6-profiles")
    page.get_by_label("Name").fill("Reception")
    page.get_by_role("button", name="Add profile").click()
    page.get_by_role("link", name="Give to many contacts").click()
    page.get_by_label("Organizations of type").select_option("Nonprofit")
    page.get_by_label("Get the client profile").select_option("Reception")
    page.get_by_role("button", name="See what changes").click()
    expect(page.get_by_role("heading", name="2 contacts would change")).to_be_visible()
    look(staff, "6-profiles-plan")
    page.get_by_role("button", name="Give “Reception” to 2 contacts").click()
    expect(page.get_by_text("2 contacts have been changed.")).to_be_visible()

    staff.visit("/client-emails/welcome")
    page.get_by_label("Client profile").select_option(label="Reception (2 contacts)")
    look(staff, "7-welcome")
    page.get_by_role("button", name="See who gets it").click()
    heading(page, "Invite 1 contact")
    expect(page.get_by_role("cell", name=DEBTOR_EMAIL)).to_be_visible()
    look(staff, "7-welcome-who")
    page.get_by_role("button", name="Send to 1 contact").click()
    heading(page, "Invitations to 1 contact")
    drain(company.clients)
    assert any("/portal/welcome/" in str(mail) for mail in mails_to(company, DEBTOR_EMAIL))
    staff.visit("/client-emails/welcome/who?profile=&without_invited=y")
    expect(page.get_by_role("alert")).to_be_visible()


def send_to_one_while_all_is_stopped(staff: Visitor, company: Company) -> None:
    page = staff.page
    staff.visit("/settings/sending")
    look(staff, "8-sending")
    page.get_by_role("button", name="Stop all sending now").click()
    expect(page.locator(".stopped")).to_contain_text("No email leaves.")
    look(staff, "8-stopped")
    before = len(company.mails())
    staff.visit("/organizations?q=northgate")
    page.get_by_role("link", name=DEBTOR).click()
    look(staff, "8-organization")
    page.get_by_role("link", name="Send account summary").click()
    expect(page.get_by_text(DEBTOR_EMAIL)).to_be_visible()
    page.get_by_role("button", name="Send account summary").click()
    expect(page.get_by_text(f"on its way to {DEBTOR}")).to_be_visible()
    wait_until_one_is_held_back(staff)
    assert len(company.mails()) == before
    page.get_by_role("button", name="Go on with sending").click()
    expect(page.locator(".stopped")).to_have_count(0)
    drain(company.clients)
    assert len(company.mails()) == before + 1


def wait_until_one_is_held_back(staff: Visitor) -> None:
    """Until the mailer has the mail and holds it back: then nothing but the switch keeps it from leaving."""
    held_back = staff.page.locator(".figure", has_text="Held back").locator(".amount")

    def look_again() -> str:
        staff.visit("/settings/sending")
        return held_back.inner_text()

    wait_until(lambda: look_again() == "1", what="the mail is held back")
    staff.visit("/history")
    expect(staff.page.get_by_role("row").nth(1)).to_contain_text("Queued")
    staff.visit("/settings/sending")


def suppress_and_lift(staff: Visitor) -> None:
    page = staff.page
    staff.visit("/settings/sending/suppressed")
    page.get_by_label("Email address").fill("nobody@example.test")
    page.get_by_role("button", name="Suppress", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("nobody@example.test"))).to_be_visible()
    look(staff, "9-suppressed")
    page.get_by_role("link", name="Lift nobody@example.test").click()
    heading(page, "Send to this address again?")
    page.get_by_role("button", name="Send to it again").click()
    expect(page.get_by_text("gets emails again")).to_be_visible()
    for list_ in ("unsubscribed", "unreachable"):
        staff.visit(f"/settings/sending/{list_}")
        look(staff, f"9-{list_}")


# --- what people look at


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def turn_on(page: Page, name: str) -> Locator:
    """The way to turn a kind on, which is a page that asks."""
    return page.get_by_role("link", name=re.compile(f"^{name} Off. Turn on"))


def switch(page: Page, name: str) -> Locator:
    """The switch of a kind that is on."""
    return page.get_by_role("switch", name=f"{name} On", exact=True)

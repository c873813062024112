"""A client in the portal, over all programs: invited by staff, in by the mail's own link, and back again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dunlin.mailer.v1 import mailer_pb2, templates_pb2
from playwright.sync_api import Browser, Page, expect

from services.shared import portal_links
from tests.browser.visitors import Visitor, visitor
from tests.e2e.acts import drain, mails_to, text_of, wait_until
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CLIENT, EMAIL = "Northgate Community Theatre", "sybil.arkwright@example.test"
PASSWORD, ANOTHER, THIRD = "a theatre on the hill", "quite another theatre", "the third of theatres"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("portal") / "home", "--sample") as company:
        yield company


def test_a_client_is_invited_signs_in_pays_and_finds_back(browser: Browser, company: Company) -> None:
    with visitor(browser, company.address) as staff:
        sign_in(staff, company)
        give_access(staff)
        invite(staff)
    welcome = newest_link(company, "welcome")
    with visitor(browser, company.address, phone=True) as client:
        client.visit(a_day_older(company, welcome))
        heading(client.page, "This link has expired")
        client.visit(welcome)
        choose(client.page, PASSWORD)
        heading(client.page, CLIENT)
        client.photograph("portal-story-home")
        client.page.get_by_label(re.compile("^Pay invoice")).first.click()
        heading(client.page, "Pay an invoice")
        expect(client.page.get_by_label("Billing email")).to_have_value(EMAIL)
        client.visit("/portal")
        client.page.get_by_role("button", name="Sign out").click()
        client.visit(welcome)
        heading(client.page, "This link has been used")
        asked_for = forget_the_password(client, company)
    with visitor(browser, company.address) as staff:
        sign_in(staff, company)
        send_a_new_password(staff)
    sent = newest_link(company, "reset", later_than=asked_for)
    with visitor(browser, company.address, phone=True) as client:
        client.visit(a_day_older(company, sent))
        heading(client.page, "This link has expired")
        use_once(client, sent, THIRD)
        must_sign_in_with_the_newest(client, old=ANOTHER, new=THIRD)


def test_the_kept_copy_of_an_invitation_opens_nothing(browser: Browser, company: Company) -> None:
    token = newest_link(company, "welcome").rpartition("/")[2]
    mailer = company.clients.mailer
    listed = mailer.ListMessages(mailer_pb2.ListMessagesRequest(query=EMAIL)).messages
    [invitation] = [one for one in listed if one.type == templates_pb2.TEMPLATE_TYPE_WELCOME]
    kept = mailer.GetMessageBody(mailer_pb2.GetMessageBodyRequest(notice_id=invitation.notice_id))
    assert "/portal/welcome/" in kept.text
    for part in (kept.html, kept.text, kept.mime.decode()):
        assert token not in part
    with visitor(browser, company.address) as staff:
        sign_in(staff, company)
        staff.visit(f"/history/{invitation.notice_id}")
        heading(staff.page, invitation.subject)
        assert token not in staff.page.content()


def forget_the_password(client: Visitor, company: Company) -> str:
    """Asks for a new password and chooses it; the link that came."""
    page = client.page
    client.visit("/portal/login")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_role("button", name="Send me a link").click()
    heading(page, "Look into your inbox")
    link = newest_link(company, "reset")
    use_once(client, link, ANOTHER)
    must_sign_in_with_the_newest(client, old=PASSWORD, new=ANOTHER)
    return link


def use_once(client: Visitor, link: str, password: str) -> None:
    """Chooses the password by the link, which opens nothing after that."""
    client.visit(link)
    choose(client.page, password)
    heading(client.page, CLIENT)
    client.page.get_by_role("button", name="Sign out").click()
    client.visit(link)
    heading(client.page, "This link has been used")
    expect(client.page.get_by_label("New password")).to_have_count(0)


def must_sign_in_with_the_newest(client: Visitor, *, old: str, new: str) -> None:
    page = client.page
    client.visit("/portal/login")
    for password, title in ((old, "Sign in"), (new, CLIENT)):
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        heading(page, title)


def newest_link(company: Company, kind: str, *, later_than: str = "") -> str:
    """The path of the newest link of that kind that was mailed; waits for it, and for one after that link."""
    found: list[str] = []

    def is_there() -> bool:
        texts = (text_of(mail) for mail in mails_to(company, EMAIL))
        found[:] = [path for text in texts for path in re.findall(rf"/portal/{kind}/[\w-]+", text)]
        return bool(found) and found[-1] != later_than

    drain(company.clients)
    wait_until(is_there, what=f"a mail with a link to {kind} comes")
    return found[-1]


def a_day_older(company: Company, link: str) -> str:
    """The same link as it would be if it had been mailed a day earlier."""
    path, _, token = link.rpartition("/")
    key = company.home.secret("portal-key").read_text(encoding="utf-8").strip()
    read = portal_links.read(token, key, datetime.now(UTC))
    return f"{path}/{portal_links.make(read.notice_id, read.issued_at - timedelta(hours=24), key)}"


def sign_in(staff: Visitor, company: Company) -> None:
    email, password = company.login
    staff.visit("/login")
    staff.page.get_by_label("Email").fill(email)
    staff.page.get_by_label("Password").fill(password)
    staff.page.get_by_role("button", name="Sign in").click()
    heading(staff.page, "Dashboard")


def give_access(staff: Visitor) -> None:
    """Gives the client's contacts a client profile that may pay."""
    page = staff.page
    staff.visit("/settings/profiles/assign")
    page.get_by_label("Organizations of type").select_option("Nonprofit")
    page.get_by_label("Get the client profile").select_option("Full access")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("button", name=re.compile("^Give “Full access” to")).click()
    expect(page.get_by_text("have been changed.")).to_be_visible()


def invite(staff: Visitor) -> None:
    page = staff.page
    staff.visit("/organizations?q=northgate")
    page.get_by_role("link", name=CLIENT).click()
    page.get_by_role("link", name="Send a welcome email to").first.click()
    heading(page, re.compile("^Invite .* to the portal$"))
    page.get_by_role("main").locator("form button.btn-primary").click()
    expect(page.get_by_text("is on its way to")).to_be_visible()


def send_a_new_password(staff: Visitor) -> None:
    """Staff send the contact a link, from the organization's page."""
    page = staff.page
    staff.visit("/organizations?q=northgate")
    page.get_by_role("link", name=CLIENT).click()
    page.get_by_role("link", name="Send a password reset to").first.click()
    heading(page, re.compile("^Send .* a link for a new password$"))
    expect(page.get_by_label(EMAIL)).to_be_checked()
    page.get_by_role("button", name="Send password reset").click()
    expect(page.get_by_text("The link for a new password is on its way to")).to_be_visible()


def choose(page: Page, password: str) -> None:
    page.get_by_label("New password").fill(password)
    page.get_by_label("The same again").fill(password)
    page.locator("main form button").click()


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)

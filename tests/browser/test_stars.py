"""Staff choose on an organization's page who gets its mails, and the next mail goes there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import must_be_accessible
from tests.browser.visitors import Visitor, visitor
from tests.e2e.acts import drain, mails_to, record, sync
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NAME = "Lantern Hill Clinic"
ANA, BOB, CY = "ana.costa@lantern.test", "bob.hale@lantern.test", "Cy Mercer"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("stars") / "home") as company:
        import_the_list(company)
        yield company


def import_the_list(company: Company) -> None:
    """Ana comes first, so she is the accounting system's primary contact; Cy has no address."""
    people = {"Ana Costa": [ANA], "Bob Hale": [BOB], CY: []}
    sync(
        company.clients,
        *(
            record("LH", f"L-{line}", date(2026, 3, line), line=line, organization_name=NAME,
                   contact_name=name, contact_emails=emails)
            for line, (name, emails) in enumerate(people.items(), 1)
        ),
    )  # fmt: skip


def test_the_next_mail_goes_to_whom_staff_have_starred(browser: Browser, company: Company) -> None:
    with visitor(browser, company.address) as staff:
        sign_in(staff, company)
        page = staff.page
        staff.visit("/organizations/LH")
        expect(contact(page, "Ana Costa")).to_contain_text("Primary contact of the accounting system")
        look(staff, "1-imported")

        star(page, "Bob Hale").click()
        expect(page.get_by_role("status")).to_contain_text("now go to Ana Costa and Bob Hale")
        expect(contact(page, "Bob Hale")).to_contain_text("Starred by hand")
        star(page, "Ana Costa").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("now go to Bob Hale")
        expect(star(page, "Ana Costa")).to_have_attribute("aria-pressed", "false")
        look(staff, "2-by-hand")

        import_the_list(company)
        send_the_summary(page, to=BOB)
        drain(company.clients)
        assert (len(mails_to(company, BOB)), len(mails_to(company, ANA))) == (1, 0)


def test_the_last_star_stays_and_staff_go_back_without_scripts(browser: Browser, company: Company) -> None:
    with visitor(browser, company.address, scripts=False, phone=True) as staff:
        sign_in(staff, company)
        page = staff.page
        staff.visit("/organizations/LH")
        star(page, "Bob Hale").click()
        expect(page.get_by_role("alert")).to_contain_text("nobody with an email address would get the mails")
        expect(star(page, "Bob Hale")).to_have_attribute("aria-pressed", "true")
        staff.must_not_scroll_sideways()
        staff.photograph("stars-3-last-390")

        page.get_by_role("button", name="Back to what the import says").click()
        expect(contact(page, "Ana Costa")).to_contain_text("Primary contact of the accounting system")
        page.get_by_role("button", name="Undo").click()
        expect(star(page, "Ana Costa")).to_have_attribute("aria-pressed", "false")
        expect(contact(page, "Bob Hale")).to_contain_text("Starred by hand")


# --- the steps


def sign_in(staff: Visitor, company: Company) -> None:
    email, password = company.login
    staff.visit("/login")
    staff.page.get_by_label("Email").fill(email)
    staff.page.get_by_label("Password").fill(password)
    staff.page.get_by_role("button", name="Sign in").click()
    expect(staff.page.get_by_role("heading", level=1)).to_have_text("Dashboard")


def look(staff: Visitor, name: str) -> None:
    """Photographs the page at both widths; it must be accessible and fit a phone."""
    must_be_accessible(staff.page)
    staff.photograph(f"stars-{name}", phone=True)


def send_the_summary(page: Page, *, to: str) -> None:
    page.get_by_role("link", name="Send account summary").click()
    expect(page.get_by_text(to)).to_be_visible()
    page.get_by_role("button", name="Send account summary").click()
    expect(page.get_by_text(f"on its way to {NAME}")).to_be_visible()


def contact(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=name)


def star(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Star: {name}")

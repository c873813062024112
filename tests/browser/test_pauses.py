"""Staff pause reminders in a browser, over the running programs: nothing goes, and it is seen why."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from dunlin.mailer.v1 import sending_pb2
from dunlin.scheduler.v1 import scheduler_pb2
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import must_be_accessible
from tests.browser.visitors import Visitor, visitor
from tests.e2e.acts import (
    drain,
    email_of,
    invoice,
    mails_to,
    notices,
    record,
    set_calendar,
    set_rules,
    sync,
    tick,
    wait_until,
)
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TODAY = date.today()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("pauses") / "home") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15)
        due = TODAY - timedelta(days=20)
        lines = [record(name, f"{name}-1", due) for name in ("Quiet", "Queued", "Promising")]
        assert sync(company.clients, *lines).added == len(lines)
        yield company


def test_staff_pause_reminders_and_let_them_go_again(browser: Browser, company: Company) -> None:
    with visitor(browser, company.address) as staff:
        sign_in(staff, company)
        pause_an_organization(staff, company)
        resume(staff, company)
        pause_what_is_queued(staff, company)
        see_a_broken_promise(staff, company)


# --- the steps


def sign_in(staff: Visitor, company: Company) -> None:
    email, password = company.login
    staff.visit("/login")
    staff.page.get_by_label("Email").fill(email)
    staff.page.get_by_label("Password").fill(password)
    staff.page.get_by_role("button", name="Sign in").click()
    heading(staff.page, "Dashboard")


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def look(staff: Visitor, name: str) -> None:
    """Photographs the page at both widths; it must be accessible and fit a phone."""
    must_be_accessible(staff.page)
    staff.photograph(f"pauses-{name}", phone=True)


def fill_in(staff: Visitor, reason: str, until: date, note: str = "") -> None:
    page = staff.page
    page.get_by_role("link", name="Pause reminders").click()
    page.get_by_label("Reason").select_option(reason)
    page.get_by_label("Reminders go again on").fill(until.isoformat())
    page.get_by_label("Note").fill(note)


def press(staff: Visitor, name: str) -> None:
    staff.page.get_by_role("button", name=name, exact=True).click()


def due_notices(company: Company, number: str) -> list[tuple[int, str, str]]:
    return notices(company.clients, number)


def run(company: Company, day: date = TODAY) -> None:
    """A run as of that day, and all that follows from it."""
    tick(company.clients, day)
    drain(company.clients)


def pause_an_organization(staff: Visitor, company: Company) -> None:
    page = staff.page
    staff.visit("/organizations/Quiet")
    fill_in(staff, "Dispute", TODAY + timedelta(days=10), "They say that the goods never came.")
    look(staff, "1-ask")
    press(staff, "Pause reminders")
    expect(page.get_by_text("Reminders to Quiet Ltd are paused; from ")).to_be_visible()
    expect(page.get_by_text("Dispute: They say that the goods never came.")).to_be_visible()
    look(staff, "2-organization")
    run(company)
    assert due_notices(company, "Quiet-1") == [(15, "skipped", "PAUSED")]
    assert mails_to(company, email_of("Quiet")) == []
    assert len(mails_to(company, email_of("Queued"))) == 1, "nobody else is paused"
    staff.visit(f"/invoices/{invoice(company.clients, 'Quiet-1').invoice_id}")
    expect(page.locator(".decisions")).to_contain_text("Reminders to the organization, or about the invoice")
    expect(page.locator(".next-steps")).to_contain_text("15 days past due")
    look(staff, "3-invoice")
    staff.visit("/client-emails/pauses")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Quiet Ltd")
    look(staff, "4-list")


def resume(staff: Visitor, company: Company) -> None:
    staff.visit("/organizations/Quiet")
    press(staff, "Resume now")
    expect(staff.page.get_by_text("Reminders to Quiet Ltd go again, from the next run on")).to_be_visible()
    press(staff, "Pause again")
    expect(staff.page.get_by_text("Reminders are paused until")).to_be_visible()
    press(staff, "Resume now")
    run(company)
    run(company)
    assert due_notices(company, "Quiet-1") == [(15, "sent", "ACCEPTED_BY_SMTP_SERVER")]
    assert len(mails_to(company, email_of("Quiet"))) == 1


def pause_what_is_queued(staff: Visitor, company: Company) -> None:
    """While all sending is stopped a notice waits in the mailer; the pause comes before sending goes on."""
    page = staff.page
    line = record("Queued", "Queued-2", TODAY - timedelta(days=20))
    assert sync(company.clients, line).added == 1
    staff.visit("/settings/sending")
    press(staff, "Stop all sending now")
    expect(page.locator(".stopped")).to_be_visible()
    tick(company.clients, TODAY)
    wait_until(lambda: held_back(company) == 1, what="the mailer holds the mail back")
    staff.visit(f"/invoices/{invoice(company.clients, 'Queued-2').invoice_id}")
    fill_in(staff, "Payment plan", TODAY + timedelta(days=30))
    press(staff, "Pause reminders")
    expect(page.get_by_text("Reminders about invoice Queued-2 are paused; from ")).to_be_visible()
    look(staff, "5-invoice-paused")
    staff.visit("/settings/sending")
    press(staff, "Go on with sending")
    drain(company.clients)
    assert due_notices(company, "Queued-2") == [(15, "skipped", "PAUSED")]
    assert len(mails_to(company, email_of("Queued"))) == 1, "the one from before"
    staff.visit("/organizations/Queued")
    expect(page.get_by_role("row", name="Queued-2")).to_contain_text("paused until")
    look(staff, "6-invoice-of-organization")


def held_back(company: Company) -> int:
    return company.clients.sending.GetSending(sending_pb2.GetSendingRequest()).waiting


def days_pass(company: Company, days: int) -> None:
    """All pauses are so many days older. A set clock judges no promise, and no test waits for days."""
    earlier = f"-{days} days"
    with contextlib.closing(sqlite3.connect(company.home.root / "db" / "scheduler.sqlite")) as books, books:
        books.execute(
            "UPDATE pauses SET resumes_on = date(resumes_on, ?),"
            " resumes_at = strftime('%Y-%m-%d %H:%M:%f000', resumes_at, ?)",
            (earlier, earlier),
        )


def see_a_broken_promise(staff: Visitor, company: Company) -> None:
    page = staff.page
    staff.visit("/organizations/Promising")
    fill_in(staff, "Promise to pay", TODAY + timedelta(days=3), "On the phone, Ms Costa.")
    press(staff, "Pause reminders")
    expect(page.get_by_text("Reminders to Promising Ltd are paused; from ")).to_be_visible()
    run(company, TODAY + timedelta(days=3))
    staff.visit("/")
    expect(page.get_by_role("link", name="1 promise to pay was broken")).to_have_count(0)
    days_pass(company, 3)
    list(company.clients.scheduler.RunTick(scheduler_pb2.RunTickRequest(), timeout=60))
    staff.visit("/")
    look(staff, "7-dashboard")
    page.get_by_role("link", name="1 promise to pay was broken").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Promise broken")
    look(staff, "8-broken")
    page.get_by_role("link", name="Promising Ltd").click()
    expect(page.get_by_text("Promise broken:")).to_be_visible()
    look(staff, "9-promise")

"""One running company for all rows, and before each test the settings that it had when it was new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dunlin.mailer.v1 import mailer_pb2, sending_pb2
from dunlin.scheduler.v1 import emails_pb2, notices_pb2, scheduler_pb2
from playwright.sync_api import Browser, expect

from tests.browser.rows.desk import Desk
from tests.browser.visitors import visitor
from tests.e2e.acts import set_calendar, set_rules
from tests.e2e.company import Company, running_company

PROFILE = mailer_pb2.Company(
    name="Harbour & Co",
    address="1 Pier Road\nPortland, ME",
    phone="+1 207 555 0100",
    from_address="billing@harbour.test",
    reply_to="billing@harbour.test",
    accent_color="#0b5c6b",
    language="en",
    pay_links=True,
)
SWITCHED = ("ACCOUNT_SUMMARY", "UPCOMING_PAYMENTS", "METHOD_EXPIRATION")

Cookies = list[dict[str, object]]


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("rows") / "home") as company:
        yield company


@pytest.fixture(scope="package")
def signed_in(browser: Browser, running: Company) -> Cookies:
    """What the browser keeps of staff who have signed in."""
    with visitor(browser, running.address) as staff:
        email, password = running.login
        staff.visit("/login")
        staff.page.get_by_label("Email").fill(email)
        staff.page.get_by_label("Password").fill(password)
        staff.page.get_by_role("button", name="Sign in").click()
        expect(staff.page.get_by_role("heading", level=1)).to_have_text("Dashboard")
        return [dict(cookie) for cookie in staff.page.context.cookies()]


@pytest.fixture
def company(running: Company) -> Company:
    """The company with all kinds of mail and all rules off; each test turns on what it is about."""
    clients = running.clients
    clients.mailer.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=PROFILE))
    clients.sending.SetStopped(sending_pb2.SetStoppedRequest(stopped=False, stopped_by="the tests"))
    set_calendar(clients)
    set_rules(clients)
    for name in SWITCHED:
        kind = notices_pb2.NoticeType.Value(f"NOTICE_TYPE_{name}")
        off = emails_pb2.EmailType(type=kind, schedule=emails_pb2.SummarySchedule(manual=True), days_before=3)
        clients.emails.UpdateEmailType(emails_pb2.UpdateEmailTypeRequest(email_type=off))
    # A run for today ends whatever a test before has set the clock to.
    list(clients.scheduler.RunTick(scheduler_pb2.RunTickRequest(), timeout=60))
    return running


@pytest.fixture
def desk(browser: Browser, company: Company, signed_in: Cookies) -> Iterator[Desk]:
    """Somebody of staff in front of the browser, signed in."""
    with visitor(browser, company.address) as staff:
        staff.page.context.add_cookies(signed_in)  # type: ignore[arg-type]  # they come as they go
        yield Desk(staff, company)

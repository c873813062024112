"""The main job in a browser, step by step, as a new user of the sample company does it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import scheduler_pb2
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.visitors import Visitor, visitor
from tests.e2e.acts import drain, mails_to, notices, text_of, tick
from tests.e2e.bad_lists import COLUMNS, line
from tests.e2e.bad_lists import text_of as list_of
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DEFAULT_RULES = [
    "5 days before due",
    "15 days past due",
    "30 days past due",
    "45 days past due",
    "60 days past due",
    "90 days past due",
]
# An invoice of the sample: 31 days past due, 1,600.00 of 3,600.00 left to pay.
ORGANIZATION, CONTACT, NUMBER = "Northgate Community Theatre", "sybil.arkwright@example.test", "NCT/2207"
EXCLUDED, EXCLUDED_NUMBER = "Pine & Ratchet Garage", "PR-118"
BILLING = re.compile("^Billing e-?mail$")
MONEY = re.compile(r"^[$€][\d,]+\.\d\d$")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("story") / "home", "--sample") as company:
        yield company


def test_the_story_from_an_invoice_list_to_a_receipt(
    browser: Browser, company: Company, tmp_path: Path
) -> None:
    with visitor(browser, company.address) as staff, visitor(browser, company.address) as client:
        sign_in_and_see_the_dashboard(staff, company)
        upload_a_list_twice(staff, company, tmp_path)
        choose_rules(staff)
        edit_exclusions(staff)
        run_the_notices(staff, company)
        open_the_organization(staff)
        link = open_the_mail(staff)
        pay_a_part(client, link)
        see_what_the_payment_did(staff, company)
        pay_the_rest_and_hear_no_more(client, company, link)


# --- the steps


def sign_in_and_see_the_dashboard(staff: Visitor, company: Company) -> None:
    page = staff.page
    staff.visit("/")
    heading(page, "Sign in")
    staff.photograph("1-sign-in", phone=True)
    email, password = company.login
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Incorrect email or password.")).to_be_visible()
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()

    heading(page, "Dashboard")
    expect(figure(page, "Open in USD")).to_have_text(MONEY)
    expect(figure(page, "Past due in USD")).to_have_text(MONEY)
    expect(page.get_by_role("img", name="Open balance in USD by days past due")).to_be_visible()
    expect(page.get_by_role("heading", name="Emails today")).to_be_visible()
    expect(page.get_by_role("heading", name="What goes out next")).to_be_visible()
    staff.photograph("1-dashboard", phone=True)


def upload_a_list_twice(staff: Visitor, company: Company, folder: Path) -> None:
    page = staff.page
    new_client = {"organization_id": "2001", "organization_name": "Orchard Row Dental"}
    with (company.home.root / "sample-invoices.csv").open(newline="") as sample:
        known = next(row for row in csv.DictReader(sample) if row["invoice_number"] == "INV-2042")
    lines = [
        line("ORD-1", **new_client),
        line("ORD-2", **new_client, balance="999999.00"),
        line("ORD-3", **new_client),
        {column: known[column] for column in COLUMNS} | {"balance": "210.00"},
    ]
    path = folder / "invoices.csv"
    path.write_text(list_of(lines))

    for counts in (["2", "1", "0", "1"], ["0", "0", "3", "1"]):
        menu(page, "Dashboard").click()
        page.get_by_role("link", name="Import invoices").click()
        page.get_by_label("CSV file").set_input_files(path)
        page.get_by_role("button", name="Import", exact=True).click()
        heading(page, "Import report")
        names = ["Added", "Changed", "Unchanged", "Refused"]
        assert [figure(page, name).inner_text() for name in names] == counts
        refused = page.get_by_role("row", name=re.compile("balance"))
        expect(refused.get_by_role("cell").nth(0)).to_have_text("3")
        expect(refused.get_by_role("cell").nth(1)).to_have_text("balance")
        staff.photograph(f"2-import-{counts[0]}-added", phone=True)


def choose_rules(staff: Visitor) -> None:
    page = staff.page
    menu(page, "Client emails").click()
    heading(page, "Client emails")
    staff.photograph("3-client-emails", phone=True)
    page.locator("main").get_by_role("link", name="Add a rule").click()
    heading(page, "Invoice due notices")
    expect(page.locator(".switch")).to_have_count(len(DEFAULT_RULES))

    for name in DEFAULT_RULES:
        on, off = rule(page, name)
        if name in DEFAULT_RULES[:4]:
            if off.is_visible():
                off.click()
                heading(page, f"Turn on: {name}")
                page.get_by_role("button", name=re.compile("^Turn on")).click()
            expect(on).to_be_visible()
        else:
            if on.is_visible():
                on.click()
            expect(off).to_be_visible()

    page.get_by_label("Days", exact=True).fill("7")
    page.get_by_label("When", exact=True).select_option("days past due")
    page.get_by_role("button", name="Add rule").click()
    heading(page, "Turn on: 7 days past due")
    page.get_by_role("link", name="Cancel").click()
    expect(rule(page, "7 days past due")[1]).to_be_visible()
    staff.photograph("3-rules", phone=True)
    page.get_by_role("button", name="Remove 7 days past due").click()
    expect(page.get_by_text("7 days past due has been removed")).to_be_visible()
    for switch in rule(page, "7 days past due"):
        expect(switch).to_have_count(0)
    page.get_by_label("Days", exact=True).fill("15")
    page.get_by_role("button", name="Add rule").click()
    expect(page.get_by_text("There is a rule for 15 days past due already.")).to_be_visible()


def edit_exclusions(staff: Visitor) -> None:
    page = staff.page
    page.get_by_role("link", name=re.compile("^Exclusions")).click()
    heading(page, "Exclusions")
    for part, whole in (("ratchet", EXCLUDED), ("kestrel", "Kestrel Dental Group")):
        page.get_by_label("Name or id").fill(part)
        page.get_by_role("button", name="Search").click()
        page.get_by_role("button", name=f"Exclude: {whole}").click()
        expect(page.get_by_role("button", name=f"Remove: {whole}")).to_be_visible()
    staff.photograph("3-exclusions", phone=True)
    page.get_by_role("button", name="Remove: Kestrel Dental Group").click()
    expect(page.get_by_role("button", name="Remove: Kestrel Dental Group")).to_have_count(0)
    expect(page.get_by_role("button", name=f"Remove: {EXCLUDED}")).to_be_visible()


def run_the_notices(staff: Visitor, company: Company) -> None:
    page = staff.page
    page.get_by_role("link", name="Rules", exact=True).click()
    page.get_by_role("link", name="Run due notices now").click()
    heading(page, "Run due notices now")
    expect(page.get_by_text("would go out")).to_be_visible()
    staff.photograph("4-before-the-run", phone=True)
    assert company.mails() == [], "counting sends nothing"
    send = page.get_by_role("button", name=re.compile(r"^Send \d+ emails now$"))
    mails = int(re.findall(r"\d+", send.inner_text())[0])
    send.click()
    heading(page, "The due notices have run")
    staff.photograph("4-after-the-run")

    drain(company.clients)
    assert len(company.mails()) == mails
    states = {number: [(days, state) for days, state, _ in notices(company.clients, number)]
              for number in (NUMBER, EXCLUDED_NUMBER, "LO-77-0031", "WX-10", "0094", "INV-2041")}  # fmt: skip
    assert states == {
        NUMBER: [(15, "superseded"), (30, "sent")],
        EXCLUDED_NUMBER: [(15, "skipped")],
        "LO-77-0031": [(15, "superseded"), (30, "superseded"), (45, "sent")],
        "WX-10": [(15, "skipped")],
        "0094": [],
        "INV-2041": [(-5, "sent")],
    }
    menu(page, "Dashboard").click()
    expect(page.get_by_role("row", name=re.compile(f"Sent {mails}"))).to_be_visible()
    staff.photograph("4-dashboard")


def open_the_organization(staff: Visitor) -> None:
    page = staff.page
    menu(page, "Organizations").click()
    staff.photograph("5-organizations", phone=True)
    page.get_by_role("searchbox").fill("northgate")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=ORGANIZATION).click()
    heading(page, ORGANIZATION)
    expect(page.get_by_text("2 Playhouse Square")).to_be_visible()
    starred = page.get_by_role("listitem").filter(has_text="Default")
    expect(starred).to_contain_text("Sybil Arkwright")
    expect(page.get_by_role("row", name=NUMBER)).to_contain_text("$1,600.00")
    mail = page.get_by_role("group").filter(has_text=NUMBER)
    mail.locator("summary").click()
    for event in ("Queue triggered", "Queued", "Processed", "Sent"):
        expect(mail.get_by_role("listitem").filter(has_text=event).first).to_be_visible()
    staff.photograph("5-organization", phone=True)
    page.get_by_role("link", name=NUMBER, exact=True).click()
    heading(page, f"Invoice {NUMBER}")
    expect(page.get_by_text("LARGER_THRESHOLD_REACHED")).to_be_visible()
    staff.photograph("5-why", phone=True)
    page.go_back()
    mail.locator("summary").click()
    mail.get_by_role("link", name="View").click()


def open_the_mail(staff: Visitor) -> str:
    """The mail as it was sent, and the address behind its button."""
    page = staff.page
    heading(page, f"Invoice {NUMBER} is 31 days past due")
    frame = page.get_by_title("The email exactly as it was sent")
    assert "allow-scripts" not in (frame.get_attribute("sandbox") or "")
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", level=1)).to_have_text("$1,600.00 is 31 days past due")
    link = mail.get_by_role("link", name="Pay Invoice")
    expect(link).to_be_visible()
    staff.photograph("5-mail", phone=True)
    menu(page, "History").click()
    heading(page, "History")
    staff.photograph("6-history", phone=True)
    page.get_by_role("link", name=f"Invoice {NUMBER} is 31 days past due").click()
    with page.expect_popup() as opened:
        page.frame_locator("iframe").get_by_role("link", name="Pay Invoice").click()
    pay_page = opened.value
    heading(pay_page, f"Pay invoice {NUMBER}")
    address = pay_page.url
    pay_page.close()
    assert address.startswith(f"{staff.address}/pay/")
    return address


def pay_a_part(client: Visitor, link: str) -> None:
    page = client.page
    client.visit(link)
    expect(page.get_by_label(BILLING)).to_have_value(CONTACT)
    expect(page.get_by_label("Invoice number")).to_have_value(NUMBER)
    expect(page.get_by_label("Amount to pay")).to_have_value("1600.00")
    client.photograph("6-pay-1-invoice", phone=True)
    page.get_by_label("Amount to pay").fill("1600.01")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("more than what remains to be paid on this invoice: $1,600.00")).to_be_visible()
    client.photograph("6-pay-1-too-much", phone=True)
    page.get_by_label("Amount to pay").fill("600")
    page.get_by_role("button", name="Continue").click()

    page.get_by_label("Sandbox card ending 4242").check()
    client.photograph("6-pay-2-method", phone=True)
    page.get_by_role("button", name="Continue").click()
    heading(page, "Confirm your payment")
    expect(page.get_by_text("$600.00").first).to_be_visible()
    client.photograph("6-pay-3-confirm", phone=True)
    page.get_by_role("button", name="Pay $600.00").dblclick()
    heading(page, "Thank you")
    expect(page.get_by_text(f"The receipt goes to {CONTACT}")).to_be_visible()
    client.photograph("7-thank-you", phone=True)
    page.reload()
    heading(page, "Thank you")


def see_what_the_payment_did(staff: Visitor, company: Company) -> None:
    page = staff.page
    drain(company.clients)
    receipt = mails_to(company, CONTACT)[-1]
    assert receipt["Subject"] == f"Receipt for invoice {NUMBER}: $600.00"
    assert "$1,000.00" in text_of(receipt), "it says what is left"
    menu(page, "Organizations").click()
    page.get_by_role("link", name=ORGANIZATION).click()
    expect(page.get_by_role("row", name=NUMBER)).to_contain_text("$1,000.00")
    expect(page.get_by_role("group").filter(has_text="Receipt for invoice")).to_be_visible()
    staff.photograph("7-organization-after")

    menu(page, "Payments").click()
    page.get_by_role("link", name="Waiting for the accounting side (1)").click()
    expect(page.get_by_role("row", name=NUMBER)).to_contain_text("$600.00")
    staff.photograph("7-payments-waiting", phone=True)
    with page.expect_download() as export:
        page.get_by_role("link", name="Export CSV").click()
    (row,) = csv.DictReader(export.value.path().read_text(encoding="utf-8-sig").splitlines())
    assert (row["invoice_number"], row["amount"], row["currency"]) == (NUMBER, "600.00", "USD")
    page.get_by_role("checkbox", name=NUMBER).check()
    page.get_by_role("button", name="Acknowledge the chosen ones…").click()
    heading(page, "Acknowledge 1 payment?")
    staff.photograph("7-acknowledge")
    page.get_by_role("button", name="Acknowledge 1 payment").click()
    expect(page.get_by_role("link", name="Waiting for the accounting side (0)")).to_be_visible()
    menu(page, "Organizations").click()
    page.get_by_role("link", name=ORGANIZATION).click()
    expect(page.get_by_role("row", name=NUMBER)).to_contain_text("$1,000.00")


def pay_the_rest_and_hear_no_more(client: Visitor, company: Company, link: str) -> None:
    page = client.page
    client.visit(link)
    expect(page.get_by_label("Amount to pay")).to_have_value("1000.00")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Sandbox card ending 4242").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Pay $1,000.00").click()
    heading(page, "Thank you")
    client.visit(link)
    heading(page, "Nothing is left to pay")
    client.photograph("7-nothing-left", phone=True)

    calendar = company.clients.scheduler.GetCalendar(scheduler_pb2.GetCalendarRequest())
    tick(company.clients, date.fromisoformat(calendar.today) + timedelta(days=14))
    drain(company.clients)
    assert [(days, state) for days, state, _ in notices(company.clients, NUMBER)] == [
        (15, "superseded"),
        (30, "sent"),
    ]


# --- what people look at


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def figure(page: Page, name: str) -> Locator:
    """The number under one of the large figures at the head of a page."""
    named = page.locator("dt", has_text=re.compile(f"^{name}$"))
    return page.locator(".figure").filter(has=named).locator("dd").first


def rule(page: Page, name: str) -> tuple[Locator, Locator]:
    """The switch of a rule where it is on, and the link to turn it on where it is off."""
    return (
        page.get_by_role("switch", name=f"{name} On", exact=True),
        page.get_by_role("link", name=f"{name} Off. Turn on …", exact=True),
    )


def menu(page: Page, place: str) -> Locator:
    """An entry of the bar at the left."""
    return page.get_by_role("navigation", name="Main").get_by_role("link", name=place, exact=True).first

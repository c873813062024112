"""Pay Now on a phone and without scripts: what a payer sees when things go well, and when they do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from dunlin.paynow.v1 import ledger_pb2
from playwright.sync_api import Browser, Page, expect

from tests.browser.visitors import Visitor, visitor
from tests.e2e.acts import drain, email_of, invoice, record, set_calendar, sync
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DUE = date(2025, 6, 1)
BILLING = re.compile("^Billing e-?mail$")
NUMBER = "0042/A"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    home = tmp_path_factory.mktemp("pay") / "home"
    with running_company(home, DUNLIN_SANDBOX_ACH_SECONDS="600") as company:
        set_calendar(company.clients)
        yield company


@pytest.fixture
def payer(browser: Browser, company: Company) -> Iterator[Visitor]:
    """A phone whose browser runs no scripts."""
    with visitor(browser, company.address, scripts=False, phone=True) as person:
        yield person


@pytest.fixture
def client(company: Company, request: pytest.FixtureRequest) -> str:
    """A client company of its own for each test, with one open invoice of 250.00 USD."""
    name = f"Client{abs(hash(request.node.name)) % 10**8}"
    sync(company.clients, record(name, f"{NUMBER}-{name}", DUE + timedelta(days=30)))
    return name


def fill(page: Page, email: str, number: str, amount: str) -> None:
    page.get_by_label(BILLING).fill(email)
    page.get_by_label("Invoice number").fill(number)
    page.get_by_label("Amount to pay").fill(amount)
    page.get_by_role("button", name="Continue").click()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def pay(page: Page, client: str, amount: str, method: str) -> None:
    """The three pages without a link, to the press of the last button."""
    fill(page, email_of(client), f"{NUMBER}-{client}", amount)
    page.get_by_label(method).check()
    page.get_by_role("button", name="Continue").click()
    heading(page, "Confirm your payment")
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def test_without_scripts_and_link_an_invoice_is_paid_in_three_pages(
    payer: Visitor, company: Company, client: str
) -> None:
    payer.visit("/pay")
    heading(payer.page, "Pay an invoice")
    payer.must_not_scroll_sideways()
    pay(payer.page, client, "250.00", "Sandbox card ending 4242")
    heading(payer.page, "Thank you")
    payer.must_not_scroll_sideways()
    payer.photograph("pay-thank-you-phone")
    assert invoice(company.clients, f"{NUMBER}-{client}").balance_minor == 0
    payer.page.reload()
    heading(payer.page, "Thank you")
    quoted = payer.page.url.rpartition("/")[2]
    payer.visit(f"/pay/method/{quoted}")
    heading(payer.page, "Thank you")
    drain(company.clients)
    assert invoice(company.clients, f"{NUMBER}-{client}").reserved_minor == 0
    assert len(company.mails()) == len({mail["Message-ID"] for mail in company.mails()})


def test_a_wrong_address_and_a_wrong_number_look_the_same(payer: Visitor, client: str) -> None:
    said = []
    for email, number in (("nobody@nowhere.test", f"{NUMBER}-{client}"), (email_of(client), "0042")):
        payer.visit("/pay")
        fill(payer.page, email, number, "10.00")
        message = payer.page.get_by_role("alert")
        expect(message).to_contain_text("We found no invoice with this email address and this number.")
        expect(payer.page.get_by_label("Amount to pay")).to_have_value("10.00")
        said.append(" ".join((message.text_content() or "").split()))
    assert said[0] == said[1]
    payer.photograph("pay-no-such-invoice-phone")


def test_what_is_malformed_is_said_beside_its_field(payer: Visitor) -> None:
    payer.visit("/pay")
    fill(payer.page, "not an address", "", "1,5")
    for label, words in (
        (BILLING, "Enter one complete e"),
        ("Invoice number", "Enter the invoice number"),
        ("Amount to pay", "Enter the amount as a number with a point"),
    ):
        field = payer.page.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        described = (field.get_attribute("aria-describedby") or "").split()[0]
        expect(payer.page.locator(f"#{described}")).to_contain_text(words)
    payer.must_not_scroll_sideways()
    payer.photograph("pay-errors-phone")


def test_more_than_the_balance_is_refused_without_naming_it(payer: Visitor, client: str) -> None:
    payer.visit("/pay")
    fill(payer.page, email_of(client), f"{NUMBER}-{client}", "250.01")
    expect(payer.page.get_by_label("Amount to pay")).to_have_attribute("aria-invalid", "true")
    expect(payer.page.get_by_text("250.00")).to_have_count(0)


def test_a_declined_card_takes_nothing_and_offers_another_way(
    payer: Visitor, company: Company, client: str
) -> None:
    payer.visit("/pay")
    pay(payer.page, client, "100.00", "Sandbox card ending 0002")
    heading(payer.page, "The payment did not go through")
    expect(payer.page.get_by_text("Nothing was charged.")).to_be_visible()
    payer.photograph("pay-declined-phone")
    payer.page.get_by_role("button", name="Try another method").click()
    payer.page.get_by_label("Sandbox card ending 4242").check()
    payer.page.get_by_role("button", name="Continue").click()
    payer.page.get_by_role("button", name="Pay $100.00").click()
    heading(payer.page, "Thank you")
    assert invoice(company.clients, f"{NUMBER}-{client}").balance_minor == 150_00


def test_a_bank_payment_says_that_it_is_under_way_and_keeps_others_from_paying_twice(
    payer: Visitor, company: Company, client: str
) -> None:
    payer.visit("/pay")
    pay(payer.page, client, "250.00", "Sandbox bank account ending 6789")
    heading(payer.page, "Your bank payment is under way")
    payer.photograph("pay-bank-phone")
    number = f"{NUMBER}-{client}"
    ask = ledger_pb2.ReadSubjectsRequest(
        invoice_ids=[invoice(company.clients, number).invoice_id], with_pay_tokens=True
    )
    (subject,) = company.clients.ledger.ReadSubjects(ask).subjects
    payer.visit(f"/pay/{subject.pay_token}")
    heading(payer.page, "A payment is under way")


def test_a_link_that_was_cut_off_leads_to_the_empty_form(payer: Visitor) -> None:
    payer.visit("/pay/AAAA-cut-off")
    expect(payer.page.get_by_role("alert")).to_contain_text("This link is not complete.")
    expect(payer.page.get_by_label("Invoice number")).to_have_value("")


def test_a_client_with_a_language_of_its_own_pays_in_it(payer: Visitor, company: Company) -> None:
    line = record("Nordlicht", "N-7", DUE, currency="EUR", amount="1250.00", balance="1250.00")
    line.organization.language = "de"
    sync(company.clients, line)
    page, number = payer.page, invoice(company.clients, "N-7").invoice_id
    ask = ledger_pb2.ReadSubjectsRequest(invoice_ids=[number], with_pay_tokens=True)
    (subject,) = company.clients.ledger.ReadSubjects(ask).subjects
    payer.visit(f"/pay/{subject.pay_token}")
    heading(page, "Rechnung N-7 bezahlen")
    expect(page.get_by_label("Zu zahlender Betrag")).to_have_value("1250,00")
    page.get_by_label("Zu zahlender Betrag").fill("1.000,50")
    page.get_by_role("button", name="Weiter").click()
    page.get_by_label("Testkarte mit den Endziffern 4242").check()
    page.get_by_role("button", name="Weiter").click()
    page.get_by_role("button", name=re.compile(r"^1\.000,50\s€ zahlen$")).click()
    heading(page, "Vielen Dank")
    expect(page.get_by_text("Bezahlt mit")).to_be_visible()
    payer.must_not_scroll_sideways()
    payer.photograph("pay-thank-you-german-phone")
    assert invoice(company.clients, "N-7").balance_minor == 249_50

"""What a contact sees of its organization, as its client profile allows."""

from datetime import timedelta

import pytest
from dunlin.paynow.v1 import books_pb2, plans_pb2
from flask import Flask

from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA, DANA_EMAIL, accept, invitation
from tests.fakes.gateway_visitor import Visitor, a_site


@pytest.fixture
def site(services: FakeServices, own_database: Database) -> Flask:
    return a_site(services, own_database)


@pytest.fixture
def dana(site: Flask, services: FakeServices) -> Visitor:
    visitor = Visitor(site)
    accept(visitor, invitation(services))
    return visitor


def profile(services: FakeServices, profile_id: str) -> None:
    services.accounts.contact(DANA).profile_id = profile_id


def test_open_invoices_stand_with_balance_and_due_date(dana: Visitor) -> None:
    page = dana.get("/portal")
    assert "$1,650.00" in page.text
    assert "$1,250.00 of it is past due" in page.text
    lines = [" ".join(line.text_content().split()) for line in page.tree.xpath("//ul/li")]
    assert lines[0].startswith("Invoice INV-0042 Past due by 17 days")
    assert "$1,250.00of $1,875.00" in lines[0].replace(" of", "of")
    assert lines[1].startswith("Invoice 0007/B Due ")
    assert "Signed in as Dana Reyes" in page.text


def test_nothing_of_another_organization_is_shown(dana: Visitor) -> None:
    assert "B-1" not in dana.get("/portal").text
    assert dana.get("/portal/pay/3").status == 404
    assert "B-1" not in dana.get("/portal?contact=3").text


def test_pay_fills_pay_now_in_for_whoever_may_pay(dana: Visitor, services: FakeServices) -> None:
    page = dana.get("/portal/pay/1")
    form = page.form("/pay")
    assert dict(form.form_values()).items() >= {
        "email": DANA_EMAIL, "invoice_number": "INV-0042", "amount": "1250.00",
    }.items()  # fmt: skip
    assert services.paynow.calls == [], "a GET makes no quote"
    assert dana.send(form).path.startswith("/pay/method/")


def test_an_account_with_hundreds_of_open_invoices_can_see_and_pay_all(
    dana: Visitor, services: FakeServices
) -> None:
    for number in range(260):
        services.add_invoice("ACME", f"M-{number}", days_past_due=-30 - number, balance_minor=100)
    paid = services.add_invoice("ACME", "M-paid", days_past_due=-31, balance_minor=100)
    paid.balance_minor = 0
    home = dana.get("/portal")
    assert "And 62 more open invoices, due later." in home.text
    page = dana.get(home.one("//a[contains(@href, '/portal/invoices')]").get("href"))
    found = []
    while True:
        found += page.tree.xpath("//p[@class='line-number']/text()")
        more = page.tree.xpath("//a[text()='Show more']/@href")
        if not more:
            break
        page = dana.get(more[0])
    assert page.one("//a[text()='Back to the first ones']").get("href") == "/portal/invoices?contact=1"
    assert len(found) == len(set(found)) == 262, "without what has nothing left to pay"
    assert {"Invoice INV-0042", "Invoice M-259"} <= set(found)
    last = next(one for one in services.ledger.invoices.values() if one.number == "M-259")
    form = dana.get(f"/portal/pay/{last.invoice_id}").form("/pay")
    assert (form.fields["invoice_number"], form.fields["amount"]) == ("M-259", "1.00")


def test_all_open_invoices_are_those_that_the_profile_lets_see(dana: Visitor, services: FakeServices) -> None:
    assert dana.get("/portal/invoices?page=no-such-page").path == "/portal/invoices"
    profile(services, "owner")
    page = dana.get("/portal/invoices")
    assert "INV-0042" in page.text
    assert page.tree.xpath("//a[starts-with(@href, '/portal/pay/')]") == []
    assert "B-1" not in dana.get("/portal/invoices?contact=3").text
    services.accounts.profiles["owner"].sees_invoices = False
    assert dana.get("/portal/invoices").path == "/portal"


def test_what_is_paid_meanwhile_is_told_with_a_way_back(dana: Visitor, services: FakeServices) -> None:
    services.ledger.invoices[1].balance_minor = 0
    services.ledger.invoices[2].status = books_pb2.INVOICE_STATUS_CANCELLED
    pages = [dana.get(f"/portal/pay/{key}") for key in (1, 2, 3, 999)]
    assert {page.status for page in pages} == {404}
    assert len({page.text for page in pages}) == 1, "nobody learns what others have"
    assert "This invoice is not open any more" in pages[0].text
    assert dana.get(pages[0].one("//main//a").get("href")).path == "/portal"


def test_what_is_being_paid_cannot_be_paid_again_by_its_address(
    dana: Visitor, services: FakeServices
) -> None:
    services.ledger.invoices[1].reserved_minor = 125_000
    page = dana.get("/portal/pay/1")
    assert page.status == 409
    assert "A payment is under way" in page.text


@pytest.mark.parametrize("path", ["/portal/nothing", "/portal/pay/x", "/portal/logout", "/portal/a/b/c"])
def test_an_address_of_nothing_is_a_page_for_clients_with_a_way_back(dana: Visitor, path: str) -> None:
    page = dana.get(path)
    assert page.status == 404
    assert "There is nothing at this address" in page.text
    assert "Harbor Supply Co." in page.text
    assert "Dunlin" not in page.text
    assert dana.get(page.one("//main//a").get("href")).path == "/portal"


def test_a_page_that_fails_says_so_as_a_page_for_clients(dana: Visitor, services: FakeServices) -> None:
    services.ledger.invoices[1].currency = "nonsense"
    page = dana.get("/portal")
    assert page.status == 500
    assert "This did not work" in page.text
    assert "Harbor Supply Co." in page.text


def test_that_a_password_is_set_is_said_once_and_to_nobody_else(dana: Visitor) -> None:
    assert "Your password is set." not in dana.get("/portal").text, "the page before has said it"
    assert "Your password is set." not in dana.get("/portal?said=password").text


def test_who_may_only_look_gets_no_way_to_pay(dana: Visitor, services: FakeServices) -> None:
    profile(services, "owner")
    page = dana.get("/portal")
    assert "INV-0042" in page.text
    assert page.tree.xpath("//a[starts-with(@href, '/portal/pay/')]") == []
    assert dana.get("/portal/pay/1").status == 404


def test_who_may_not_see_invoices_is_told_so(dana: Visitor, services: FakeServices) -> None:
    services.accounts.profiles["billing"].sees_invoices = False
    services.accounts.calls.clear()
    page = dana.get("/portal")
    assert "Your access does not include invoices" in page.text
    assert "INV-0042" not in page.text
    assert dana.get("/portal/pay/1").status == 404
    assert services.accounts.requests("ReadAccounts") == []


def test_nothing_open_is_said_kindly(dana: Visitor, services: FakeServices) -> None:
    for invoice in services.ledger.invoices.values():
        invoice.status = books_pb2.INVOICE_STATUS_PAID
    assert "Nothing is open" in dana.get("/portal").text


def test_what_is_being_paid_at_this_moment_is_not_offered_again(
    dana: Visitor, services: FakeServices
) -> None:
    services.ledger.invoices[1].reserved_minor = 125_000
    page = dana.get("/portal")
    assert "$1,250.00 is being paid at this moment" in page.text
    assert page.tree.xpath("//a[@href='/portal/pay/1']") == []


def test_payments_that_will_be_made_by_themselves_are_told(dana: Visitor, services: FakeServices) -> None:
    pays_on = services.today + timedelta(days=3)
    services.accounts.plans.append(
        plans_pb2.PlannedPayment(
            organization_id="ACME",
            invoice_id=2,
            pays_on=pays_on.isoformat(),
            amount_minor=40_000,
            method_label="Visa ending 4242",
            by_autopay=True,
        )
    )
    text = dana.get("/portal").text
    assert "Will be paid by itself" in text
    assert "with Visa ending 4242, by AutoPay" in text
    assert "$400.00" in text


def test_the_day_is_that_of_the_organization(dana: Visitor, services: FakeServices) -> None:
    services.ledger.organizations["ACME"].time_zone = "Pacific/Kiritimati"
    dana.get("/portal")
    dates = {asked.today for asked in services.accounts.requests("ReadAccounts")}
    assert services.scheduler.calendar.today in dates


def test_while_the_books_are_away_the_page_says_so_and_the_session_stays(
    dana: Visitor, services: FakeServices
) -> None:
    services.accounts.is_away = True
    page = dana.get("/portal")
    assert page.status == 503
    assert "We will be right back" in page.text
    services.accounts.is_away = False
    assert dana.get("/portal").status == 200

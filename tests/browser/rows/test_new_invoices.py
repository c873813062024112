"""What an import of new invoices brings, and one invoice by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.rows.desk import Client, Desk, heading, link_in, text_of
from tests.browser.visitors import visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

SUMMARY = "Send the account summary, once for each import"
ONE_BY_ONE = "Send an invoice notification for each in its place"


def test_new_invoices_bring_one_summary_for_each_import(desk: Desk) -> None:
    client = Client.new("Diner")
    bring(desk, SUMMARY)
    desk.take_in(client.invoice("N-1"), client.invoice("N-2"))
    mail = desk.mail(client)
    assert str(mail["Subject"]).startswith("Your account with")
    for number in ("N-1", "N-2"):
        assert number in text_of(mail)
    desk.take_in(client.invoice("N-1"), client.invoice("N-2", balance="100.00"))
    assert len(desk.mails(client)) == 1, "a change is nothing new"
    desk.switch_off("Account summary")
    desk.take_in(client.invoice("N-3"))
    assert len(desk.mails(client)) == 1


def test_new_invoices_bring_one_notification_each_with_the_date_of_autopay(desk: Desk) -> None:
    client, today = Client.new("Dairy"), desk.today
    due = today + timedelta(days=20)
    old = (today - timedelta(days=40)).isoformat()
    desk.take_in(client.invoice("A-0"))
    desk.take_in(client.card("card-1", "2099-12"))
    autopay = {"organization_id": client.id, "plan": "autopay", "status": "on", "method_id": "card-1"}
    desk.take_in(autopay | {"days_after_due": "2"})
    assert desk.mails(client) == []
    bring(desk, ONE_BY_ONE)
    desk.take_in(
        client.invoice("A-1", due),
        client.invoice("A-2", today - timedelta(days=1)),
        client.invoice("A-3", due, issued_on=old),
    )
    mails = {str(mail["Subject"]): text_of(mail) for mail in desk.mails(client)}
    assert sorted(mails) == [f"Invoice A-{at} from Harbour & Co: $250.00" for at in (1, 2)]
    promised, past_due = (" ".join(mails[subject].split()) for subject in sorted(mails))
    pays_on = due + timedelta(days=2)
    assert f"AutoPay will pay $250.00 on {pays_on:%B} {pays_on.day}, {pays_on.year}" in promised
    assert "AutoPay" not in past_due, "never said of an invoice that is past due"

    desk.visit("/client-emails/invoice")
    desk.page.get_by_label("Tell when AutoPay or a scheduled payment will pay it").uncheck()
    desk.press("Save settings")
    desk.read("have been saved.")
    try:
        desk.take_in(client.invoice("A-4", due))
        assert "AutoPay" not in text_of(desk.mails(client)[-1])
    finally:
        desk.visit("/client-emails/invoice")
        desk.page.get_by_label("Tell when AutoPay or a scheduled payment will pay it").check()
        desk.press("Save settings")
        desk.read("have been saved.")


def test_an_invoice_sent_by_hand_is_paid_by_its_button_and_without_pay_now_opens_the_portal(
    browser: Browser, desk: Desk
) -> None:
    client = Client.new("Garage")
    desk.take_in(client.invoice("H-1"))
    send_invoice(desk, client, "H-1")
    mail = desk.mail(client)
    assert str(mail["Subject"]) == "Invoice H-1 from Harbour & Co: $250.00"
    with visitor(browser, desk.company.address) as payer:
        payer.visit(link_in(mail, "/pay/"))
        heading(payer.page, "Pay invoice H-1")
        expect(payer.page.get_by_label("Billing email")).to_have_value(client.email)
        expect(payer.page.get_by_label("Amount to pay")).to_have_value("250.00")

    desk.visit("/settings/company")
    desk.page.get_by_label("Emails bear links to Pay Now").uncheck()
    desk.press("Save company")
    desk.read("The company has been saved.")
    send_invoice(desk, client, "H-1")
    newest = desk.mails(client)[-1]
    assert "/pay/" not in text_of(newest)
    with visitor(browser, desk.company.address) as payer:
        payer.visit(link_in(newest, "/portal"))
        heading(payer.page, "Sign in")


def bring(desk: Desk, what: str) -> None:
    """Chooses what new invoices bring and turns the account summary on, which says so first."""
    page = desk.page
    desk.visit("/client-emails/account-summary")
    page.get_by_label("Send manually (no schedule)").check()
    page.get_by_label(what).check()
    desk.press("Save settings")
    desk.read("have been saved. It is still off.")
    desk.ask_to_turn_on("Account summary")
    expect(page.get_by_role("main")).to_contain_text("Each import with new invoices sends")
    desk.press("Turn on")
    expect(desk.switch("Account summary")).to_be_visible()


def send_invoice(desk: Desk, client: Client, number: str) -> None:
    """Sends one invoice from its own page."""
    page = desk.page
    desk.open(client)
    page.get_by_role("link", name=number, exact=True).click()
    heading(page, f"Invoice {number}")
    page.get_by_role("link", name="Email invoice").click()
    expect(page.get_by_role("main")).to_contain_text(client.email)
    desk.press("Email invoice")
    desk.read(f"Invoice {number} is on its way")

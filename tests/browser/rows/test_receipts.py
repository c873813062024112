"""Receipts: what happens to payments and methods is told at once, and staff see each in the history."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.rows.desk import Client, Desk, heading, text_of, words_of
from tests.browser.visitors import visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_payment_that_is_declined_is_told_to_who_tried_it(browser: Browser, desk: Desk) -> None:
    client = Client.new("Gym")
    desk.take_in(client.invoice("G-1"))
    with visitor(browser, desk.company.address, phone=True) as payer:
        page = payer.page
        payer.visit("/pay")
        page.get_by_label("Billing email").fill(client.email)
        page.get_by_label("Invoice number").fill("G-1")
        page.get_by_label("Amount to pay").fill("120.00")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Sandbox card ending 0002").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Pay $120.00").click()
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Confirm your payment")
    mail = desk.mail(client)
    assert str(mail["Subject"]) == "Your payment for invoice G-1 did not go through"
    assert "$120.00" in text_of(mail)
    assert "was declined. We did not collect any money." in words_of(mail)
    must_be_in_the_history(desk, client, ["Payment failed"])


def test_a_payment_is_told_when_it_is_scheduled_moved_and_cancelled(desk: Desk) -> None:
    client, day = Client.new("Roofers"), desk.today + timedelta(days=12)
    desk.take_in(client.invoice("R-1"))
    moved = day + timedelta(days=3)
    for line, subject, words in (
        (client.payment("p-1", "R-1", day), f"Payment scheduled for {spelled(day)}: invoice R-1", day),
        (
            client.payment("p-1", "R-1", moved),
            "Your scheduled payment for invoice R-1 has changed",
            moved,
        ),
        (
            client.payment("p-1", "R-1", moved, status="cancelled"),
            "Your scheduled payment for invoice R-1 is cancelled",
            moved,
        ),
    ):
        desk.take_in(line)
        newest = desk.mails(client)[-1]
        assert str(newest["Subject"]) == subject
        assert spelled(words) in text_of(newest)
        assert "$250.00" in text_of(newest)
        desk.take_in(line)
    assert len(desk.mails(client)) == 3, "importing the same again tells nothing"
    must_be_in_the_history(desk, client, ["Payment cancelled", "Payment rescheduled", "Payment scheduled"])


def test_a_method_that_fails_is_told_once(desk: Desk) -> None:
    client = Client.new("School")
    desk.take_in(client.invoice("S-1"))
    desk.take_in(client.card("card-1", "2099-12", failure_reason=""))
    assert desk.mails(client) == []
    for _ in range(2):
        desk.take_in(client.card("card-1", "2099-12", status="failed", failure_reason="CARD_DECLINED"))
    mail = desk.mail(client)
    assert str(mail["Subject"]) == "Your payment method needs attention: Visa ending 4242"
    assert "the card was declined" in text_of(mail)
    must_be_in_the_history(desk, client, ["Payment method failed"])
    desk.open(client)
    on_file = desk.page.locator("section", has_text="Cards and accounts on file")
    expect(on_file.get_by_role("listitem")).to_contain_text("Visa ending 4242")


def must_be_in_the_history(desk: Desk, client: Client, types: list[str]) -> None:
    """Exactly mails of these types, the newest first, each sent; the newest opens."""
    page = desk.page
    desk.visit(f"/history?q={client.email}")
    rows = page.get_by_role("row").filter(has=page.get_by_role("cell", name=client.email))
    expect(rows).to_have_count(len(types))
    for row, type_ in zip(rows.all(), types, strict=True):
        expect(row).to_contain_text(type_)
        expect(row).to_contain_text("Sent")
    subject = rows.first.get_by_role("link").first
    text = subject.inner_text()
    subject.click()
    heading(page, text)
    expect(page.frame_locator("iframe").get_by_text(re.compile("Hello Ana Costa"))).to_be_visible()


def spelled(day: date) -> str:
    """As mails write it: March 4, 2026."""
    return f"{day:%B} {day.day}, {day.year}"

"""The account summary: what it says, when it goes, to whom, and what staff see of it."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from dunlin.scheduler.v1 import emails_pb2, notices_pb2
from playwright.sync_api import Browser, expect

from tests.browser.rows.desk import Client, Desk, heading, text_of
from tests.browser.visitors import visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

SETTINGS = "/client-emails/account-summary"


def test_a_summary_says_all_that_is_open_and_which_cards_need_attention(browser: Browser, desk: Desk) -> None:
    client, today = Client.new("Bakery"), desk.today

    def ago(days: int) -> dict[str, str]:
        return {"issued_on": (today - timedelta(days=days)).isoformat()}

    desk.take_in(
        client.invoice("S-1", today - timedelta(days=9), amount="900.00", balance="400.50", **ago(50)),
        client.invoice("S-2", today + timedelta(days=9), **ago(40)),
        client.invoice("S-3", today + timedelta(days=29), amount="1200.00", balance="1200.00", **ago(1)),
        client.invoice("S-4", today + timedelta(days=29), balance="0.00", status="paid", **ago(1)),
    )
    month = today.replace(day=1)
    desk.take_in(
        client.card("old", f"{month - timedelta(days=1):%Y-%m}", last_four="1111"),
        client.card("new", f"{today.year + 5}-01", last_four="2222"),
        client.card("last", f"{today:%Y-%m}", last_four="3333"),
    )
    desk.send_summary(client)
    mail = desk.mail(client)
    text = text_of(mail)
    rows = {words[0]: re.split(r" {2,}", line) for line in text.splitlines() if (words := key_of(line))}
    assert [rows[number][0] for number in ("S-1", "S-2", "S-3")] == ["Past due", "Open", "New"]
    assert [rows[number][-2:] for number in ("S-1", "S-2", "S-3")] == [
        ["$900.00", "$400.50"],
        ["$250.00", "$250.00"],
        ["$1,200.00", "$1,200.00"],
    ]
    assert "S-4" not in rows
    assert re.search(r"^Status +Invoice +Issued +Due +Amount +Balance$", text, re.MULTILINE)
    assert re.search(r"^ +Total +\$1,850\.50$", text, re.MULTILINE)
    assert re.search(r"^ +Past due +\$400\.50$", text, re.MULTILINE)
    assert re.search(r"^Expired +Visa ending 1111", text, re.MULTILINE)
    assert "ending 2222" not in text
    assert re.search(r"^Expires soon +Visa ending 3333", text, re.MULTILINE)
    links = re.findall(r"^ +Pay: (\S+)$", text, re.MULTILINE)
    with visitor(browser, desk.company.address, phone=True) as payer:
        for link, number in zip(links, ("S-1", "S-2", "S-3"), strict=True):
            payer.visit(link)
            heading(payer.page, f"Pay invoice {number}")


def key_of(line: str) -> list[str]:
    """The invoice number in a row of the list; empty for other lines."""
    return re.findall(r"\bS-\d\b", line)


def test_a_summary_goes_on_its_day_once_and_staff_see_when_it_last_went(desk: Desk) -> None:
    client, page = Client.new("Farm"), desk.page
    desk.take_in(client.invoice("W-1", desk.today + timedelta(days=90)))
    day = next_month(desk.today).replace(day=17)
    desk.visit(SETTINGS)
    page.get_by_label("On a day of each month").check()
    page.get_by_label("Day of the month").select_option("17")
    page.get_by_label("If that is a weekend or holiday").select_option("Send all the same")
    expect(page.locator("#meaning")).to_contain_text("Day 17 of each month")
    desk.press("Save settings")
    desk.read("have been saved. It is still off.")
    desk.turn_on("Account summary")
    before = last_sent_at(desk)
    desk.day_comes(day - timedelta(days=1))
    assert desk.mails(client) == []
    assert last_sent_at(desk) == before
    desk.day_comes(day)
    [mail] = desk.mails(client)
    desk.day_comes(day + timedelta(days=1))
    assert len(desk.mails(client)) == 1

    assert last_sent_at(desk) > before
    desk.visit(f"/history?q={client.email}")
    page.get_by_role("link", name=str(mail["Subject"])).click()
    at = page.locator(".facts-list dt:text-is('Sent') + dd").inner_text()
    for path in (SETTINGS, f"{SETTINGS}/send"):
        desk.visit(path)
        expect(page.get_by_text(re.compile("Last sent: "))).to_contain_text(at)
    desk.visit("/client-emails")
    summary = page.locator(".kind").filter(has=desk.switch("Account summary"))
    expect(summary.locator(".kind-facts")).to_contain_text(f"Last sent\n{at}", use_inner_text=True)


def test_a_summary_goes_to_the_contacts_with_the_chosen_profiles(desk: Desk) -> None:
    client, page = Client.new("Foundry"), desk.page
    books = f"books-{client.email}"
    desk.take_in(
        client.invoice("P-1", contact_profile="viewer"),
        client.invoice("P-2", contact_name="Bo Berg", contact_email=books, contact_profile="billing"),
    )
    desk.visit(SETTINGS)
    page.get_by_label("Contacts with these client profiles").check()
    desk.press("Save settings")
    desk.read("Choose at least one client profile")
    page.get_by_label("Billing", exact=True).check()
    expect(page.locator("#meaning")).to_contain_text("Contacts with the client profile Billing")
    desk.press("Save settings")
    desk.read("have been saved.")
    desk.send_summary(client)
    [mail] = desk.mails(client)
    assert str(mail["To"]) == f"Bo Berg <{books}>"

    desk.visit(SETTINGS)
    expect(page.get_by_label("Billing", exact=True)).to_be_checked()
    page.get_by_label("Default contacts (★)").check()
    desk.press("Save settings")
    desk.read("have been saved.")
    desk.send_summary(client)
    assert str(desk.mails(client)[-1]["To"]) == f"{client.contact} <{client.email}>"


def last_sent_at(desk: Desk) -> float:
    """When an account summary last went out, in seconds; 0 if never."""
    types = desk.company.clients.emails.ListEmailTypes(emails_pb2.ListEmailTypesRequest()).email_types
    [summary] = [one for one in types if one.type == notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY]
    return summary.last_sent_at.ToNanoseconds() / 1e9


def next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)

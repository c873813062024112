"""Right before a mail leaves: what no longer holds, or who wants no more, keeps it back; staff see why."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.rows.desk import Client, Desk, heading, link_in, text_of
from tests.browser.visitors import Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]


def test_what_no_longer_holds_when_a_mail_leaves_keeps_it_back_with_the_reason(
    browser: Browser, desk: Desk
) -> None:
    goes, pays, excluded = Client.new("Ferry"), Client.new("Tannery"), Client.new("Quarry")
    due = desk.today - timedelta(days=16)
    numbers = {client: f"L-{client.id}" for client in (goes, pays, excluded)}
    desk.take_in(*(client.invoice(number, due) for client, number in numbers.items()))
    desk.turn_on_rule("15 days past due")
    desk.stop()
    desk.run_for(desk.today)
    desk.wait_for_waiting(3)
    with visitor(browser, desk.company.address) as payer:
        pay_all(payer, pays, numbers[pays])
    desk.visit("/client-emails/due-notices/exclusions")
    desk.page.get_by_label("Name or id").fill(excluded.name)
    desk.press("Search")
    desk.press(f"Exclude: {excluded.name}")
    expect(desk.page.get_by_role("button", name=f"Remove: {excluded.name}")).to_be_visible()
    desk.go_on()

    assert desk.subjects(goes) == [f"Invoice {numbers[goes]} is 16 days past due"]
    assert desk.subjects(pays) == [f"Receipt for invoice {numbers[pays]}: $250.00"]
    assert desk.mails(excluded) == []
    for client, state, reason in (
        (goes, "Sent", "ACCEPTED_BY_SMTP_SERVER"),
        (pays, "Skipped", "NOT_OPEN|NOTHING_LEFT_TO_PAY"),
        (excluded, "Skipped", "ORGANIZATION_EXCLUDED"),
    ):
        explained(desk, client, numbers[client], state, reason)


def test_one_click_in_the_mail_unsubscribes_and_keeps_back_what_is_on_its_way(
    browser: Browser, desk: Desk
) -> None:
    client, page = Client.new("Chandler"), desk.page
    desk.take_in(client.invoice("O-1"))
    desk.send_summary(client)
    mail = desk.mail(client)
    desk.stop()
    desk.send_summary(client)
    desk.wait_for_waiting(1)
    assert str(mail["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(https?://\S+/unsubscribe/\S+)>", str(mail["List-Unsubscribe"]))
    assert link, mail["List-Unsubscribe"]
    with visitor(browser, desk.company.address) as reader:
        # Looking at the page, as scanners of mails do, takes nobody off.
        reader.visit(link[1])
        heading(reader.page, "No more account summaries?")
        must_be_listed(desk, client, 0)
    one_click(link[1])
    must_be_listed(desk, client, 1)
    desk.go_on()
    assert len(desk.mails(client)) == 1
    desk.open(client)
    kept_back = page.get_by_role("group").filter(has_text="Withheld")
    expect(kept_back).to_have_count(1)
    kept_back.locator("summary").click()
    expect(kept_back).to_contain_text("unsubscribed from this type of email")


def test_who_unsubscribes_on_the_page_is_listed_and_left_out_until_resubscribed(
    browser: Browser, desk: Desk
) -> None:
    client, page = Client.new("Cooper"), desk.page
    other = f"second-{client.email}"
    desk.take_in(client.invoice("V-1", contact_email=f"{client.email};{other}"))
    desk.send_summary(client)
    mail = desk.mail(client)
    assert other in str(mail["To"])
    assert mail["List-Unsubscribe-Post"] is None, "one click must not take off somebody else"
    with visitor(browser, desk.company.address, phone=True) as reader:
        reader.visit(link_in(mail, "/unsubscribe/"))
        heading(reader.page, "No more account summaries?")
        reader.page.get_by_role("radio", name=client.email, exact=True).check()
        reader.page.get_by_role("button", name="Unsubscribe").click()
        heading(reader.page, "You are unsubscribed")
    must_be_listed(desk, client, 1)
    page.get_by_role("row", name=client.email).get_by_role("link").click()
    heading(page, str(mail["Subject"]))
    desk.send_summary(client)
    desk.mails(client)
    newest = desk.company.mails()[-1]
    assert str(newest["To"]) == f"{client.contact} <{other}>"
    assert "V-1" in text_of(newest)

    desk.visit("/settings/sending/unsubscribed")
    desk.press(f"Resubscribe: {client.email}")
    must_be_listed(desk, client, 0)
    desk.send_summary(client)
    desk.mails(client)
    assert client.email in str(desk.company.mails()[-1]["To"])


def must_be_listed(desk: Desk, client: Client, times: int) -> None:
    """Whether staff see the client's address among those who have unsubscribed."""
    desk.visit("/settings/sending/unsubscribed")
    expect(desk.page.get_by_role("rowheader", name=client.email, exact=True)).to_have_count(times)


def one_click(link: str) -> None:
    """What a mail program sends for its button to unsubscribe (RFC 8058): no cookie, no form token."""
    body = urllib.parse.urlencode({"List-Unsubscribe": "One-Click"}).encode()
    with urllib.request.urlopen(link, body, timeout=30) as answer:  # noqa: S310  # always http
        assert answer.status == 200


def explained(desk: Desk, client: Client, number: str, state: str, reason: str) -> None:
    """The newest decision about the invoice as its page tells it."""
    desk.open(client)
    # What is paid is not among the open ones.
    desk.page.get_by_role("link", name="Show all").click()
    desk.page.get_by_role("link", name=number, exact=True).first.click()
    heading(desk.page, f"Invoice {number}")
    told = desk.page.get_by_role("listitem").filter(has_text=re.compile(f"({reason})"))
    expect(told).to_have_count(1)
    expect(told).to_contain_text(state)


def pay_all(payer: Visitor, client: Client, number: str) -> None:
    """Pays the whole invoice on the public page."""
    page = payer.page
    payer.visit("/pay")
    page.get_by_label("Billing email").fill(client.email)
    page.get_by_label("Invoice number").fill(number)
    page.get_by_label("Amount to pay").fill("250.00")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Sandbox card ending 4242").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Pay $250.00").click()
    heading(page, "Thank you")

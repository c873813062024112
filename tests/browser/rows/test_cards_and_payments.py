"""What goes by itself about cards that expire and payments that are coming, and whom it leaves out."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.rows.desk import Client, Desk, words_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

TURN_ON = re.compile("^Turn on(, and include what is due now)?$")
FROM_NOW_ON = re.compile("^Turn on( for what comes from now on)?$")


def test_an_expiring_card_is_told_then_weekly_until_it_is_deleted(desk: Desk) -> None:
    client = Client.new("Surgery")
    last = end_of_month(desk.today + timedelta(days=75))
    expires = f"{last:%Y-%m}"
    desk.take_in(client.invoice("E-1", organization_status="inactive"))
    desk.take_in(client.card("card-1", expires))
    desk.turn_on("Payment method expiration", TURN_ON)
    soon = "Your card expires soon: Visa ending 4242"
    over = "Your card has expired: Visa ending 4242"
    month_before = end_of_month(last.replace(day=1) - timedelta(days=1))
    month_before = month_before.replace(day=min(last.day, month_before.day))
    first = last + timedelta(days=1)
    for day, expected in (
        (month_before - timedelta(days=1), []),
        (month_before, [soon]),
        (last, [soon]),
        (first, [soon, over]),
        (first + timedelta(days=6), [soon, over]),
        (first + timedelta(days=7), [soon, over, over]),
    ):
        desk.day_comes(day)
        assert desk.subjects(client) == expected, f"after the run for {day}"
    assert f"expires at the end of {last:%B %Y}" in words_of(desk.mails(client)[0])
    desk.take_in(client.card("card-1", expires, status="deleted"))
    desk.day_comes(first + timedelta(days=14))
    assert desk.subjects(client) == [soon, over, over]


def test_coming_payments_are_told_so_many_days_before_but_not_to_who_is_excluded(desk: Desk) -> None:
    told, excluded, page = Client.new("Orchard"), Client.new("Mill"), desk.page
    pays_on = desk.today + timedelta(days=20)
    desk.take_in(told.invoice("U-1"), excluded.invoice("U-2"))
    desk.take_in(told.payment("p-1", "U-1", pays_on), excluded.payment("p-2", "U-2", pays_on))
    desk.visit("/client-emails/upcoming-payments")
    page.get_by_label("Days before the payment").fill("5")
    desk.press("Save settings")
    desk.read("have been saved. It is still off.")
    exclude(desk, "upcoming-payments", excluded)
    # Each list stands alone: who gets no due notices is told of payments all the same.
    exclude(desk, "due-notices", told)

    subject = "Upcoming: 1 payment, $250.00"
    desk.day_comes(pays_on - timedelta(days=5))
    assert subject not in desk.subjects(told), "it is off"
    desk.turn_on("Upcoming payments", FROM_NOW_ON)
    desk.day_comes(pays_on - timedelta(days=6))
    assert subject not in desk.subjects(told)
    desk.day_comes(pays_on - timedelta(days=5))
    assert desk.subjects(told)[1:] == [subject]
    assert "in 5 days" in words_of(desk.mails(told)[-1])
    assert subject not in desk.subjects(excluded)

    for kind in ("account-summary", "due-notices"):
        desk.visit(f"/client-emails/{kind}/exclusions")
        expect(page.get_by_role("main")).not_to_contain_text(excluded.name)
    desk.visit("/client-emails/upcoming-payments/exclusions")
    desk.press(f"Remove: {excluded.name}")
    expect(page.get_by_role("button", name=f"Remove: {excluded.name}")).to_have_count(0)
    desk.day_comes(pays_on - timedelta(days=4))
    assert desk.subjects(excluded)[1:] == [subject]
    assert desk.subjects(told)[1:] == [subject], "once for each day of payment"


def exclude(desk: Desk, kind: str, client: Client) -> None:
    """Puts the client on the list of one kind of mail."""
    desk.visit(f"/client-emails/{kind}/exclusions")
    desk.page.get_by_label("Name or id").fill(client.name)
    desk.press("Search")
    desk.press(f"Exclude: {client.name}")
    expect(desk.page.get_by_role("button", name=f"Remove: {client.name}")).to_be_visible()


def end_of_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])

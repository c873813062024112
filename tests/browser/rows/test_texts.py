"""Texts: what is saved in the editor is in the next mail, and a test goes to nobody by mistake."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.rows.desk import Client, Desk, heading, text_of
from tests.e2e.acts import drain, mails_to

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

EDITOR = "/client-emails/templates/due-notice-after"


def test_a_saved_text_with_a_token_is_in_the_next_mail_and_an_unknown_token_is_not_saved(desk: Desk) -> None:
    client, page = Client.new("Brewery"), desk.page
    desk.take_in(client.invoice("T-1", desk.today - timedelta(days=16)))
    desk.turn_on_rule("15 days past due")
    desk.visit(EDITOR)
    page.get_by_label("Title", exact=True).fill("A word about {{ organization.nmae }}")
    desk.press("Save")
    desk.read("Nothing has been saved.")
    mistake = page.get_by_role("button", name="line 1, column 14")
    expect(mistake).to_contain_text("Did you mean {{ organization.name }}?")

    page.get_by_label("Title", exact=True).fill("A word about ")
    page.get_by_label("Insert a token into the title").click()
    page.keyboard.type("organization.name")
    expect(page.locator(".token-choice:visible")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title", exact=True)).to_have_value("A word about {{ organization.name }}")
    desk.press("Save")
    desk.read("has been saved. Emails are written with it from now on.")
    desk.run_for(desk.today)
    mail = desk.mail(client)
    assert f"A word about {client.name}" in text_of(mail)

    desk.visit(f"/history?q={client.email}")
    page.get_by_role("link", name=str(mail["Subject"])).click()
    heading(page, str(mail["Subject"]))
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_have_text(
        f"A word about {client.name}"
    )


def test_a_test_arrives_marked_and_never_at_a_clients_address_by_itself(desk: Desk) -> None:
    client, page = Client.new("Vineyard"), desk.page
    desk.take_in(client.invoice("X-1"))
    desk.visit("/client-emails/templates/account-summary")
    page.get_by_label("Title", exact=True).fill("A draft that nobody has saved")
    page.get_by_label("Send to", exact=True).fill(f"me@office.test, {client.email}")
    desk.press("Send test")
    expect(page.locator("#addresses-error")).to_contain_text(f"address of a client: {client.email}")
    page.get_by_label("Send to", exact=True).fill("me@office.test")
    desk.press("Send test")
    desk.read("The test went to me@office.test.")
    drain(desk.company.clients)
    [mail] = mails_to(desk.company, "me@office.test")
    assert str(mail["Subject"]).startswith("[Test] ")
    assert "A draft that nobody has saved" in text_of(mail)
    assert desk.mails(client) == []
    page.get_by_role("link", name="Discard changes").click()
    desk.send_summary(client)
    assert "A draft that nobody has saved" not in text_of(desk.mail(client))

"""What staff say of the company on its pages of settings, and what mails and runs make of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.rows.desk import Client, Desk, heading, html_of, text_of
from tests.e2e.acts import notices, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

_TODAY = date.today()
CHRISTMAS = date(_TODAY.year + (date(_TODAY.year, 12, 20) < _TODAY), 12, 25)
"""The next one that a run can still be made up to; in the United States it is always closed."""
_OPEN_AFTER = {"Friday": 3, "Saturday": 2, "Sunday": 2}
BUSINESS_DAY = CHRISTMAS + timedelta(days=_OPEN_AFTER.get(f"{CHRISTMAS:%A}", 1))
"""The next one; a Sunday's holiday is kept on Monday."""
FAR_EAST = "Pacific/Kiritimati"
"""Where it is tomorrow already when the day's mails go out in New York."""
RULE = timedelta(days=15)


def test_the_next_mail_says_what_was_changed_in_the_companys_settings(desk: Desk) -> None:
    client, page = Client.new("Bakery"), desk.page
    desk.take_in(client.invoice("B-1"))
    desk.visit("/settings/company")
    for label, value in {
        "Name": "Pelican Works",
        "Address": "7 Quay Street\nHalden",
        "Phone": "+47 555 0199",
        "Emails come from": "post@pelican.test",
        "Reply-to address": "questions@pelican.test",
        "Accent color": "#7a1f5c",
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    # Any PNG will do, such as the picture of a button.
    logo = page.get_by_role("button", name="Save company").screenshot()
    page.get_by_label("Logo", exact=True).set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": logo}
    )
    desk.press("Save company")
    desk.read("The company has been saved.")
    expect(page.get_by_alt_text("The company’s logo")).to_be_visible()
    desk.send_summary(client)
    mail = desk.mail(client)
    assert str(mail["From"]) == "Pelican Works <post@pelican.test>"
    assert str(mail["Reply-To"]) == "questions@pelican.test"
    assert text_of(mail).rstrip().endswith("Pelican Works\n7 Quay Street\nHalden\n+47 555 0199")
    assert "#7a1f5c" in html_of(mail).lower()
    assert "#0b5c6b" not in html_of(mail).lower(), "nothing has the old colour"
    [picture] = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert picture.get_payload(decode=True) == logo


def test_the_calendar_is_kept_and_what_falls_on_a_holiday_goes_on_the_next_business_day(desk: Desk) -> None:
    client, page = Client.new("Clinic"), desk.page
    desk.take_in(client.invoice("F-1", CHRISTMAS + timedelta(days=60)))
    desk.visit("/settings/calendar")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_label("Holidays and weekends of").select_option("United States")
    page.get_by_label("Automatic emails on business days only").check()
    page.get_by_label("No automatic email from").fill("21:00")
    page.get_by_label("until", exact=True).fill("07:30")
    desk.press("Save calendar")
    desk.read("The calendar has been saved.")
    page.reload()
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    expect(page.get_by_label("Holidays and weekends of")).to_have_value("US")
    expect(page.get_by_label("Automatic emails on business days only")).to_be_checked()
    expect(page.get_by_label("No automatic email from")).to_have_value("21:00")
    expect(page.get_by_label("until", exact=True)).to_have_value("07:30")

    desk.visit("/client-emails/account-summary")
    page.get_by_label("On a day of each month").check()
    page.get_by_label("Day of the month").select_option("25")
    page.get_by_label("If that is a weekend or holiday").select_option("As the company’s calendar says")
    expect(page.locator("#meaning")).to_contain_text("or the next business day")
    desk.press("Save settings")
    desk.read("have been saved. It is still off.")
    chosen = page.get_by_label("If that is a weekend or holiday").locator("option:checked")
    expect(chosen).to_have_text("As the company’s calendar says")
    desk.turn_on("Account summary")
    # Those of the months before have gone by then.
    desk.day_comes(CHRISTMAS - timedelta(days=1))
    before = len(desk.mails(client))
    desk.day_comes(CHRISTMAS)
    assert len(desk.mails(client)) == before
    desk.day_comes(BUSINESS_DAY)
    assert len(desk.mails(client)) == before + 1
    assert f"on {BUSINESS_DAY:%B} {BUSINESS_DAY.day}, {BUSINESS_DAY.year}" in desk.subjects(client)[-1]


def test_an_organization_with_a_time_zone_of_its_own_follows_it(desk: Desk) -> None:
    day, page = date(2025, 7, 8), desk.page
    here, there = Client.new("Yard"), Client.new("Island")
    due = day + timedelta(days=1) - RULE
    desk.take_in(here.invoice("Z-1", due, time_zone=""), there.invoice("Z-2", due, time_zone=FAR_EAST))
    desk.turn_on_rule("15 days past due")
    desk.visit("/settings/calendar")
    page.get_by_label("Time zone").select_option("America/New_York")
    desk.press("Save calendar")
    desk.open(there)
    desk.read(FAR_EAST)
    desk.run_for(day)
    assert desk.subjects(there) == ["Invoice Z-2 is 15 days past due"]
    assert desk.mails(here) == []
    desk.run_for(day + timedelta(days=1))
    assert desk.subjects(here) == ["Invoice Z-1 is 15 days past due"]
    assert len(desk.mails(there)) == 1


def test_in_quiet_hours_what_is_due_waits_and_what_staff_send_goes(desk: Desk) -> None:
    client, page = Client.new("Hotel"), desk.page
    now = datetime.now(UTC)
    desk.take_in(client.invoice("Q-1", now.date() - RULE))
    desk.turn_on_rule("15 days past due")
    desk.visit("/settings/calendar")
    hour = timedelta(hours=1)
    for label, at in (
        ("Emails of the day go out at", now + 12 * hour),
        ("No automatic email from", now - hour),
        ("until", now + hour),
    ):
        page.get_by_label(label, exact=True).fill(f"{at:%H:%M}")
    desk.press("Save calendar")
    desk.read("The calendar has been saved.")
    assert desk.run_for(None) > 0
    wait_until(
        lambda: notices(desk.company.clients, "Q-1") == [(15, "queued", "RULE_REACHED")],
        what="the notice is decided",
    )
    desk.send_summary(client)
    wait_until(lambda: bool(desk.arrived(client)), what="the summary comes")
    [only] = desk.arrived(client)
    assert str(only["Subject"]).startswith("Your account with"), "the notice came before it, and waits"
    desk.open(client)
    page.get_by_role("link", name="Q-1").first.click()
    heading(page, "Invoice Q-1")
    expect(page.get_by_role("region", name="Why").get_by_role("listitem").last).to_contain_text("Queued")

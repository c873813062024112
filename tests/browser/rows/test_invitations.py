"""Many at once: client profiles given and taken back, and invitations that can be narrowed and cancelled."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.rows.desk import Client, Desk, heading, link_in
from tests.browser.visitors import visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]


def test_profiles_given_to_many_are_taken_back_as_they_were(desk: Desk) -> None:
    key, page = uuid.uuid4().hex[:6], desk.page
    kind = f"Studio {key}"
    had, had_none = Client.new("Dance"), Client.new("Dojo")
    desk.take_in(
        had.invoice("D-1", organization_type=kind, contact_profile="viewer"),
        had_none.invoice("D-2", organization_type=kind, contact_profile=""),
    )
    desk.visit("/settings/profiles/assign")
    page.get_by_label("Organizations of type").select_option(kind)
    page.get_by_label("Get the client profile").select_option("Full access")
    desk.press("See what changes")
    desk.press("Give “Full access” to 2 contacts")
    desk.read("2 contacts have been changed.")
    for client in (had, had_none):
        desk.open(client)
        expect(page.locator(".contacts").first).to_contain_text("Full access")
    desk.visit("/settings/profiles/assign")
    page.get_by_role("region", name="Done before").get_by_role("link").first.click()
    heading(page, "Client profile “Full access”")
    desk.press("Undo: give back what they had")
    heading(page, "Profiles as before")
    desk.read("2 contacts have been changed.")
    for client, profile in ((had, "View only"), (had_none, "No client profile")):
        desk.open(client)
        expect(page.locator(".contacts").first).to_contain_text(profile)


def test_invitations_reach_who_is_left_once_others_are_hidden_and_can_be_cancelled(
    browser: Browser, desk: Desk
) -> None:
    key, page = uuid.uuid4().hex[:6], desk.page
    profile, wanted, hidden = f"Members {key}", f"Gym {key}", f"Clinic {key}"
    desk.visit("/settings/profiles")
    page.get_by_label("Name").fill(profile)
    desk.press("Add profile")
    comes, asleep, other = Client.new("Gym"), Client.new("Sleeping gym"), Client.new("Clinic")
    cells = {"contact_profile": profile, "organization_status": "active"}
    desk.take_in(
        comes.invoice("I-1", organization_type=wanted, **cells),
        asleep.invoice("I-2", organization_type=wanted, **cells | {"organization_status": "inactive"}),
        other.invoice("I-3", organization_type=hidden, **cells),
    )

    # Whom: everybody with the profile but what is hidden.
    ask(desk, profile, hide=[hidden, "Inactive"])
    heading(page, "Invite 1 contact")
    expect(page.get_by_role("region", name="Who gets it")).to_contain_text(comes.email)
    for client in (asleep, other):
        expect(page.get_by_role("main")).not_to_contain_text(client.email)

    # Cancelled while nothing leaves: the mail never does.
    desk.stop()
    ask(desk, profile, hide=[hidden, "Inactive"])
    desk.press("Send to 1 contact")
    heading(page, "Invitations to 1 contact")
    desk.wait_for_waiting(1)
    page.reload()
    desk.press("Cancel what has not left")
    desk.read("It has been cancelled")
    desk.go_on()
    assert desk.mails(comes) == []

    # Sent after all; who was invited, and who has signed in, can be left out.
    ask(desk, profile, hide=[hidden, "Inactive"])
    desk.press("Send to 1 contact")
    heading(page, "Invitations to 1 contact")
    invitation = desk.mail(comes)
    ask(desk, profile, hide=["Inactive"], leave_out=["Who was invited before"])
    heading(page, "Invite 1 contact")
    expect(page.get_by_role("region", name="Who gets it")).to_contain_text(other.email)
    with visitor(browser, desk.company.address) as person:
        person.visit(link_in(invitation, "/portal/welcome/"))
        for label in ("New password", "The same again"):
            person.page.get_by_label(label).fill("a long row of weights")
        person.page.locator("main form button").click()
        heading(person.page, comes.name)
    ask(desk, profile, hide=[hidden, "Inactive"], leave_out=["Who has signed in before"])
    heading(page, "Invite 0 contacts")
    desk.read("Nobody to invite")
    assert desk.mails(other) == desk.mails(asleep) == []


def ask(desk: Desk, profile: str, *, hide: list[str], leave_out: list[str] | None = None) -> None:
    """Leads to the page that names who would get an invitation."""
    page = desk.page
    desk.visit("/client-emails/welcome")
    [label] = [
        text for text in page.get_by_label("Client profile").locator("option").all_inner_texts()
        if text.startswith(profile)
    ]  # fmt: skip
    page.get_by_label("Client profile").select_option(label=label)
    for box in page.get_by_role("checkbox").all():
        box.set_checked(False)
    for name in [*hide, *(leave_out or [])]:
        page.get_by_role("checkbox", name=re.compile(f"^{re.escape(name)}$")).check()
    desk.press("See who gets it")

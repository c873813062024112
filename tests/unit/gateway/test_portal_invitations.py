"""A link from a mail opens the portal once, within 24 hours, and only by a person's own act."""

from datetime import timedelta

import pytest
from dunlin.scheduler.v1 import notices_pb2
from flask import Flask

from gateway.identity import portal
from services.shared.database import Database
from services.shared.errors import Busy
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA, DANA_EMAIL, PASSWORD, accept, invitation, sealed, sign_in
from tests.fakes.gateway_visitor import Visitor, a_site
from tests.fakes.mailer_smtp import until

DAY = timedelta(hours=24)


@pytest.fixture
def site(services: FakeServices, own_database: Database) -> Flask:
    return a_site(services, own_database)


def test_an_invitation_leads_to_a_password_and_into_the_portal(
    stranger: Visitor, services: FakeServices
) -> None:
    path = invitation(services)
    asked = stranger.get(path)
    assert "Welcome, Dana Reyes" in asked.text
    assert "Acme Corporation" in asked.text
    assert asked.one("//input[@id='email']").get("value") == DANA_EMAIL
    page = accept(stranger, path)
    assert page.path == "/portal"
    assert "Your password is set." in page.text
    assert services.accounts.contact(DANA).HasField("signed_in_at")


def test_a_mail_scanner_that_follows_the_link_uses_nothing_up(
    stranger: Visitor, services: FakeServices, own_database: Database
) -> None:
    path = invitation(services)
    for _ in range(3):
        assert stranger.get(path).status == 200
    assert stranger.head(path).status == 200
    assert portal.find_by_address(own_database, DANA_EMAIL) is None
    assert accept(stranger, path).path == "/portal"


def test_a_link_works_once_and_then_says_what_to_do(
    site: Flask, stranger: Visitor, services: FakeServices
) -> None:
    path = invitation(services)
    accept(stranger, path)
    other = Visitor(site)
    page = other.get(path)
    assert page.status == 410
    assert "works only once" in page.text
    page.one("//a[@href='/portal/login']")
    assert sign_in(other).path == "/portal"


def test_of_two_browsers_with_the_form_open_the_second_is_told(
    site: Flask, services: FakeServices, own_database: Database
) -> None:
    path, first, second = invitation(services), Visitor(site), Visitor(site)
    form = second.get(path).form(path)
    accept(first, path)
    page = second.send(form, password="another few words", again="another few words")
    assert page.status == 410
    assert portal.check_password(own_database, DANA_EMAIL, PASSWORD) is not None


def test_a_link_of_24_hours_ago_offers_a_new_one_to_where_it_went(
    stranger: Visitor, services: FakeServices
) -> None:
    page = stranger.get(invitation(services, age=DAY))
    assert page.status == 410
    assert "This link has expired" in page.text
    sent = stranger.send(page.form("/portal/link-again"))
    assert "If your access is still open" in sent.text
    until(lambda: services.emails.requests("SendWelcome") != [])
    (asked,) = services.emails.requests("SendWelcome")
    assert (asked.contact_id, asked.email) == (DANA, DANA_EMAIL)


def test_an_expired_link_for_a_new_password_brings_one_for_a_new_password(
    stranger: Visitor, services: FakeServices
) -> None:
    page = stranger.get(invitation(services, age=DAY, reset=True))
    stranger.send(page.form("/portal/link-again"))
    stranger.send(page.form("/portal/link-again"))
    until(lambda: len(services.emails.requests("SendPasswordReset")) == 2)
    ids = {asked.request_id for asked in services.emails.requests("SendPasswordReset")}
    assert len(ids) == 1, "asked twice in a minute, one mail goes"


def test_links_of_several_old_mails_bring_one_new_mail(site: Flask, services: FakeServices) -> None:
    for path in [invitation(services, age=DAY) for _ in range(2)]:
        visitor = Visitor(site)
        visitor.send(visitor.get(path).form("/portal/link-again"))
    until(lambda: len(services.emails.requests("SendWelcome")) == 2)
    assert len({asked.request_id for asked in services.emails.requests("SendWelcome")}) == 1


def test_the_link_of_one_mail_is_good_for_two_new_ones_a_minute_whoever_asks(
    site: Flask, services: FakeServices
) -> None:
    path = invitation(services, age=DAY)
    answers = []
    for number in range(3):
        visitor = Visitor(site, address=f"203.0.113.{number}")
        form = visitor.get(path).form("/portal/link-again")
        answers.append(visitor.send(form).status)
    assert answers == [200, 200, 429]
    other = Visitor(site, address="198.51.100.1")
    page = other.get(invitation(services, age=DAY))
    assert other.send(page.form("/portal/link-again")).status == 200, "the limit is the mail's"


def test_an_expired_link_of_who_lost_access_gets_the_same_answer_and_no_mail(
    stranger: Visitor, services: FakeServices
) -> None:
    page = stranger.get(invitation(services, age=DAY))
    services.accounts.contact(DANA).profile_id = ""
    notices = len(services.scheduler.notices)
    assert "If your access is still open" in stranger.send(page.form("/portal/link-again")).text
    until(lambda: services.emails.requests("SendWelcome") != [])
    assert len(services.scheduler.notices) == notices


def test_a_forged_or_fresh_token_brings_no_new_link(stranger: Visitor, services: FakeServices) -> None:
    form = stranger.get(invitation(services, age=DAY)).form("/portal/link-again")
    fresh = invitation(services).rpartition("/")[2]
    for token in ("forged", "", fresh):
        assert "If your access is still open" in stranger.send(form, token=token).text
    assert stranger.send(form, token=sealed("unknown", age=DAY)).status == 429, "each visitor's limit"
    assert services.emails.requests("SendWelcome") == []


@pytest.mark.parametrize("kind", ["welcome", "reset"])
def test_what_opens_nothing_says_so_the_same_way(stranger: Visitor, kind: str) -> None:
    for token in ("x", "A" * 80, sealed("no such notice"), sealed("notice-1")):
        page = stranger.get(f"/portal/{kind}/{token}")
        assert page.status == 404
        assert "This link is not complete" in page.text


def test_a_reset_sets_a_new_password_and_ends_the_other_sessions(
    site: Flask, services: FakeServices, own_database: Database
) -> None:
    here, elsewhere = Visitor(site), Visitor(site)
    accept(elsewhere, invitation(services))
    assert elsewhere.get("/portal").path == "/portal"
    page = accept(here, invitation(services, reset=True), "quite another password")
    assert page.path == "/portal"
    assert elsewhere.get("/portal").path == "/portal/login"
    assert sign_in(elsewhere, password="quite another password").path == "/portal"
    assert portal.check_password(own_database, DANA_EMAIL, PASSWORD) is None


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("short", "short", "10 to 200 characters"),
        (PASSWORD, "a few wards of Dana", "not the same as the password above"),
        ("", "", "Choose a password"),
    ],
)
def test_a_password_that_will_not_do_is_told_beside_its_field_and_the_link_stays_good(
    stranger: Visitor, services: FakeServices, password: str, again: str, words: str
) -> None:
    path = invitation(services)
    page = stranger.send(stranger.get(path).form(path), password=password, again=again)
    assert page.status == 400
    assert words in page.text
    assert accept(stranger, path).path == "/portal"


@pytest.mark.parametrize("loss", ["profile", "address", "contact"])
def test_who_lost_access_after_the_invitation_does_not_come_in(
    stranger: Visitor, services: FakeServices, own_database: Database, loss: str
) -> None:
    path = invitation(services)
    form = stranger.get(path).form(path)
    contact = services.accounts.contact(DANA)
    if loss == "profile":
        contact.profile_id = ""
    elif loss == "address":
        contact.emails[:] = ["new@acme.example"]
    else:
        del services.ledger.organizations["ACME"].contacts[0]
    page = stranger.send(form, password=PASSWORD, again=PASSWORD)
    assert page.status == 403
    assert "Your access has ended" in page.text
    assert portal.find_by_address(own_database, DANA_EMAIL) is None


def test_a_notice_of_another_kind_opens_nothing(stranger: Visitor, services: FakeServices) -> None:
    path = invitation(services)
    services.scheduler.notices[0].type = notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY
    assert stranger.get(path).status == 404


def test_while_the_scheduler_is_away_the_link_waits(stranger: Visitor, services: FakeServices) -> None:
    path = invitation(services)
    services.emails.refuse["GetNotice"] = Busy("The scheduler is away.")
    page = stranger.get(path)
    assert page.status == 503
    assert page.headers["Retry-After"]
    del services.emails.refuse["GetNotice"]
    assert accept(stranger, path).path == "/portal"


def test_pages_with_a_link_in_their_address_tell_it_to_nobody(
    stranger: Visitor, services: FakeServices
) -> None:
    headers = stranger.get(invitation(services)).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "noindex" in headers["X-Robots-Tag"]

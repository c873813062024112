"""Who gets into the portal, and that nobody learns who else does."""

import pytest
from flask import Flask

from gateway.portal.session import COOKIE
from services.shared.database import Database
from services.shared.errors import Busy
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA, DANA_EMAIL, PASSWORD, accept, invitation, sign_in
from tests.fakes.gateway_visitor import Page, Visitor, a_site
from tests.fakes.mailer_smtp import until


@pytest.fixture
def site(services: FakeServices, own_database: Database) -> Flask:
    return a_site(services, own_database)


@pytest.fixture
def dana(site: Flask, services: FakeServices) -> Visitor:
    """Signed in; her session began with her invitation."""
    visitor = Visitor(site)
    accept(visitor, invitation(services))
    return visitor


def ask_for_reset(visitor: Visitor, email: str) -> Page:
    return visitor.send(visitor.get("/portal/forgot").form("/portal/forgot"), email=email)


def without_address(page: Page, email: str) -> str:
    token = page.tree.xpath("//input[@name='csrf_token']/@value")
    text = page.html.replace(email, "ADDRESS")
    return text.replace(token[0], "TOKEN") if token else text


def test_a_contact_signs_in_at_the_address_in_any_case_and_the_books_note_it(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    services.accounts.contact(DANA).ClearField("signed_in_at")
    assert sign_in(Visitor(site), email=" Dana@ACME.example ").path == "/portal"
    assert services.accounts.contact(DANA).HasField("signed_in_at")


def test_nobody_is_kept_out_because_the_books_cannot_note_it(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    services.accounts.refuse["RecordSignIn"] = Busy("away")
    assert sign_in(Visitor(site)).path == "/portal"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(site: Flask, dana: Visitor) -> None:
    wrong = sign_in(Visitor(site), password="wrong")
    unknown = sign_in(Visitor(site), email="nobody@acme.example")
    assert wrong.status == unknown.status == 400
    assert "Incorrect email or password." in wrong.text
    assert without_address(wrong, DANA_EMAIL) == without_address(unknown, "nobody@acme.example")


@pytest.mark.parametrize("path", ["/portal", "/portal?contact=1", "/portal/pay/1"])
def test_without_a_session_every_page_leads_to_the_login_and_back(
    site: Flask, dana: Visitor, services: FakeServices, path: str
) -> None:
    visitor = Visitor(site)
    asked = visitor.get(path)
    assert asked.path == "/portal/login"
    form = asked.form("/portal/login")
    values = {**dict(form.form_values()), "email": DANA_EMAIL, "password": PASSWORD}
    assert visitor.post("/portal/login", values, follow=False).headers["Location"] == path


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/", "/portal\\evil", "/portalevil", "/dashboard"]
)
def test_a_login_leads_nowhere_but_into_the_portal(site: Flask, dana: Visitor, target: str) -> None:
    visitor = Visitor(site)
    form = visitor.get("/portal/login").form("/portal/login")
    values = {**dict(form.form_values()), "email": DANA_EMAIL, "password": PASSWORD, "next": target}
    assert visitor.post("/portal/login", values, follow=False).headers["Location"] == "/portal"


def test_a_session_of_the_portal_opens_no_staff_page_and_the_reverse(
    site: Flask, dana: Visitor, staff: Visitor
) -> None:
    for path in ("/", "/client-emails", "/settings/company", "/organizations"):
        assert dana.get(path).path == "/login"
    assert staff.get("/portal").path == "/portal/login"
    assert staff.get("/").path == "/"


def test_a_cookie_of_one_kind_says_nothing_as_the_other(site: Flask, dana: Visitor, staff: Visitor) -> None:
    contacts, staffs = dana.cookie(COOKIE, "/portal"), staff.cookie()
    forger = Visitor(site)
    forger.take_cookie(contacts)
    assert forger.get("/").path == "/login"
    forger.take_cookie(staffs, COOKIE, "/portal")
    assert forger.get("/portal").path == "/portal/login"


def test_signing_out_ends_the_session_for_copies_of_its_cookie_too(site: Flask, dana: Visitor) -> None:
    copied, copier = dana.cookie(COOKIE, "/portal"), Visitor(site)
    page = dana.send(dana.get("/portal").form("/portal/logout"))
    assert page.path == "/portal/login"
    copier.take_cookie(copied, COOKIE, "/portal")
    assert copier.get("/portal").path == "/portal/login"
    assert dana.get("/portal").path == "/portal/login"


def test_the_cookie_is_for_the_portal_alone(services: FakeServices, own_database: Database) -> None:
    site = a_site(services, own_database, public_url="https://pay.harbor.example")
    visitor = Visitor(site, scheme="https")
    path = invitation(services)
    form = visitor.get(path).form(path)
    answer = visitor.post(
        path, {**dict(form.form_values()), "password": PASSWORD, "again": PASSWORD}, follow=False
    )
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(f"{COOKIE}=")]
    for part in ("Path=/portal", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=43200"):
        assert part in cookie


@pytest.mark.parametrize("loss", ["profile", "address", "contact"])
def test_who_lost_access_in_the_books_is_out_at_once_and_cannot_sign_in(
    site: Flask, dana: Visitor, services: FakeServices, loss: str
) -> None:
    contact = services.accounts.contact(DANA)
    if loss == "profile":
        contact.profile_id = ""
    elif loss == "address":
        contact.emails[:] = ["new@acme.example"]
    else:
        del services.ledger.organizations["ACME"].contacts[0]
    page = dana.get("/portal")
    assert page.status == 403
    assert "Your access has ended" in page.text
    assert dana.get("/portal").path == "/portal/login", "the session is over"
    again = sign_in(Visitor(site))
    assert again.status == 403
    assert sign_in(Visitor(site), password="wrong").status == 400, "only who knows the password is told"


def test_asking_for_a_new_password_gets_the_same_answer_for_every_address(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    known = ask_for_reset(Visitor(site), DANA_EMAIL)
    unknown = ask_for_reset(Visitor(site), "nobody@acme.example")
    assert known.status == unknown.status == 200
    assert without_address(known, DANA_EMAIL) == without_address(unknown, "nobody@acme.example")
    until(lambda: services.emails.requests("SendPasswordReset") != [])
    (asked,) = services.emails.requests("SendPasswordReset")
    assert (asked.contact_id, asked.email) == (DANA, DANA_EMAIL)


def test_the_answer_does_not_wait_for_what_is_done_behind_it(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    services.emails.refuse["SendPasswordReset"] = Busy("The scheduler is away.")
    assert ask_for_reset(Visitor(site), DANA_EMAIL).status == 200
    until(lambda: services.emails.requests("SendPasswordReset") != [])


def test_who_asks_twice_gets_one_mail_until_the_password_is_set(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    visitor = Visitor(site)
    for _ in range(2):
        ask_for_reset(visitor, DANA_EMAIL)
    until(lambda: len(services.emails.requests("SendPasswordReset")) == 2)
    ids = {asked.request_id for asked in services.emails.requests("SendPasswordReset")}
    assert len(ids) == 1
    accept(visitor, invitation(services, reset=True), "quite another password")
    ask_for_reset(visitor, DANA_EMAIL)
    until(lambda: services.emails.requests("SendPasswordReset") != [])
    assert services.emails.requests("SendPasswordReset")[0].request_id not in ids


def test_a_contact_that_was_never_invited_gets_no_mail(
    site: Flask, dana: Visitor, services: FakeServices
) -> None:
    ask_for_reset(Visitor(site), "pay@bolt.example")
    ask_for_reset(Visitor(site), DANA_EMAIL)
    until(lambda: services.emails.requests("SendPasswordReset") != [])
    assert [one.email for one in services.emails.requests("SendPasswordReset")] == [DANA_EMAIL]


def test_asking_is_limited_for_one_address_and_for_one_visitor(site: Flask) -> None:
    for number in range(3):
        assert ask_for_reset(Visitor(site, address=f"203.0.113.{number}"), DANA_EMAIL).status == 200
    page = ask_for_reset(Visitor(site, address="198.51.100.1"), DANA_EMAIL.upper())
    assert page.status == 429
    assert page.headers["Retry-After"] == "60"
    one = Visitor(site, address="198.51.100.2")
    answers = [ask_for_reset(one, f"{number}@acme.example").status for number in range(6)]
    assert answers == [200] * 5 + [429]


def test_ten_wrong_passwords_for_one_address_are_enough(site: Flask, dana: Visitor) -> None:
    for number in range(10):
        assert sign_in(Visitor(site, address=f"203.0.113.{number}"), password="wrong").status == 400
    assert sign_in(Visitor(site, address="198.51.100.1")).status == 429


@pytest.mark.parametrize("email", ["", "dana", " "])
def test_what_is_no_address_is_told_beside_the_field(site: Flask, email: str) -> None:
    page = ask_for_reset(Visitor(site), email)
    assert page.status == 400
    assert "Enter your email address" in page.one("//p[@id='email-error']").text_content()


def test_a_form_of_another_site_changes_nothing(site: Flask, dana: Visitor, services: FakeServices) -> None:
    for path in ("/portal/login", "/portal/logout", "/portal/forgot", invitation(services)):
        page = dana.post(path, {"email": DANA_EMAIL, "password": PASSWORD, "again": PASSWORD})
        assert page.status == 400, path
    assert dana.get("/portal").path == "/portal"


def test_the_pages_bear_the_companys_name_and_lead_to_pay_now_and_back(stranger: Visitor) -> None:
    page = stranger.get("/portal/login")
    assert "Harbor Supply Co." in page.text
    assert "Dunlin" not in page.text
    page.one("//main//a[@href='/pay']")
    stranger.get("/pay").one("//main//a[@href='/portal/login']")

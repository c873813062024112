"""Who gets in: nobody without a login, and nobody for longer than they should."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from gateway import identity
from gateway.site.security import is_safe_path, visitor
from services.shared.database import Database
from services.shared.errors import Conflict, Invalid
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor, a_site

EMAIL, PASSWORD = "staff@harbor.example", "correct horse battery staple"
OPEN_TO_ALL = re.compile(
    r"/(login|healthz|(brand|static|bootstrap/static|unsubscribe)/.*|(pay|portal)(/.*)?)"
)


def sign_in(visitor: Visitor, password: str = PASSWORD, email: str = EMAIL, path: str = "/login") -> Page:
    return visitor.send(visitor.get(path).form("/login"), email=email, password=password)


def example_of(rule: str) -> str:
    path = re.sub(r"<any\('([^']+)'[^>]*>", r"\1", rule)
    return re.sub(r"<[^>]+>", "x", re.sub(r"<int\d\d(\([^)]*\))?:[^>]+>", "1", path))


def test_every_page_but_the_public_ones_asks_for_a_login(
    site: Flask, stranger: Visitor, services: FakeServices
) -> None:
    closed = 0
    for rule in site.url_map.iter_rules():
        path = example_of(rule.rule)
        if OPEN_TO_ALL.fullmatch(path):
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            page = (
                stranger.get(path, follow=False) if method == "GET" else stranger.post(path, {}, follow=False)
            )
            assert page.status == 302, f"{method} {rule.rule} answered {page.status}"
            assert page.headers["Location"].startswith("/login"), rule.rule
            closed += 1
    assert closed > 30
    for stub in (services.scheduler, services.ledger, services.paynow):
        assert stub.calls == []


def test_a_login_leads_to_the_page_that_was_asked_for(stranger: Visitor) -> None:
    asked = stranger.get("/client-emails/due-notices")
    assert asked.path == "/login"
    page = stranger.send(asked.form("/login"), email=EMAIL, password=PASSWORD)
    assert page.path == "/client-emails/due-notices"


def test_an_email_address_is_known_in_any_case(stranger: Visitor) -> None:
    assert sign_in(stranger, email=" Staff@Harbor.EXAMPLE ").path == "/"


@pytest.mark.parametrize("email", [EMAIL, "nobody@harbor.example"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(stranger: Visitor, email: str) -> None:
    page = sign_in(stranger, password="wrong", email=email)
    assert page.status == 400
    assert "Incorrect email or password." in page.text
    assert stranger.get("/").path == "/login"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\evil", "/a\nb", "javascript:1", ""],
)
def test_a_login_never_leads_to_another_site(stranger: Visitor, target: str) -> None:
    page = stranger.get("/login")
    form = page.form("/login")
    values = {**dict(form.form_values()), "email": EMAIL, "password": PASSWORD, "next": target}
    assert stranger.post("/login", values, follow=False).headers["Location"] == "/"


def test_plain_paths_of_the_site_are_safe_to_lead_to() -> None:
    assert is_safe_path("/history?q=INV%2F1")
    assert not is_safe_path("history")


def test_a_session_does_not_survive_signing_out(stranger: Visitor) -> None:
    page = sign_in(stranger)
    assert stranger.send(page.one("//aside/div//form")).path == "/login"
    assert stranger.get("/").path == "/login"


def test_a_copied_cookie_is_good_for_nothing_once_its_session_has_signed_out(
    site: Flask, stranger: Visitor
) -> None:
    page, elsewhere, copier = sign_in(stranger), Visitor(site), Visitor(site)
    sign_in(elsewhere)
    copied = stranger.cookie()
    copier.take_cookie(copied)
    assert copier.get("/").path == "/", "good while the session lasts"
    stranger.send(page.one("//aside/div//form"))
    copier.take_cookie(copied)
    assert copier.get("/").path == "/login"
    assert elsewhere.get("/").path == "/", "another browser of the account stays signed in"


def test_a_cookie_of_an_ended_session_is_not_signed_anew(site: Flask, stranger: Visitor) -> None:
    page, copier = sign_in(stranger), Visitor(site)
    copied = stranger.cookie()
    stranger.send(page.one("//aside/div//form"))
    copier.take_cookie(copied)
    answer = copier.get("/", follow=False)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


def test_ended_sessions_are_forgotten_once_no_cookie_of_theirs_can_be_good(own_database: Database) -> None:
    identity.end_session(own_database, "older", timedelta(hours=13))
    identity.end_session(own_database, "newer", timedelta(hours=13))
    assert identity.has_ended(own_database, "older")
    identity.end_session(own_database, "newest", timedelta(0))
    assert not identity.has_ended(own_database, "older")
    assert identity.has_ended(own_database, "newest")


def test_a_session_ends_after_twelve_hours_without_use(site: Flask) -> None:
    assert site.permanent_session_lifetime.total_seconds() == 12 * 3600
    visitor = Visitor(site)
    form = visitor.get("/login").form("/login")
    answer = visitor.post(
        "/login", {**dict(form.form_values()), "email": EMAIL, "password": PASSWORD}, follow=False
    )
    assert "Expires=" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("dest", "lives_on"), [("document", True), (None, True), ("empty", False), ("iframe", False)]
)
def test_only_pages_keep_a_session_alive_lest_a_slow_fetch_undoes_what_the_next_page_is_to_say(
    site: Flask, stranger: Visitor, dest: str | None, lives_on: bool
) -> None:
    sign_in(stranger)
    browser = site.test_client()
    browser.set_cookie("dunlin_session", stranger.cookie())
    answer = browser.get("/settings/account", headers={"Sec-Fetch-Dest": dest} if dest else {})
    assert answer.status_code == 200
    assert ("Set-Cookie" in answer.headers) is lives_on


def test_cookies_are_http_only_and_same_site(site: Flask, services: FakeServices, database: Database) -> None:
    plain = Visitor(site).get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    secure = Visitor(a_site(services, database, public_url="https://pay.harbor.example"), scheme="https")
    page = secure.get("/login")
    assert "Secure" in page.headers["Set-Cookie"]
    assert "Strict-Transport-Security" in page.headers


def test_ten_wrong_logins_a_minute_from_one_address_are_enough(stranger: Visitor) -> None:
    for number in range(10):
        assert sign_in(stranger, password="wrong", email=f"{number}@harbor.example").status == 400
    page = sign_in(stranger)
    assert page.status == 429
    assert page.headers["Retry-After"] == "60"
    assert "too often" in page.text


def test_ten_wrong_logins_a_minute_for_one_account_are_enough(site: Flask) -> None:
    for number in range(10):
        assert sign_in(Visitor(site, address=f"203.0.113.{number}"), password="wrong").status == 400
    assert sign_in(Visitor(site, address="198.51.100.1")).status == 429


def test_a_changed_password_signs_out_every_other_browser(
    services: FakeServices, own_database: Database
) -> None:
    site = a_site(services, own_database)
    here, elsewhere = Visitor(site), Visitor(site)
    sign_in(here)
    sign_in(elsewhere)
    page = here.send(
        _password_form(here), present=PASSWORD, password="a few other words", again="a few other words"
    )
    assert "Your password has been changed" in page.text
    assert here.get("/settings/account").status == 200
    assert elsewhere.get("/settings/account").path == "/login"
    assert sign_in(elsewhere, password="a few other words").path == "/"


def _password_form(visitor: Visitor) -> object:
    return visitor.get("/settings/account").one("//main//form[.//input[@name='present']]")


def test_signing_out_everywhere_keeps_this_browser(services: FakeServices, own_database: Database) -> None:
    site = a_site(services, own_database)
    here, elsewhere = Visitor(site), Visitor(site)
    sign_in(here)
    sign_in(elsewhere)
    here.send(here.get("/settings/account").form("everywhere"))
    assert here.get("/settings/account").path == "/settings/account"
    assert elsewhere.get("/settings/account").path == "/login"


@pytest.mark.parametrize(
    ("present", "password", "again", "words"),
    [
        ("wrong", "a few other words", "a few other words", "This is not your current password."),
        (PASSWORD, "short", "short", "10 to 200 characters"),
        (PASSWORD, "a few other words", "a few other wards", "not the same as the new password"),
    ],
)
def test_a_change_of_password_says_what_is_wrong(
    staff: Visitor, present: str, password: str, again: str, words: str
) -> None:
    page = staff.send(_password_form(staff), present=present, password=password, again=again)
    assert page.status == 400
    assert words in page.text


def test_an_account_exists_once(database: Database) -> None:
    with pytest.raises(Conflict):
        identity.add_staff(database, EMAIL.upper(), PASSWORD)
    assert identity.count_staff(database) == 1


def test_an_account_needs_an_address_and_a_decent_password(database: Database) -> None:
    with pytest.raises(Invalid) as wrong:
        identity.add_staff(database, "not an address", PASSWORD)
    assert wrong.value.violations[0].field == "email"
    with pytest.raises(Invalid) as short:
        identity.add_staff(database, "new@harbor.example", "short")
    assert short.value.violations[0].field == "password"


def test_a_limit_counts_all_addresses_of_one_ipv6_network_together(site: Flask) -> None:
    def attempt(number: int, network: str) -> int:
        one = Visitor(site, address=f"{network}::{number:x}")
        return sign_in(one, password="wrong", email=f"{number}@harbor.example").status

    assert [attempt(number, "2001:db8:0:7") for number in range(1, 12)] == [400] * 10 + [429]
    assert attempt(20, "2001:db8:0:8") == 400


def test_an_ipv4_address_is_the_same_visitor_in_either_spelling(site: Flask) -> None:
    names = []
    for address in ("203.0.113.7", "::ffff:203.0.113.7", "2001:db8::1", "not an address"):
        with site.test_request_context(environ_base={"REMOTE_ADDR": address}):
            names.append(visitor())
    assert names == ["203.0.113.7", "203.0.113.7", "2001:db8::/64", "not an address"]

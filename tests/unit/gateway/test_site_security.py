"""What every page carries, what every form must, and what an error may say."""

import re

import grpc
import pytest
from flask import Flask

from services.shared.errors import Conflict, Invalid, Missing, Refusal, WrongState
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_rpc import CallFailed
from tests.fakes.gateway_visitor import Visitor

PAGES = (
    "/",
    "/client-emails",
    "/client-emails/due-notices",
    "/client-emails/due-notices/run",
    "/client-emails/due-notices/exclusions?q=a",
    "/client-emails/templates/due-notice-after",
    "/client-emails/templates/due-notice-after/versions/1",
    "/client-emails/templates/due-notice-after/compare",
    "/client-emails/templates/welcome?language=de",
    "/import",
    "/settings/company",
    "/settings/calendar",
    "/settings/account",
    "/nothing-here",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_carries_the_headers_and_breaks_none_of_its_own_rules(staff: Visitor, path: str) -> None:
    page = staff.get(path)
    policy = page.headers["Content-Security-Policy"]
    if page.tree.xpath("//iframe[@sandbox='']"):
        # The frame of a mail inherits it, and mails carry their styles.
        policy = policy.replace("style-src 'self' 'unsafe-inline'", "style-src 'self'")
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert f"{rule};" in f"{policy};"
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert len(page.headers["X-Request-Id"]) == 16
    assert not page.tree.xpath("//script[not(@src)] | //style | //@style | //@*[starts-with(name(), 'on')]")
    assert not page.tree.xpath("//link[starts-with(@href, 'http')] | //script[starts-with(@src, 'http')]")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_title_a_current_place_and_labels(staff: Visitor, path: str) -> None:
    page = staff.get(path)
    page.one("//h1")
    if path != "/nothing-here":
        assert len(page.tree.xpath("//nav[@class='side-nav']//a[@aria-current='page']")) == 1
    fields = "//input[not(@type='hidden' or @type='checkbox')] | //select | //textarea"
    for field in page.tree.xpath(fields):
        assert page.tree.xpath(f"//label[@for='{field.get('id')}']"), f"{field.get('name')} on {path}"
    ids = page.tree.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_every_form_that_posts_carries_a_token(staff: Visitor) -> None:
    for path in PAGES:
        for form in staff.get(path).tree.xpath("//form[@method='post']"):
            assert form.xpath(".//input[@name='csrf_token']"), path


def test_a_post_without_a_token_is_refused_everywhere(
    site: Flask, staff: Visitor, services: FakeServices
) -> None:
    refused = 0
    for rule in site.url_map.iter_rules():
        # Mail programs post there without one (RFC 8058), which has tests of its own.
        if rule.rule == "/unsubscribe/<token>" or rule.rule.startswith("/pay"):
            continue
        if "POST" in (rule.methods or set()):
            path = re.sub(r"<any\('([^']+)'[^>]*>", r"\1", rule.rule)
            path = re.sub(r"<[^>]+>", "x", re.sub(r"<int\d\d(\([^)]*\))?:[^>]+>", "1", path))
            page = staff.post(path, {})
            assert page.status == 400, rule.rule
            assert "expired" in page.text, rule.rule
            refused += 1
    assert refused > 12
    changed = {
        "AddRule",
        "SetRuleEnabled",
        "RemoveRule",
        "AddExclusion",
        "RemoveExclusion",
        "RunTick",
        "UpdateCalendar",
    }
    assert changed.isdisjoint(name for name, _ in services.scheduler.calls)


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Invalid("The page token belongs to another list."), 400),
        (Missing("There is no such thing."), 404),
        (Conflict("It is taken."), 409),
        (WrongState("Not in this state."), 409),
    ],
)
def test_a_refusal_becomes_a_page_with_its_words(
    staff: Visitor, services: FakeServices, refusal: Refusal, status: int
) -> None:
    services.scheduler.refuse["ListRules"] = refusal
    page = staff.get("/client-emails/due-notices")
    assert page.status == status
    assert refusal.message in page.text


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAUTHENTICATED])
def test_a_fault_of_a_service_shows_a_request_number_and_nothing_else(
    staff: Visitor, services: FakeServices, code: grpc.StatusCode
) -> None:
    services.scheduler.refuse["ListRules"] = CallFailed(code, "secret traceback of the scheduler")
    page = staff.get("/client-emails/due-notices")
    assert page.status == 500
    assert "secret" not in page.html
    assert page.headers["X-Request-Id"] in page.text


def test_a_fault_of_our_own_shows_no_traceback(staff: Visitor, services: FakeServices) -> None:
    del services.scheduler.forecast
    page = staff.get("/")
    assert page.status == 500
    assert "Traceback" not in page.html
    assert "AttributeError" not in page.html


@pytest.mark.parametrize("path", ["/", "/client-emails", "/client-emails/due-notices", "/settings/calendar"])
def test_a_program_that_is_away_gives_a_page_to_try_again(
    staff: Visitor, services: FakeServices, path: str
) -> None:
    services.scheduler.is_away = True
    page = staff.get(path)
    assert page.status == 503
    assert page.headers["Retry-After"] == "5"
    assert "failed to connect" not in page.html
    assert page.one("//a[.='Try again']").get("href") == path


def test_everything_away_still_lets_staff_sign_in(stranger: Visitor, services: FakeServices) -> None:
    for stub in (services.scheduler, services.mailer, services.ledger, services.paynow):
        stub.is_away = True
    page = stranger.get("/login")
    assert page.status == 200
    page = stranger.send(page.form(), email="staff@harbor.example", password="correct horse battery staple")
    assert page.status == 503


def test_a_stranger_gets_an_error_page_without_the_places_of_staff(stranger: Visitor) -> None:
    page = stranger.get("/nothing-here")
    assert page.status == 404
    assert not page.tree.xpath("//nav")


def test_a_body_that_is_too_large_is_refused(staff: Visitor) -> None:
    page = staff.post("/settings/company", {"name": "x" * (2 * 1024 * 1024 + 1)})
    assert page.status == 413
    assert "Nothing was changed" in page.text


def test_healthz_is_well_when_every_program_answers(stranger: Visitor) -> None:
    page = stranger.get("/healthz")
    assert (page.status, page.html) == (200, '{"status":"ok"}\n')


def test_healthz_names_the_programs_that_do_not_answer(stranger: Visitor, services: FakeServices) -> None:
    services.health["mailer"].is_away = services.health["paynow"].is_away = True
    page = stranger.get("/healthz")
    assert (page.status, page.html) == (503, '{"down":["mailer","paynow"],"status":"unavailable"}\n')


def test_the_accent_color_is_the_companys(stranger: Visitor, services: FakeServices) -> None:
    page = stranger.get("/brand/theme.css")
    assert page.html == ":root{--accent:#0f5f6b}\n"


def test_a_color_that_is_none_never_reaches_the_style_sheet(
    stranger: Visitor, services: FakeServices
) -> None:
    services.mailer.company.accent_color = "red}body{display:none"
    assert stranger.get("/brand/theme.css").html == ":root{--accent:#1d4ed8}\n"


def test_the_logo_is_an_image_or_nothing(stranger: Visitor, services: FakeServices) -> None:
    services.mailer.company.logo = b"\xff\xd8\xff logo"
    page = stranger.get("/brand/logo")
    assert (page.headers["Content-Type"], page.data) == ("image/jpeg", b"\xff\xd8\xff logo")


def test_a_browser_does_not_name_its_request(site: Flask) -> None:
    answer = site.test_client().get("/login", headers={"X-Request-Id": "mine-own-1"})
    assert answer.headers["X-Request-Id"] != "mine-own-1"

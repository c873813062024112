"""A form that meets a service that is away, or a limit, can be sent again just as it was."""

import pkgutil
from importlib import import_module
from io import BytesIO

import pytest
from flask import Flask
from flask_wtf import FlaskForm
from wtforms import PasswordField

import gateway
from gateway.site.send_again import MOST_CHARACTERS, SECRETS
from gateway.template_editor.types import SLUGS
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

EDIT = "/client-emails/templates/due-notice-after"
KEY = (SLUGS["due-notice-after"], "en", 0)
TYPED = {"header": '<p>"First" & last</p>\n<p>Second</p>', "subject": "Long in the making"}


def editor(page: Page) -> object:
    return page.one("//form[.//textarea]")


def kept(page: Page) -> list[object]:
    return list(page.tree.xpath("//main//form[.//button[.='Try again']]"))


def test_what_was_typed_is_saved_by_trying_again_once_the_service_is_back(
    staff: Visitor, services: FakeServices
) -> None:
    form = editor(staff.get(f"{EDIT}?language=de"))
    services.mailer.is_away = True
    page = staff.send(form, **TYPED)
    assert page.status == 503
    assert "Nothing that you typed is lost" in page.text
    page = staff.send(*kept(page))
    assert page.status == 503, "it is still away, and the page keeps it on"
    services.mailer.is_away = False
    assert "Version 2 has been saved." in staff.send(*kept(page)).text
    saved = services.mailer.versions[KEY[0], "de", 0][-1].areas
    assert {name: getattr(saved, name) for name in TYPED} == TYPED


def test_a_limit_keeps_the_form_too(staff: Visitor, services: FakeServices) -> None:
    form = editor(staff.get(EDIT))
    form.action = EDIT + "/test"  # type: ignore[attr-defined]
    answers = [staff.send(form, **TYPED) for _ in range(21)]
    assert [page.status for page in answers] == [200] * 20 + [429]
    [again] = kept(answers[-1])
    assert again.action == EDIT + "/test"  # type: ignore[attr-defined]
    assert dict(again.fields)["subject"] == TYPED["subject"]  # type: ignore[attr-defined]


def test_a_field_that_was_sent_more_than_once_stays_so_and_the_token_is_a_fresh_one(
    staff: Visitor, services: FakeServices
) -> None:
    token = staff.get("/settings/company").one("(//input[@name='csrf_token'])[1]").get("value")
    services.campaigns.is_away = True
    sent = {"csrf_token": token, "profile": "billing", "hide_type": ["Managed", "Residential"]}
    [form] = kept(staff.post("/client-emails/welcome/send", sent))
    values = list(form.form_values())  # type: ignore[attr-defined]
    assert [value for name, value in values if name == "hide_type"] == ["Managed", "Residential"]
    assert [name for name, _ in values].count("csrf_token") == 1


@pytest.mark.parametrize("token", ["", "forged"])
def test_a_form_that_is_not_known_as_ours_is_never_made_one_of_ours(
    staff: Visitor, services: FakeServices, token: str
) -> None:
    services.campaigns.is_away = True
    page = staff.post("/client-emails/welcome/send", {"csrf_token": token, "profile": "billing"})
    assert page.status == 400
    assert not kept(page)


def test_nobody_who_is_signed_out_is_offered_it(site: Flask, stranger: Visitor) -> None:
    form = stranger.get("/login").form("/login")
    answers = [stranger.send(form, email="a@b.example", password="wrong") for _ in range(11)]
    assert answers[-1].status == 429
    assert not kept(answers[-1])
    assert "wrong" not in answers[-1].html


@pytest.mark.parametrize(
    "more",
    [
        {"logo": (BytesIO(b"GIF89a"), "logo.gif")},
        {"password": "correct horse"},
        {"note": "x" * (MOST_CHARACTERS + 1)},
    ],
    ids=["file", "password", "too large"],
)
def test_files_passwords_and_what_fits_in_no_page_are_not_kept_and_the_page_says_so(
    staff: Visitor, services: FakeServices, more: dict[str, object]
) -> None:
    token = staff.get("/settings/company").one("(//input[@name='csrf_token'])[1]").get("value")
    services.mailer.is_away = True
    page = staff.post(EDIT, {"csrf_token": token, **more})
    assert page.status == 503
    assert not kept(page)
    assert "What you sent is not kept on this page." in page.text
    assert "correct horse" not in page.html


def forms_below(kind: type) -> list[type]:
    return [kind, *(form for below in kind.__subclasses__() for form in forms_below(below))]


def test_every_password_is_known_as_a_secret() -> None:
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if not module.name.startswith("gateway.cli"):
            import_module(module.name)
    named = {
        name
        for form in forms_below(FlaskForm)
        for name, field in vars(form).items()
        if getattr(field, "field_class", None) is PasswordField
    }
    assert "password" in named
    assert named <= SECRETS


SAVE = f"{EDIT}?language=en"


def login_after(site: Flask, path: str, referrer: str) -> Page:
    answer = site.test_client().post(path, headers={"Referer": referrer}, data={"subject": "x"})
    assert answer.status_code == 302
    return Visitor(site).get(answer.headers["Location"])


def test_a_form_sent_after_the_session_ended_is_said_to_be_unsaved_and_signing_in_leads_back(
    site: Flask,
) -> None:
    page = login_after(site, SAVE, f"http://localhost{SAVE}")
    assert "Your session has ended, so what you sent was not saved." in page.text
    assert page.form("/login").fields["next"] == SAVE


@pytest.mark.parametrize(
    "referrer",
    ["", "http://[", "http://elsewhere.example/settings/company", f"http://localhost{EDIT}/test",
     "http://localhost//elsewhere.example", "http://localhost"],
)  # fmt: skip
def test_signing_in_leads_to_no_page_that_is_none_of_ours_to_look_at(site: Flask, referrer: str) -> None:
    page = login_after(site, SAVE, referrer)
    assert page.form("/login").fields["next"] == ""
    assert "not saved" in page.text


def test_signing_out_twice_says_nothing_of_what_was_not_saved(site: Flask) -> None:
    assert "not saved" not in login_after(site, "/logout", "http://localhost/settings/company").text

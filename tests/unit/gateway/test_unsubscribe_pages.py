"""One click unsubscribes an address from one type of mail; looking at the page does not."""

import pytest
from dunlin.scheduler.v1.notices_pb2 import NoticeType
from flask import Flask

from services.shared import unsubscribe_links
from services.shared.errors import Busy
from services.shared.unsubscribe_links import UnsubscribeLink
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA_EMAIL
from tests.fakes.gateway_visitor import PORTAL_KEY, Visitor

SUMMARY = NoticeType.NOTICE_TYPE_ACCOUNT_SUMMARY
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def link(email: str = DANA_EMAIL, type_: int = SUMMARY) -> str:
    return f"/unsubscribe/{unsubscribe_links.make(UnsubscribeLink(type_, 'notice-1', email), PORTAL_KEY)}"


@pytest.fixture
def several(services: FakeServices) -> str:
    """A link in a mail that went to two addresses."""
    services.mailer.messages[0].recipients[:] = [DANA_EMAIL, "ap@acme.example"]
    return link("")


def test_looking_at_the_page_changes_nothing_and_says_what_the_button_does(
    stranger: Visitor, services: FakeServices
) -> None:
    page = stranger.get(link())
    assert "No more account summaries?" in page.text
    assert f"{DANA_EMAIL} will get no more account summaries from Harbor Supply Co." in page.text
    stranger.head(link())
    assert services.emails.unsubscribed == {}


def test_the_button_unsubscribes_and_a_click_more_undoes_it(
    stranger: Visitor, services: FakeServices
) -> None:
    done = stranger.send(stranger.get(link()).form("/unsubscribe"))
    assert "You are unsubscribed" in done.text
    (kept,) = services.emails.unsubscribed.values()
    assert (kept.type, kept.email, kept.notice_id) == (SUMMARY, DANA_EMAIL, "notice-1")
    undone = stranger.send(done.form("/undo"))
    assert "You are subscribed again" in undone.text
    assert services.emails.unsubscribed == {}
    assert stranger.send(done.form("/undo")).status == 200, "a repeat is normal"


def test_a_mail_programs_one_click_needs_no_page_and_no_cookie(site: Flask, services: FakeServices) -> None:
    for _ in range(2):
        assert Visitor(site).post(link(), ONE_CLICK).status == 200
    assert [one.email for one in services.emails.unsubscribed.values()] == [DANA_EMAIL]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"List-Unsubscribe": "Two-Clicks"},
        {**ONE_CLICK, "address": "ap@acme.example"},
        {"address": DANA_EMAIL},
    ],
)
def test_any_other_body_from_elsewhere_changes_nothing(
    stranger: Visitor, services: FakeServices, body: dict[str, str]
) -> None:
    assert stranger.post(link(), body).status == 400
    assert stranger.post(f"{link()}/undo", {**ONE_CLICK, **body}).status == 400
    assert services.emails.calls == []


def test_of_several_recipients_each_chooses_its_own_address(
    stranger: Visitor, services: FakeServices, several: str
) -> None:
    page = stranger.get(several)
    assert page.tree.xpath("//input[@type='radio']/@value") == [DANA_EMAIL, "ap@acme.example"]
    missing = stranger.send(page.form("/unsubscribe"))
    assert missing.status == 400
    assert "Choose the address that is yours" in missing.text
    stranger.send(page.form("/unsubscribe"), address="ap@acme.example")
    assert [one.email for one in services.emails.unsubscribed.values()] == ["ap@acme.example"]


def test_an_address_that_the_mail_did_not_go_to_cannot_be_taken_off(
    stranger: Visitor, services: FakeServices, several: str
) -> None:
    form = stranger.get(several).form("/unsubscribe")
    values = {**dict(form.form_values()), "address": "pay@bolt.example"}
    assert stranger.post(several, values).status == 400
    assert stranger.post(several, ONE_CLICK).status == 400, "nobody can tell whom it is for"
    assert services.emails.unsubscribed == {}


@pytest.mark.parametrize(
    "path",
    [
        "/unsubscribe/x",
        f"/unsubscribe/{'A' * 90}",
        link()[:-1],
        link(type_=NoticeType.NOTICE_TYPE_PAYMENT_SUCCEEDED),
        link(type_=999),
    ],
)
def test_whatever_is_no_link_of_ours_gets_one_answer(
    stranger: Visitor, services: FakeServices, path: str
) -> None:
    pages = [stranger.get(path), stranger.post(path, ONE_CLICK), stranger.post(f"{path}/undo", {})]
    assert [page.status for page in pages[:2]] == [404, 404]
    assert len({page.text for page in pages[:2]}) == 1
    assert services.emails.calls == []


def test_one_link_is_good_for_ten_tries_a_minute(site: Flask) -> None:
    answers = [Visitor(site, address=f"203.0.113.{n}").post(link(), ONE_CLICK).status for n in range(11)]
    assert answers == [200] * 10 + [429]
    assert Visitor(site).get(link("ap@acme.example")).status == 200


def test_while_the_scheduler_is_away_a_mail_program_is_told_to_come_back(
    stranger: Visitor, services: FakeServices
) -> None:
    services.emails.refuse["Unsubscribe"] = Busy("away")
    page = stranger.post(link(), ONE_CLICK)
    assert page.status == 503
    assert page.headers["Retry-After"]

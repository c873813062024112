"""History: every mail can be found, and is shown exactly as it was sent without getting at the site."""

from collections.abc import Iterator
from typing import Any

import pytest
from dunlin.mailer.v1 import messages_pb2

from gateway.history.mail_links import MailLink, links_of
from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Visitor, a_site, an_identity

MAIL = (
    '<!doctype html><html><body style="color:red"><p>Caf\u00e9</p><script>alert(1)</script>'
    '<a href="http://localhost/pay/good-link"><b>Pay</b>\n Invoice</a><img src="cid:logo"></body></html>'
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = an_identity(tmp_path_factory.mktemp("identity"))
    yield database
    database.dispose()


@pytest.fixture
def services() -> FakeServices:
    services = a_story()
    services.mailer.bodies["notice-1"].html = MAIL
    services.mailer.bodies["notice-1"].mime = b"Subject: <b>x</b>\r\n\r\ncaf\xe9 </pre>\r\n"
    return services


@pytest.fixture
def staff(services: FakeServices, database: Database) -> Visitor:
    return Visitor(a_site(services, database)).sign_in()


def test_nobody_sees_a_mail_without_signing_in(services: FakeServices, database: Database) -> None:
    stranger = Visitor(a_site(services, database))
    for path in ("/history", "/history/notice-1", "/history/notice-1/body", "/history/notice-1.eml"):
        assert stranger.get(path).path == "/login"
    assert services.mailer.requests("GetMessageBody") == []


def test_the_list_names_the_organization_the_recipient_and_the_state(staff: Visitor) -> None:
    row = " ".join(staff.get("/history").one("//tbody/tr").text_content().split())
    for shown in ("Invoice INV-0042 is past due", "Acme Corporation", "dana@acme.example", "Sent"):
        assert shown in row


def test_search_and_state_filter_together(staff: Visitor, services: FakeServices) -> None:
    other = services.add_sent_message("notice-2", services.ledger.invoices[3], "pay@bolt.example")
    other.state = messages_pb2.MESSAGE_STATE_FAILED
    assert len(staff.get("/history").tree.xpath("//tbody/tr")) == 2
    failed = messages_pb2.MESSAGE_STATE_FAILED
    assert "B-1" in staff.get(f"/history?state={failed}&q=bolt").one("//tbody/tr").text_content()
    assert "Nothing found" in staff.get(f"/history?state={failed}&q=dana").text


def test_the_list_does_without_the_ledger(staff: Visitor, services: FakeServices) -> None:
    services.ledger.is_away = True
    page = staff.get("/history")
    assert page.status == 200
    assert "ACME" in page.text


def test_a_message_shows_its_facts_and_events(staff: Visitor) -> None:
    page = staff.get("/history/notice-1")
    for shown in ("dana@acme.example", "Invoice past due", "<notice-1@harbor.example>", "Processed"):
        assert shown in page.text
    assert page.one("//dd/a[text()='INV-0042']").get("href") == "/invoices/1"


def test_the_mail_is_shown_byte_for_byte(staff: Visitor) -> None:
    answer = staff.get("/history/notice-1/body")
    assert answer.data == MAIL.encode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_mail_can_neither_run_nor_load_anything(staff: Visitor) -> None:
    page = staff.get("/history/notice-1")
    frame = page.one("//iframe")
    assert "allow-scripts" not in frame.get("sandbox")
    assert "allow-same-origin" not in frame.get("sandbox")
    policy = staff.get(frame.get("src")).headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "allow-same-origin" not in policy
    assert "alert(1)" not in page.html


def test_the_mail_is_framed_by_the_site_only(staff: Visitor) -> None:
    answer = staff.get("/history/notice-1/body")
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_the_links_of_the_mail_stand_beside_it(staff: Visitor) -> None:
    link = staff.get("/history/notice-1").one("//ul[@class='mail-links']//a")
    assert link.get("href") == "http://localhost/pay/good-link"
    assert link.get("rel") == "noopener noreferrer"
    assert "Pay Invoice" in link.text_content()


def test_plain_text_and_source_are_shown_as_text(staff: Visitor) -> None:
    text = staff.get("/history/notice-1?view=text").one("//pre")
    assert text.text_content() == "Please pay INV-0042."
    page = staff.get("/history/notice-1?view=source")
    assert "Subject: <b>x</b>" in page.one("//pre").text_content()
    assert "<b>x</b>" not in page.html


def test_the_source_can_be_downloaded_byte_for_byte(staff: Visitor) -> None:
    answer = staff.get("/history/notice-1.eml")
    assert answer.data == b"Subject: <b>x</b>\r\n\r\ncaf\xe9 </pre>\r\n"
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="notice-1.eml"'


def test_a_mail_that_was_not_written_yet_says_so(staff: Visitor, services: FakeServices) -> None:
    del services.mailer.bodies["notice-1"]
    page = staff.get("/history/notice-1")
    assert "has not been written yet" in page.text
    assert page.tree.xpath("//iframe") == []


def test_what_came_back_or_was_left_out_stands_beside_the_state(
    staff: Visitor, services: FakeServices
) -> None:
    message = services.mailer.messages[0]
    message.language = "de"
    for kind in (messages_pb2.MESSAGE_EVENT_KIND_BOUNCED, messages_pb2.MESSAGE_EVENT_KIND_LEFT_OUT):
        message.events.add(kind=kind, detail="ap@acme.example: 550 no such user")
    for path in ("/history", "/history/notice-1", "/organizations/ACME"):
        chips = staff.get(path).tree.xpath("//span[contains(@class, 'chip')]/text()")
        assert {"Sent", "Bounced", "Recipient left out"} <= set(chips), path
    page = staff.get("/history/notice-1")
    assert "550 no such user" in page.text
    assert "German" in page.text
    assert "German" in staff.get("/history").text


def test_a_test_is_marked_as_one_and_belongs_to_no_organization(
    staff: Visitor, services: FakeServices
) -> None:
    message = services.mailer.messages[0]
    message.test_by, message.organization_id = "robin@harbor.example", ""
    row = staff.get("/history").one("//tbody/tr")
    assert row.xpath(".//span[contains(@class, 'chip')]/text()")[0] == "Test"
    assert not row.xpath(".//a[starts-with(@href, '/organizations')]")
    assert "Sent by robin@harbor.example, with sample data." in staff.get("/history/notice-1").text


def test_an_unknown_message_is_not_found(staff: Visitor) -> None:
    for path in ("/history/none", "/history/none/body", "/history/none.eml"):
        assert staff.get(path).status == 404


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ("<p>No links</p>", []),
        ('<a href="https://a.example">A</a>', [MailLink("A", "https://a.example")]),
        ('<a href="https://a.example"><img></a>', [MailLink("https://a.example", "https://a.example")]),
        ('<a href="mailto:a@b.example">Write</a>', [MailLink("Write", "mailto:a@b.example")]),
        ('<a href="javascript:alert(1)">X</a><a href="data:x">Y</a><a href="//x">Z</a><a>W</a>', []),
        ('<a href="http://[">Broken</a>', []),
        ('<a href="https://a.example">A</a>' * 2, [MailLink("A", "https://a.example")]),
        ('<a href="https://a.example">A <a href="https://b.example">B', [
            MailLink("A", "https://a.example"), MailLink("B", "https://b.example"),
        ]),
        ('<a href="https://a.example/?x=1&amp;y=2">A &amp; B</a>', [MailLink("A & B", "https://a.example/?x=1&y=2")]),
    ],
)  # fmt: skip
def test_links_are_read_from_html_and_only_those_that_are_safe_to_follow(
    html: str, links: list[MailLink]
) -> None:
    assert links_of(html) == links


def test_a_search_that_found_nothing_so_far_leads_further_back(
    staff: Visitor, services: FakeServices
) -> None:
    answer = services.mailer.ListMessages

    def search(request: Any, timeout: float | None = None) -> Any:
        if request.page_token:
            return answer(type(request)())
        return type(answer(type(request)()))(next_page_token="older")

    services.mailer.ListMessages = search  # type: ignore[method-assign]
    page = staff.get("/history?q=dana")
    assert "Nothing found" not in page.text
    further = page.one("//a[.='Look further back']").get("href")
    assert "INV-0042" in staff.get(further).text

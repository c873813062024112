"""What holds mails back: the stop switch, limits, addresses that get none, and who cannot be reached."""

from datetime import UTC, datetime

import pytest
from dunlin.mailer.v1 import sending_pb2
from dunlin.scheduler.v1 import emails_pb2

from gateway.company.sending import FRESH_SECONDS, StopSwitch
from services.shared.wire import timestamp
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import SUMMARY
from tests.fakes.gateway_visitor import Page, Visitor

SENDING = "/settings/sending"
SUPPRESSED = "/settings/sending/suppressed"
UNSUBSCRIBED = "/settings/sending/unsubscribed"
AT = timestamp(datetime(2026, 3, 1, tzinfo=UTC))


def said(page: Page) -> str:
    return " ".join(page.one("//div[contains(@class, 'note-')][@role='status']/p").text_content().split())


def suppress(services: FakeServices, email: str, reason: int) -> None:
    services.sending.suppressions[email] = sending_pb2.Suppression(
        email=email,
        reason=reason,  # type: ignore[arg-type]
        detail="550 5.1.1 no such user",
        created_at=AT,
        notice_id="notice-1",
    )


def test_whether_sending_is_stopped_is_not_asked_for_each_page(
    staff: Visitor, services: FakeServices
) -> None:
    for _ in range(5):
        staff.get("/organizations")
    assert len(services.sending.requests("GetSending")) == 1


def test_what_is_known_of_the_stop_switch_is_some_seconds_old_at_most_and_outlives_the_mailer(
    services: FakeServices,
) -> None:
    now = [0.0]
    switch = StopSwitch(services.clients().sending, clock=lambda: now[0])
    assert not switch.newest().stopped
    services.sending.sending = sending_pb2.Sending(stopped=True)
    now[0] = FRESH_SECONDS
    assert not switch.newest().stopped
    now[0] += 0.1
    assert switch.newest().stopped
    services.sending.is_away = True
    now[0] += 60
    assert switch.newest().stopped


def test_a_stop_is_said_on_every_page_until_sending_goes_on(staff: Visitor, services: FakeServices) -> None:
    assert "All sending is stopped" not in staff.get("/").text
    page = staff.send(staff.get(SENDING).form("/stop"))
    assert services.sending.sending.stopped_by == "staff@harbor.example"
    for path in ("/", "/client-emails", "/history", SENDING):
        banner = staff.get(path).one("//p[@class='stopped']")
        assert "No email leaves." in banner.text_content()
    page = staff.send(page.form("/stop"))
    assert not services.sending.sending.stopped
    assert said(page) == "Sending goes on."
    assert not page.tree.xpath("//p[@class='stopped']")


def test_pages_do_without_the_mailer(staff: Visitor, services: FakeServices) -> None:
    services.sending.is_away = True
    assert staff.get("/client-emails").status == 200
    assert staff.get(SENDING).status == 503


def test_limits_are_saved_with_the_company_s_days(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get(SENDING).one("//form[.//input[@name='daily_cap']]"), daily_cap="500")
    assert "have been saved" in said(page)
    saved = services.sending.sending
    assert (saved.daily_cap, saved.domain_per_minute, saved.time_zone) == (500, 0, "America/Chicago")


@pytest.mark.parametrize("wrong", ["-1", "10000001", "", "many"])
def test_a_limit_that_cannot_be_says_why_beside_its_field(
    staff: Visitor, services: FakeServices, wrong: str
) -> None:
    page = staff.send(staff.get(SENDING).one("//form[.//input[@name='daily_cap']]"), daily_cap=wrong)
    assert page.status == 400
    assert page.one("//p[@id='daily_cap-error']").text_content()
    assert services.sending.requests("UpdateSending") == []


def test_what_left_and_what_waits_is_counted(staff: Visitor, services: FakeServices) -> None:
    services.sending.sending.sent_today, services.sending.sending.waiting = 1204, 7
    page = staff.get(SENDING)
    assert [one.text for one in page.tree.xpath("//dd[contains(@class, 'amount')]")] == ["1,204", "7"]


def test_a_suppressed_address_says_why_and_shows_the_mail_that_came_back(
    staff: Visitor, services: FakeServices
) -> None:
    suppress(services, "gone@acme.example", sending_pb2.SUPPRESSION_REASON_BOUNCED_FOR_GOOD)
    page = staff.get(SUPPRESSED)
    assert "Its mail server says that it does not exist." in page.text
    assert "550 5.1.1 no such user" in page.text
    assert page.one("//a[.='The email that came back']").get("href") == "/history/notice-1"


def test_addresses_are_searched(staff: Visitor, services: FakeServices) -> None:
    suppress(services, "gone@acme.example", sending_pb2.SUPPRESSION_REASON_BY_STAFF)
    suppress(services, "gone@bolt.example", sending_pb2.SUPPRESSION_REASON_BY_STAFF)
    rows = staff.get(f"{SUPPRESSED}?q=bolt").tree.xpath("//tbody/tr/th")
    assert [row.text_content() for row in rows] == ["gone@bolt.example"]
    assert "No suppressed address contains “nobody”." in staff.get(f"{SUPPRESSED}?q=nobody").text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (sending_pb2.SUPPRESSION_REASON_BOUNCED_FOR_GOOD, "only if the mailbox exists now"),
        (sending_pb2.SUPPRESSION_REASON_COMPLAINED, "only if its owner has asked you to"),
    ],
)
def test_lifting_says_first_what_is_at_stake_and_can_be_taken_back(
    staff: Visitor, services: FakeServices, reason: int, words: str
) -> None:
    suppress(services, "gone@acme.example", reason)
    page = staff.get(staff.get(SUPPRESSED).one("//a[.='Lift …']").get("href"))
    assert words in page.text
    assert services.sending.suppressions
    page = staff.send(page.form("/lift"))
    assert services.sending.suppressions == {}
    assert services.sending.requests("LiftSuppression")[0].lifted_by == "staff@harbor.example"
    staff.send(page.one("//form[normalize-space(.)='Suppress it again']"))
    assert list(services.sending.suppressions) == ["gone@acme.example"]


def test_an_address_is_found_behind_many_that_contain_it(staff: Visitor, services: FakeServices) -> None:
    suppress(services, "a@x.example", sending_pb2.SUPPRESSION_REASON_BY_STAFF)
    for number in range(450):
        suppress(services, f"{number}a@x.example", sending_pb2.SUPPRESSION_REASON_BY_STAFF)
    page = staff.get(f"{SUPPRESSED}/lift?email=a@x.example")
    assert page.one("//p[@class='subtitle']").text == "a@x.example"


def test_an_address_is_suppressed_by_hand(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(SUPPRESSED).one("//form[.//input[@name='email']]")
    page = staff.send(form, email="ap@acme.example")
    assert services.sending.suppressions["ap@acme.example"].created_by == "staff@harbor.example"
    staff.send(page.one("//form[normalize-space(.)='Undo']"))
    assert services.sending.suppressions == {}


def test_what_is_no_address_says_so_beside_the_field(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get(SUPPRESSED).one("//form[.//input[@name='email']]"), email="nobody")
    assert page.status == 400
    assert "This is not an email address." in page.one("//p[@id='email-error']").text_content()


def test_who_unsubscribed_is_put_back_only_with_a_way_to_undo(staff: Visitor, services: FakeServices) -> None:
    services.emails.Unsubscribe(emails_pb2.UnsubscribeRequest(type=SUMMARY, email="ap@acme.example"))
    page = staff.get(UNSUBSCRIBED)
    assert "Account summary" in page.one("//tbody/tr").text_content()
    page = staff.send(page.form("/resubscribe"))
    assert services.emails.unsubscribed == {}
    assert said(page) == "ap@acme.example gets “Account summary” again."
    staff.send(page.one("//form[normalize-space(.)='Undo']"))
    assert list(services.emails.unsubscribed) == [(SUMMARY, "ap@acme.example")]


def test_who_cannot_be_reached_is_named_with_the_way_to_mend_it(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.unreachable = [
        emails_pb2.Unreachable(organization_id="ACME", reason="NO_ADDRESS", explanation="No address."),
        emails_pb2.Unreachable(organization_id="BOLT", reason="ADDRESSES_SUPPRESSED", notices=4),
    ]
    page = staff.get("/settings/sending/unreachable")
    assert page.one("//a[.='See contacts']").get("href") == "/organizations/ACME"
    assert page.one("//main//td//a[.='Suppressed addresses']").get("href") == SUPPRESSED
    assert "Bolt & Sons" in page.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (SUPPRESSED, "No address is suppressed"),
        (UNSUBSCRIBED, "Nobody has unsubscribed"),
        ("/settings/sending/unreachable", "Everybody can be reached"),
    ],
)
def test_an_empty_list_says_what_would_come_here(staff: Visitor, path: str, words: str) -> None:
    assert words in staff.get(path).text

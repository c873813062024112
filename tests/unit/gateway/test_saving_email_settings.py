"""Saving settings of a type that is on: what it would send at once is said, and asked, before it is done."""

from datetime import UTC, datetime
from typing import Any

import pytest
from dunlin.scheduler.v1 import emails_pb2

from services.shared.errors import Busy
from services.shared.wire import timestamp
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import EXPIRATION, SUMMARY, UPCOMING
from tests.fakes.gateway_visitor import Page, Visitor

UPCOMING_PAGE = "/client-emails/upcoming-payments"
NEXT = timestamp(datetime(2032, 11, 30, 15, tzinfo=UTC))
ASKS = (
    "7 emails would go out at the next run, Tuesday, November 30, 2032 at 9:00 AM. "
    "With the settings as they are it would be 2 emails."
)


@pytest.fixture(autouse=True)
def upcoming_is_on(services: FakeServices) -> None:
    """So far 3 days before a payment, which brings 2 emails; 10 days before bring 7."""
    services.emails.types[UPCOMING].enabled = True

    def counting(settings: emails_pb2.EmailType) -> emails_pb2.EmailCount:
        mails = 7 if settings.days_before >= 10 else 2
        return emails_pb2.EmailCount(due_now=9, organizations=mails, at_next_run=mails, next_at=NEXT)

    services.emails.counting = counting


def form(page: Page) -> Any:
    return page.one("//form[@data-meaning]")


def save(staff: Visitor, days: int, page: Page | None = None) -> Page:
    page = page or staff.get(UPCOMING_PAGE)
    shown, button = form(page), page.tree.xpath("//button[@name='do']")[0]
    return staff.send(shown, button=("do", button.get("value")), days_before=str(days))


def test_what_would_go_at_once_is_asked_before_it_is_saved(staff: Visitor, services: FakeServices) -> None:
    page = save(staff, 10)
    assert "Nothing has been saved yet." in page.text
    assert ASKS in page.text
    assert services.emails.types[UPCOMING].days_before == 3
    [button, *_] = page.tree.xpath("//button[@name='do']")
    assert button.text_content() == "Save, and send 7 emails at the next run"
    assert button.get("form") == form(page).get("id")
    assert form(page).fields["days_before"] == "10"
    page = save(staff, 10, page)
    assert "have been saved" in page.text
    assert services.emails.types[UPCOMING].days_before == 10


def test_books_that_were_not_looked_at_to_the_end_are_asked_about_also_where_nothing_was_found(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.counting = lambda _settings: emails_pb2.EmailCount(at_least=True)
    page = save(staff, 10)
    assert "Nobody among those looked at would get an email at the next run, but there are more." in page.text
    assert services.emails.types[UPCOMING].days_before == 3
    save(staff, 10, page)
    assert services.emails.types[UPCOMING].days_before == 10


def test_the_answer_holds_for_the_settings_that_were_asked_about_alone(
    staff: Visitor, services: FakeServices
) -> None:
    page = save(staff, 10)
    page = save(staff, 30, page)
    assert ASKS in page.text
    assert services.emails.types[UPCOMING].days_before == 3


def test_what_sends_no_more_than_before_is_saved_without_asking(
    staff: Visitor, services: FakeServices
) -> None:
    assert "have been saved" in save(staff, 2).text
    assert services.emails.types[UPCOMING].days_before == 2


def test_a_type_that_is_off_sends_nothing_and_asks_nothing(staff: Visitor, services: FakeServices) -> None:
    services.emails.types[UPCOMING].enabled = False
    assert "It is still off." in save(staff, 10).text


def test_settings_that_are_saved_as_they_were_ask_nothing_even_while_nothing_can_be_counted(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    assert "have been saved" in save(staff, 3).text


def test_what_cannot_be_counted_is_asked_too(staff: Visitor, services: FakeServices) -> None:
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    page = save(staff, 10)
    assert (
        "What this brings cannot be counted at this moment. Emails may go out at the next run." in page.text
    )
    assert "have been saved" in save(staff, 10, page).text


def test_books_too_large_to_compare_say_at_least_so_many(staff: Visitor, services: FakeServices) -> None:
    services.emails.counting = lambda _settings: emails_pb2.EmailCount(at_next_run=20_000, at_least=True)
    page = save(staff, 10)
    assert "At least 20,000 emails would go out at the next run." in page.text
    assert "Save, and send at least 20,000 emails at the next run" in page.text


def test_a_type_that_is_on_does_not_say_that_what_was_due_before_would_go_now(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.send(form(staff.get(UPCOMING_PAGE)), button=("do", "show"))
    assert "2 organizations will get this on Tuesday, November 30, 2032 at 9:00 AM." in page.text
    assert "9 emails" not in page.text
    services.emails.types[EXPIRATION].enabled = True
    told = staff.post("/client-emails/method-expiration/meaning", {"csrf_token": _token(page)}).text
    assert "9" not in told.replace("9:00", "")


def _token(page: Page) -> str:
    return str(page.tree.xpath("//input[@name='csrf_token']/@value")[0])


def test_a_profile_that_was_removed_can_be_seen_and_taken_out(staff: Visitor, services: FakeServices) -> None:
    summary = services.emails.types[SUMMARY]
    summary.profile_ids.extend(["owner", "gone-1a2b"])
    page = staff.get("/client-emails/account-summary")
    assert page.one("//label[contains(., 'gone-1a2b')]").text_content() == "One that was removed (gone-1a2b)"
    assert "the client profile Owner or one that was removed" in staff.get("/client-emails").text
    staff.send(form(page), button=("do", "save"), profile_ids=["owner"])
    assert list(services.emails.types[SUMMARY].profile_ids) == ["owner"]

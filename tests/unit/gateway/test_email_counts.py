"""What kinds of mail bring, counted beside the pages: in words, cut short in large books, a few at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from dunlin.scheduler.v1 import emails_pb2
from flask import Flask

from gateway.client_emails import counts
from services.shared.errors import Busy
from services.shared.wire import timestamp
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import SUMMARY
from tests.fakes.gateway_visitor import Visitor

LIST = "/client-emails"
NEXT = timestamp(datetime(2032, 11, 30, 15, tzinfo=UTC))


def a_summary(services: FakeServices) -> emails_pb2.EmailType:
    """The account summary, on, on day 15 of each month."""
    summary = services.emails.types[SUMMARY]
    summary.enabled = True
    summary.schedule.day_of_month = 15
    return summary


def test_what_a_kind_brings_next_is_counted_beside_the_list(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    services.emails.count = emails_pb2.EmailCount(
        organizations=14, next_at=NEXT, excluded=2, unreachable=1, names=["Acme Corporation"]
    )
    page = staff.get(LIST)
    assert services.emails.requests("CountEmails") == [], "the page does not wait for a count"
    [path] = page.tree.xpath("//*[@data-load][contains(@data-load, 'account-summary')]/@data-load")
    counted = staff.get(path).html.strip()
    assert counted == (
        "14 organizations will get this on Tuesday, November 30, 2032 at 9:00 AM. "
        "2 organizations are excluded and 1 has no email address."
    )


def test_a_count_that_was_cut_short_says_at_least_so_many(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    services.emails.count = emails_pb2.EmailCount(
        organizations=14_000, next_at=NEXT, excluded=2, names=["Acme Corporation"] * 20, at_least=True
    )
    counted = staff.get(f"{LIST}/counts/account-summary").html
    assert counted.startswith("At least 14,000 organizations will get this on ")
    assert counted.endswith(" At least 2 organizations are excluded.")
    services.emails.types[SUMMARY].enabled = False
    page = staff.get(f"{LIST}/account-summary/turn-on")
    assert "At least 14,000 organizations will get this on" in page.text
    assert "and at least 13,995 more" in page.text


def test_a_rule_says_at_least_so_many_beside_its_text_and_on_its_button(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.count = emails_pb2.EmailCount(due_now=20_000, organizations=4, at_least=True)
    page = staff.get(f"{LIST}/due-notices/rules/15/turn-on")
    assert "At least 20,000 invoices have reached it now: at least 20,000 emails" in page.text
    button = page.one("//main//form[@method='post']//button").text_content()
    assert button == "Turn on, and send at least 20,000 emails at the next run"


def test_what_was_not_looked_at_to_the_end_is_not_said_to_be_nothing(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.count = emails_pb2.EmailCount(next_at=NEXT, at_least=True)
    page = staff.get(f"{LIST}/upcoming-payments/turn-on")
    assert "Nothing is due among those looked at; there are more." in page.text
    assert "Turn on, and include what is due now" in page.text


def test_who_gets_none_for_their_addresses_is_counted_beside_who_is_excluded(
    staff: Visitor, services: FakeServices
) -> None:
    a_summary(services)
    services.emails.count = emails_pb2.EmailCount(
        organizations=9, next_at=NEXT, excluded=1, suppressed=2, unsubscribed=3
    )
    assert staff.get(f"{LIST}/counts/account-summary").html.endswith(
        " 1 organization is excluded, 2 have only addresses from which emails come back"
        " and 3 have unsubscribed."
    )


def test_who_is_paused_then_is_counted_beside_who_is_excluded(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    services.emails.count = emails_pb2.EmailCount(organizations=9, next_at=NEXT, excluded=2, paused=1)
    html = staff.get(f"{LIST}/counts/account-summary").html
    assert html.endswith(" 2 organizations are excluded and 1 is paused then.")


def test_a_line_is_text_and_no_html(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    services.emails.count = emails_pb2.EmailCount(organizations=14)
    page = staff.get(f"{LIST}/counts/account-summary")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert "“Send now” would reach 14 organizations." in page.html


def test_only_a_few_counts_are_made_at_a_time_and_others_are_told_to_come_back(
    site: Flask, services: FakeServices
) -> None:
    a_summary(services)
    under_way, end = threading.Semaphore(0), threading.Event()

    def slowly(_settings: emails_pb2.EmailType) -> emails_pb2.EmailCount:
        under_way.release()
        end.wait(10)
        return emails_pb2.EmailCount(organizations=1)

    services.emails.counting = slowly
    path = f"{LIST}/counts/account-summary"
    with ThreadPoolExecutor(counts.AT_ONCE) as pool:
        others = [pool.submit(Visitor(site).sign_in().get, path) for _ in range(counts.AT_ONCE)]
        assert [under_way.acquire(timeout=10) for _ in others] == [True] * counts.AT_ONCE
        assert Visitor(site).sign_in().get(path).html == counts.UNCOUNTED
        end.set()
        assert all("1 organization" in other.result().html for other in others)
    assert "1 organization" in Visitor(site).sign_in().get(path).html


def test_a_count_that_cannot_be_had_says_so_in_its_place(staff: Visitor, services: FakeServices) -> None:
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    assert "cannot be counted at this moment" in staff.get(f"{LIST}/counts/account-summary").html


def test_who_asks_for_counts_again_and_again_is_asked_to_wait(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    answers = [staff.get(f"{LIST}/counts/account-summary").status for _ in range(121)]
    assert (answers[:120], answers[120]) == ([200] * 120, 429)
    assert len(services.emails.requests("CountEmails")) == 120
    assert staff.get(LIST).status == 200

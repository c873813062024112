"""What clients are told by itself, over gRPC: a whole scheduler before real books, day after day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dunlin.paynow.v1 import accounts_pb2, ledger_pb2
from dunlin.scheduler.v1 import emails_pb2, letters_pb2, notices_pb2

from tests.contracts.scheduler_and_books import CARDS, DUE, INVOICE, SUMMARY, UPCOMING, Office, open_office
from tests.contracts.test_paynow_ledger_grpc import a_record
from tests.servers import DATABASES, MigratedUrl

QUEUED = notices_pb2.NOTICE_STATE_QUEUED
MANUAL = emails_pb2.SummarySchedule(manual=True)


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl) -> Iterator[Office]:
    with open_office(request.param, tmp_path, migrated_url) as office:
        yield office


def test_a_card_is_told_a_month_before_it_expires_and_then_weekly_until_it_is_deleted(office: Office) -> None:
    details = ledger_pb2.OrganizationDetails(status="inactive")
    office.take_in(a_record(1, "O-1", "1001", organization=details))
    office.take_in_cards(a_card("M-1"), a_card("M-2", expires="2031-09"))
    office.turn_on(emails_pb2.EmailType(type=CARDS))
    soon, over = ("Visa ending 4242", 2, 2031, False), ("Visa ending 4242", 2, 2031, True)
    for day, told in (
        (date(2031, 1, 27), []),
        (date(2031, 1, 28), [soon]),
        (date(2031, 1, 28), []),
        (date(2031, 2, 28), []),
        (date(2031, 3, 1), [over]),
        (date(2031, 3, 7), []),
        (date(2031, 3, 8), [over]),
        (date(2031, 3, 14), []),
        (date(2031, 3, 15), [over]),
    ):
        office.send_what_waits()
        letters = office.run_for(day)
        assert [method_of(letter) for letter in letters] == told, f"on {day}"
        assert [to(letter) for letter in letters] == [["ana@o-1.test"]] * len(told)
    newest = office.notices()[0]
    office.take_in_cards(a_card("M-1", status="deleted"))
    assert office.review(newest.notice_id).withheld.reason == "METHOD_GONE", "it had not left"
    assert [office.run_for(date(2031, 3, day)) for day in (22, 29)] == [[], []]


@pytest.mark.parametrize("days_before", [1, 3, 12])
def test_payments_are_told_so_many_days_before_each_once(office: Office, days_before: int) -> None:
    first, second = date(2031, 5, 20), date(2031, 5, 21)
    office.take_in(a_record(1, "O-1", "1001", due_on="2031-06-30"))
    office.schedule("O-1", "1001", first, second)
    office.turn_on(emails_pb2.EmailType(type=UPCOMING, days_before=days_before))
    found = {
        day: [letter.plans.plans[0].pays_on for letter in office.run_for(day)]
        for day in (first - timedelta(days=days_before) + timedelta(days=n) for n in (-1, 0, 1, 2))
    }
    assert list(found.values()) == [[], [first.isoformat()], [second.isoformat()], []]
    notices = office.notices()
    assert {(one.type, one.state, one.reason) for one in notices} == {(UPCOMING, QUEUED, "PAYMENTS_COMING")}


@pytest.mark.parametrize(
    ("ours", "theirs", "on"),
    [
        ("UTC", "", date(2031, 5, 19)),
        ("Pacific/Kiritimati", "Pacific/Honolulu", date(2031, 5, 19)),
    ],
)
def test_a_payment_that_was_made_today_takes_nothing_from_that_of_tomorrow_which_is_told(
    office: Office, ours: str, theirs: str, on: date
) -> None:
    made, coming = date(2031, 5, 19), date(2031, 5, 20)
    office.set_calendar(time_zone=ours)
    details = ledger_pb2.OrganizationDetails(time_zone=theirs)
    invoice = a_record(1, "O-1", "1001", due_on="2031-06-30", amount="80.00", organization=details)
    invoice.balance = "80.00"
    office.take_in(invoice)
    office.schedule("O-1", "1001", made, coming)
    invoice.balance = "40.00"
    office.take_in(invoice)
    office.turn_on(emails_pb2.EmailType(type=UPCOMING, days_before=1))
    (letter,) = office.run_for(on)
    assert [(one.pays_on, one.amount_minor) for one in letter.plans.plans] == [(coming.isoformat(), 4000)]


def test_each_list_of_exclusions_stands_alone(office: Office) -> None:
    today = date(2031, 5, 17)
    lists = {"O-1": SUMMARY, "O-2": UPCOMING, "O-3": DUE}
    office.take_in(*(a_record(n, id, f"{n}001", due_on="2031-05-01") for n, id in enumerate(lists, 1)))
    for n, id in enumerate(lists, 1):
        office.schedule(id, f"{n}001", today + timedelta(days=2))
    for id, type in lists.items():
        office.exclude(type, id)
    schedule = emails_pb2.SummarySchedule(day_of_month=today.day, closed_days=emails_pb2.CLOSED_DAYS_SEND)
    office.turn_on(emails_pb2.EmailType(type=SUMMARY, schedule=schedule))
    office.turn_on(emails_pb2.EmailType(type=UPCOMING, days_before=3))
    office.set_rule(15, on=True)
    everything = {(type, id) for type in lists.values() for id in lists}
    off = {(type, id) for id, type in lists.items()}
    assert {(one.type, one.organization_id) for one in office.run_for(today)} == everything - off
    assert office.excluded() == off

    # The second look asks the same lists again.
    for id, type in (("O-1", UPCOMING), ("O-2", DUE), ("O-3", SUMMARY)):
        office.exclude(type, id)
        off.add((type, id))
    told = {(one.type, one.organization_id): office.review(one.notice_id) for one in office.notices()}
    assert {key for key, review in told.items() if review.HasField("letter")} == everything - off


def test_a_summary_says_all_that_is_open_and_which_cards_need_attention(office: Office) -> None:
    today = datetime.now(UTC).date()

    def ago(days: int) -> str:
        return (today - timedelta(days=days)).isoformat()

    office.take_in(
        a_record(1, "O-1", "S-1", due_on=ago(9), issued_on=ago(50), amount="900.00", balance="400.50"),
        a_record(2, "O-1", "S-2", due_on=ago(-9), issued_on=ago(40)),
        a_record(3, "O-1", "S-3", due_on=ago(-29), issued_on=ago(2)),
        a_record(4, "O-1", "S-4", due_on=ago(-29), issued_on=ago(2), balance="0.00", status="paid"),
    )
    before, far = today.replace(day=1) - timedelta(days=40), today + timedelta(days=2_000)
    office.take_in_cards(
        a_card("M-1", expires=f"{before:%Y-%m}"), a_card("M-2", expires=f"{far:%Y-%m}", last_four="2222")
    )
    asked = emails_pb2.SendSummaryRequest(request_id="r", organization_id="O-1")
    letter = office.review(office.emails.SendSummary(asked).notice_id).letter
    assert [
        (line.invoice.number, line.status, line.invoice.balance_minor) for line in letter.summary.lines
    ] == [
        ("S-1", letters_pb2.LINE_STATUS_PAST_DUE, 40_050),
        ("S-2", letters_pb2.LINE_STATUS_OPEN, 25_000),
        ("S-3", letters_pb2.LINE_STATUS_NEW, 25_000),
    ]
    assert all(line.invoice.pay_token for line in letter.summary.lines), "each can be paid"
    (total,) = letter.summary.totals
    assert (total.currency, total.open_minor, total.past_due_minor) == ("USD", 90_050, 40_050)
    assert [(method.label, method.expired) for method in letter.summary.methods] == [
        ("Visa ending 4242", True)
    ]


def test_a_summary_goes_on_the_day_that_its_schedule_says_once(office: Office) -> None:
    office.take_in(a_record(1, "O-1", "1001", due_on="2031-12-31"))
    for schedule, days in (
        (emails_pb2.SummarySchedule(day_of_month=17), [(2, 16), (2, 17), (2, 18), (3, 17)]),
        (emails_pb2.SummarySchedule(last_day=True), [(3, 30), (3, 31), (4, 29), (4, 30)]),
    ):
        schedule.closed_days = emails_pb2.CLOSED_DAYS_SEND
        office.turn_on(emails_pb2.EmailType(type=SUMMARY, schedule=schedule))
        sent = []
        for day in days:
            sent.append(len(office.run_for(date(2031, *day))))
            office.send_what_waits()
        assert sent == [0, 1, 0, 1], schedule
    office.turn_on(emails_pb2.EmailType(type=SUMMARY, schedule=MANUAL))
    assert office.run_for(date(2031, 5, 31)) == []


def test_a_notification_tells_when_autopay_pays_but_not_of_what_is_past_due(office: Office) -> None:
    today = datetime.now(UTC).date()
    due = today + timedelta(days=20)
    office.take_in(
        a_record(1, "O-1", "1001", due_on=due.isoformat()),
        a_record(2, "O-1", "1002", due_on=(today - timedelta(days=9)).isoformat()),
    )
    autopay = accounts_pb2.AutopayRecord(status="on", days_after_due="10")
    office.take_in_plans(accounts_pb2.PlanRecord(line=1, organization_id="O-1", autopay=autopay))
    listed = office.ledger.ListInvoices(ledger_pb2.ListInvoicesRequest()).invoices
    invoices = {one.number: one.invoice_id for one in listed}

    def pays_on(number: str) -> str:
        asked = emails_pb2.SendInvoiceRequest(request_id=f"{number}-{told}", invoice_id=invoices[number])
        letter = office.review(office.emails.SendInvoice(asked).notice_id).letter
        assert (letter.invoice.number, bool(letter.invoice.pay_token)) == (number, True)
        return letter.notification.plan.pays_on

    settings = emails_pb2.EmailType(type=INVOICE, newest_days=14)
    for told in (True, False):
        settings.tells_payment_date = told
        office.emails.UpdateEmailType(emails_pb2.UpdateEmailTypeRequest(email_type=settings))
        assert pays_on("1001") == ((due + timedelta(days=10)).isoformat() if told else "")
        assert pays_on("1002") == "", "it is past due"


def a_card(method_id: str, **but: str) -> accounts_pb2.MethodRecord:
    """A Visa of O-1 that can be used up to February 2031."""
    values = {"kind": "card", "brand": "Visa", "last_four": "4242", "expires": "2031-02", "status": "active"}
    return accounts_pb2.MethodRecord(line=1, organization_id="O-1", method_id=method_id, **(values | but))


def method_of(letter: letters_pb2.Letter) -> tuple[str, int, int, bool]:
    """The card that the letter is about."""
    assert letter.type == CARDS
    method = letter.method
    return method.label, method.expires_month, method.expires_year, method.expired


def to(letter: letters_pb2.Letter) -> Sequence[str]:
    return [recipient.email for recipient in letter.recipients]

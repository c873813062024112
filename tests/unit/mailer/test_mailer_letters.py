"""The second look on the wire: each kind of letter is understood, and what makes no sense says why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from dunlin.scheduler.v1 import letters_pb2, notices_pb2, scheduler_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.mailer.converters_letters import verdict
from services.mailer.domain.letter import (
    Access,
    Due,
    Invoice,
    Letter,
    LineStatus,
    Method,
    Notification,
    NotYet,
    Payment,
    Plan,
    Plans,
    PlansTotal,
    Recipient,
    Summary,
    SummaryLine,
    Total,
    Unusable,
    Withheld,
)
from services.mailer.domain.templates import TemplateType

INVOICE = letters_pb2.LetterInvoice(
    invoice_id=7,
    number="INV-7",
    issued_on="2026-02-01",
    due_on="2026-03-01",
    amount_minor=500,
    balance_minor=300,
    currency="EUR",
    pay_token="t",
)
READ = Invoice(7, "INV-7", date(2026, 2, 1), date(2026, 3, 1), 500, 300, "EUR", "t")
PLAN = letters_pb2.LetterPlan(
    invoice=INVOICE, pays_on="2026-03-09", amount_minor=300, method_label="Visa ending 4242", by_autopay=True
)
READ_PLAN = Plan(READ, date(2026, 3, 9), 300, "Visa ending 4242", by_autopay=True)
CARD = letters_pb2.LetterMethod(
    label="Visa ending 4242", nickname="Office", expires_month=6, expires_year=2026, failure_reason="EXPIRED"
)
READ_CARD = Method("Visa ending 4242", "Office", 6, 2026, failure_reason="EXPIRED")
N = notices_pb2


def _letter(type: int, *, invoice: bool = True, **about: object) -> letters_pb2.Letter:
    return letters_pb2.Letter(
        type=type,
        recipients=[letters_pb2.Recipient(name="Ann", email="ann@x.test")],
        organization_id="org-1",
        organization_name="Whitfield",
        time_zone="Europe/Berlin",
        language="de-AT",
        today="2026-03-04",
        **({"invoice": INVOICE} if invoice else {}),
        **about,
    )


def _read(letter: letters_pb2.Letter) -> object:
    return verdict(scheduler_pb2.Review(notice_id="n-1", letter=letter))


SUMMARY = letters_pb2.LetterSummary(
    lines=[letters_pb2.SummaryLine(invoice=INVOICE, status=letters_pb2.LINE_STATUS_NEW)],
    more_invoices=3,
    totals=[letters_pb2.SummaryTotal(currency="EUR", open_minor=900, past_due_minor=100)],
    methods=[CARD],
)
PAYMENT = letters_pb2.LetterPayment(
    amount_minor=300, currency="EUR", method_label="Visa", ended_at=Timestamp(seconds=0), balance_minor=1
)
PLANS = letters_pb2.LetterPlans(
    plans=[PLAN], more_plans=2, totals=[letters_pb2.PlansTotal(currency="EUR", amount_minor=1200)]
)
ONE = letters_pb2.LetterPlans(plans=[PLAN])


@pytest.mark.parametrize(
    ("letter", "type", "about"),
    [
        (
            _letter(N.NOTICE_TYPE_DUE_NOTICE, due=letters_pb2.DueDate(days_past_due=-5, threshold_days=-5)),
            TemplateType.DUE_NOTICE_BEFORE,
            Due(-5, -5),
        ),
        (
            _letter(N.NOTICE_TYPE_DUE_NOTICE, due=letters_pb2.DueDate(days_past_due=31, threshold_days=30)),
            TemplateType.DUE_NOTICE_AFTER,
            Due(31, 30),
        ),
        (
            _letter(N.NOTICE_TYPE_PAYMENT_SUCCEEDED, payment=PAYMENT),
            TemplateType.PAYMENT_SUCCEEDED,
            Payment(300, "EUR", "Visa", datetime(1970, 1, 1, tzinfo=UTC), 1),
        ),
        (
            _letter(N.NOTICE_TYPE_ACCOUNT_SUMMARY, invoice=False, summary=SUMMARY),
            TemplateType.ACCOUNT_SUMMARY,
            Summary((SummaryLine(READ, LineStatus.NEW),), (Total("EUR", 900, 100),), 3, (READ_CARD,)),
        ),
        (
            _letter(N.NOTICE_TYPE_UPCOMING_PAYMENTS, invoice=False, plans=PLANS),
            TemplateType.UPCOMING_PAYMENTS,
            Plans((READ_PLAN,), 2, (PlansTotal("EUR", 1200),)),
        ),
        (
            _letter(N.NOTICE_TYPE_PAYMENT_SCHEDULED, plans=ONE),
            TemplateType.PAYMENT_SCHEDULED,
            Plans((READ_PLAN,)),
        ),
        (
            _letter(N.NOTICE_TYPE_PAYMENT_RESCHEDULED, invoice=False, plans=ONE),
            TemplateType.PAYMENT_RESCHEDULED,
            Plans((READ_PLAN,)),
        ),
        (
            _letter(N.NOTICE_TYPE_PAYMENT_CANCELLED, plans=ONE),
            TemplateType.PAYMENT_CANCELLED,
            Plans((READ_PLAN,)),
        ),
        (
            _letter(N.NOTICE_TYPE_METHOD_FAILED, invoice=False, method=CARD),
            TemplateType.METHOD_FAILED,
            READ_CARD,
        ),
        (
            _letter(N.NOTICE_TYPE_METHOD_EXPIRATION, invoice=False, method=CARD),
            TemplateType.METHOD_EXPIRING,
            READ_CARD,
        ),
        (
            _letter(
                N.NOTICE_TYPE_METHOD_EXPIRATION,
                invoice=False,
                method=letters_pb2.LetterMethod(
                    label="Visa", expires_month=1, expires_year=2026, expired=True
                ),
            ),
            TemplateType.METHOD_EXPIRED,
            Method("Visa", "", 1, 2026, expired=True),
        ),
        (
            _letter(N.NOTICE_TYPE_INVOICE, notification=letters_pb2.LetterNotification(plan=PLAN)),
            TemplateType.INVOICE,
            Notification(READ_PLAN),
        ),
        (
            _letter(N.NOTICE_TYPE_INVOICE, notification=letters_pb2.LetterNotification()),
            TemplateType.INVOICE,
            Notification(),
        ),
        (
            _letter(N.NOTICE_TYPE_WELCOME, invoice=False, access=letters_pb2.LetterAccess(contact_id=9)),
            TemplateType.WELCOME,
            Access(9),
        ),
        (
            _letter(
                N.NOTICE_TYPE_PASSWORD_RESET, invoice=False, access=letters_pb2.LetterAccess(contact_id=9)
            ),
            TemplateType.PASSWORD_RESET,
            Access(9),
        ),
    ],
    ids=lambda value: value.value if isinstance(value, TemplateType) else "",
)
def test_every_kind_of_letter_is_understood(
    letter: letters_pb2.Letter, type: TemplateType, about: object
) -> None:
    read = _read(letter)
    assert isinstance(read, Letter)
    assert (read.type, read.about) == (type, about)
    assert read.invoice == (READ if letter.HasField("invoice") else None)
    assert (read.language, read.today, read.time_zone) == ("de", date(2026, 3, 4), "Europe/Berlin")
    assert read.recipients == (Recipient("Ann", "ann@x.test"),)


def test_a_moved_payment_remembers_its_old_date() -> None:
    plan = letters_pb2.LetterPlan()
    plan.CopyFrom(PLAN)
    plan.moved_from = "2026-03-05"
    read = _read(_letter(N.NOTICE_TYPE_PAYMENT_RESCHEDULED, plans=letters_pb2.LetterPlans(plans=[plan])))
    assert isinstance(read, Letter)
    assert read.about == Plans((replace(READ_PLAN, moved_from=date(2026, 3, 5)),))


@pytest.mark.parametrize(
    ("tag", "read"), [("", ""), ("fr", ""), ("DE", "de"), ("en_GB", "en"), ("x" * 999, "")]
)
def test_a_language_without_texts_is_left_to_the_company(tag: str, read: str) -> None:
    letter = _letter(N.NOTICE_TYPE_INVOICE, notification=letters_pb2.LetterNotification())
    letter.language = tag
    found = _read(letter)
    assert isinstance(found, Letter)
    assert found.language == read


def _changed(
    letter: letters_pb2.Letter, change: Callable[[letters_pb2.Letter], object]
) -> letters_pb2.Letter:
    copy = letters_pb2.Letter()
    copy.CopyFrom(letter)
    change(copy)
    return copy


SUMMED = _letter(N.NOTICE_TYPE_ACCOUNT_SUMMARY, invoice=False, summary=SUMMARY)
PLANNED = _letter(N.NOTICE_TYPE_UPCOMING_PAYMENTS, invoice=False, plans=PLANS)
FAILED = _letter(N.NOTICE_TYPE_METHOD_FAILED, invoice=False, method=CARD)
NOTIFIED = _letter(N.NOTICE_TYPE_INVOICE, notification=letters_pb2.LetterNotification())


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (_letter(N.NOTICE_TYPE_DUE_NOTICE), "does not say what it is about"),
        (_letter(N.NOTICE_TYPE_WELCOME, summary=SUMMARY), "no template for the type 8 about summary"),
        (_letter(99, summary=SUMMARY), "no template for the type 99"),
        (_changed(NOTIFIED, lambda one: one.recipients.pop()), "names no recipient"),
        (_changed(NOTIFIED, lambda one: one.ClearField("invoice")), "names no invoice"),
        (_changed(NOTIFIED, lambda one: setattr(one, "today", "4.3.2026")), "is not a date"),
        (_changed(NOTIFIED, lambda one: setattr(one.invoice, "currency", "XXX")), "'XXX' is not a currency"),
        (_changed(NOTIFIED, lambda one: setattr(one.invoice, "due_on", "soon")), "'soon' is not a date"),
        (_changed(SUMMED, lambda one: setattr(one.summary.lines[0], "status", 9)), "no status 9"),
        (_changed(SUMMED, lambda one: setattr(one.summary.totals[0], "currency", "")), "is not a currency"),
        (_changed(PLANNED, lambda one: one.plans.plans.pop()), "names no payment"),
        (_changed(PLANNED, lambda one: setattr(one.plans.plans[0], "pays_on", "")), "has no pays_on"),
        (
            _changed(PLANNED, lambda one: setattr(one.plans.plans[0].invoice, "currency", "??")),
            "not a currency",
        ),
        (_changed(FAILED, lambda one: setattr(one.method, "expires_month", 13)), "no month 13"),
        (_changed(FAILED, lambda one: setattr(one.method, "expires_year", 0)), "no month 6 of the year 0"),
        (
            _letter(N.NOTICE_TYPE_PAYMENT_SCHEDULED, plans=letters_pb2.LetterPlans(plans=[PLAN, PLAN])),
            "is about one payment",
        ),
    ],
)
def test_what_makes_no_sense_says_why(letter: letters_pb2.Letter, why: str) -> None:
    read = _read(letter)
    assert isinstance(read, Unusable)
    assert read.reason.startswith("The second look cannot be understood: ")
    assert why in read.reason


def test_not_yet_says_until_when_and_why() -> None:
    late = scheduler_pb2.NotYet(reason="QUIET_HOURS", explanation="Held until 08:00.")
    late.not_before.FromDatetime(datetime(2026, 3, 3, 8, tzinfo=UTC))
    read = verdict(scheduler_pb2.Review(notice_id="n", not_yet=late))
    assert read == NotYet(datetime(2026, 3, 3, 8, tzinfo=UTC), "QUIET_HOURS", "Held until 08:00.")


def test_a_no_is_a_no_and_silence_is_not_a_yes() -> None:
    no = scheduler_pb2.Withheld(reason="PAUSED", explanation="On hold.")
    assert verdict(scheduler_pb2.Review(notice_id="n", withheld=no)) == Withheld("PAUSED", "On hold.")
    assert verdict(scheduler_pb2.Review(notice_id="n")) is None

"""Money, dates, instants and states as people read them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dunlin.mailer.v1.messages_pb2 import MessageEventKind, MessageState
from dunlin.mailer.v1.templates_pb2 import TemplateType
from dunlin.paynow.v1.books_pb2 import InvoiceStatus
from dunlin.paynow.v1.paynow_pb2 import PaymentState
from dunlin.scheduler.v1.notices_pb2 import NoticeState, NoticeType
from flask import Flask
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.site import formats, words


@pytest.fixture
def request_of(site: Flask) -> Iterator[None]:
    with site.test_request_context("/"):
        yield


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (123_450, "USD", "$1,234.50"),
        (-2_000, "EUR", "-€20.00"),
        (5_000, "JPY", "¥5,000"),
        (1_234_567, "KWD", "KWD 1,234.567"),
        (0, "USD", "$0.00"),
    ],
)
def test_money_has_its_currency_and_as_many_decimals_as_that_has(
    minor: int, currency: str, shown: str
) -> None:
    assert formats.money(minor, currency).replace("\xa0", " ") == shown


def test_a_date_is_written_out_and_none_is_empty() -> None:
    assert formats.day("2026-01-31") == "Jan 31, 2026"
    assert formats.weekday("2026-01-31") == "Saturday, January 31, 2026"
    assert formats.day("") == ""


@pytest.mark.usefixtures("request_of")
def test_an_instant_is_shown_in_the_zone_of_the_company() -> None:
    at = datetime(2026, 7, 4, 14, 0, tzinfo=UTC)
    assert formats.clock_time(at).replace("\u202f", " ") == "Jul 4, 2026, 9:00 AM CDT"
    element = formats.moment(at)
    assert 'datetime="2026-07-04T14:00:00+00:00"' in element
    assert 'title="Jul 4, 2026, 9:00:00 AM CDT"' in element
    assert ">Jul 4, 2026, 9:00 AM<" in element


@pytest.mark.usefixtures("request_of")
def test_an_instant_that_is_not_set_is_empty() -> None:
    assert formats.moment(Timestamp()) == formats.relative(None) == formats.clock_time(None) == ""


@pytest.mark.usefixtures("request_of")
def test_a_distance_in_time_says_its_direction() -> None:
    now = datetime(2026, 7, 4, 14, 0, tzinfo=UTC)
    assert ">in 3 hours<" in formats.relative(now + timedelta(hours=3), now)
    assert ">5 minutes ago<" in formats.relative(now - timedelta(minutes=5), now)


def test_an_address_keeps_its_lines_and_no_markup() -> None:
    assert formats.lines("1 Quay <b>\nPortland") == "1 Quay &lt;b&gt;<br>Portland"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (-5, "5 days before due"),
        (-1, "1 day before due"),
        (1, "1 day past due"),
        (1500, "1,500 days past due"),
    ],
)
def test_a_rule_is_named_by_its_days(days: int, text: str) -> None:
    assert words.threshold(days) == text


@pytest.mark.parametrize(
    ("enum", "known"),
    [
        (MessageState, words.MESSAGE_STATES),
        (MessageEventKind, words.MESSAGE_EVENTS),
        (NoticeState, words.NOTICE_STATES),
        (NoticeType, words.NOTICE_TYPES),
        (TemplateType, words.TEMPLATE_TYPES),
        (PaymentState, words.PAYMENT_STATES),
        (InvoiceStatus, words.INVOICE_STATUSES),
    ],
)
def test_every_state_of_the_contracts_has_a_word(enum: object, known: dict[int, object]) -> None:
    assert set(known) == set(enum.values()) - {0}  # type: ignore[attr-defined]

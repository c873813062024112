"""Amounts, dates and names in the words of a mail."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.mailer.domain.company import SHIPPED_SENDER
from services.mailer.domain.letter import Due, Recipient
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.templates import TemplateType
from services.mailer.wording import day, days, facts, failure, greeting, locale, moment, money, values
from services.shared.money import _DIGITS, in_words
from tests.fakes.mailer import COMPANY

LETTER = sample_letter(TemplateType.DUE_NOTICE_AFTER, date(2026, 3, 4))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (128_050, "USD", "$1,280.50"),
        (0, "USD", "$0.00"),
        (1_234, "JPY", "¥1,234"),
        (1_234_567, "KWD", "KWD\u00a01,234.567"),
        (5, "EUR", "€0.05"),
    ],
)
def test_amounts_have_their_currency_and_its_decimals(minor: int, currency: str, text: str) -> None:
    assert money(minor, currency) == text


def test_dates_cannot_be_misread() -> None:
    assert day(date(2026, 3, 4)) == "March 4, 2026"
    assert day(None) == ""
    assert moment(datetime(2026, 3, 4, 14, 5, tzinfo=UTC)) == "March 4, 2026, 2:05 PM UTC"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/Chicago", "March 4, 2026, 8:05 AM CST"),
        ("America/New_York", "March 4, 2026, 9:05 AM EST"),
        ("Asia/Tokyo", "March 4, 2026, 11:05 PM JST"),
        ("America/Sao_Paulo", "March 4, 2026, 11:05 AM UTC-03:00"),
        ("", "March 4, 2026, 2:05 PM UTC"),
        ("Mars/Olympus", "March 4, 2026, 2:05 PM UTC"),
        ("../../etc/passwd", "March 4, 2026, 2:05 PM UTC"),
    ],
)
def test_a_moment_is_told_in_the_zone_of_the_letter(zone: str, text: str) -> None:
    assert moment(datetime(2026, 3, 4, 14, 5, tzinfo=UTC), zone) == text


def test_summer_has_its_own_abbreviation_and_midnight_its_own_day() -> None:
    assert moment(datetime(2026, 7, 2, 3, 30, tzinfo=UTC), "America/Chicago") == "July 1, 2026, 10:30 PM CDT"


def test_the_time_of_a_payment_is_in_the_letters_zone() -> None:
    letter = sample_letter(TemplateType.PAYMENT_SUCCEEDED, date(2026, 3, 4))
    known = values(replace(letter, time_zone="America/Chicago"), COMPANY, "https://x.test")
    assert known["payment.date"] == "March 4, 2026, 8:30 AM CST"


def test_numbers_have_their_thousands_apart() -> None:
    assert days(735_526) == "735,526 days"
    known = values(replace(LETTER, due=Due(-12_345)), COMPANY, "https://x.test")
    assert (known["due.days"], known["due.when"]) == ("12,345", "in 12,345 days")


@pytest.mark.parametrize(
    ("sender", "reply_to", "phone", "words"),
    [
        ("billing@x.test", "", "", "reply to this email"),
        (SHIPPED_SENDER, "help@x.test", "", "reply to this email"),
        (SHIPPED_SENDER, "", "+1 207 555 0100", "call us at +1 207 555 0100"),
        (SHIPPED_SENDER, "", "", "contact us"),
        ("no-reply@x.test", "", "", "contact us"),
        ("DoNotReply@x.test", "", "", "contact us"),
        ("noreply@x.test", "help@x.test", "", "reply to this email"),
    ],
)
def test_readers_are_told_to_reply_only_where_somebody_reads_it(
    sender: str, reply_to: str, phone: str, words: str
) -> None:
    company = replace(COMPANY, from_address=sender, reply_to=reply_to, phone=phone)
    assert values(LETTER, company, "https://x.test")["company.reach_us"] == words


def test_days_count_in_words() -> None:
    assert [days(count) for count in (-5, -1, 0, 1, 15)] == ["5 days", "1 day", "today", "1 day", "15 days"]


def test_an_unknown_reason_of_a_failure_has_words_too() -> None:
    assert failure("CARD_DECLINED") == "the card was declined"
    assert failure("SOMETHING_NEW") == "the payment could not be completed"


@pytest.mark.parametrize(
    ("names", "greeted"),
    [
        (["Ann"], "Ann"),
        (["Ann", "Bob"], "Ann and Bob"),
        (["Ann", "Bob", "Eve"], "Ann, Bob, and Eve"),
        (["Ann", "Ann", " "], "Ann"),
        (["", ""], "Whitfield & Sons Bakery"),
        (["Ann", "Bob", "Eve", "Joe"], "Whitfield & Sons Bakery"),
    ],
)
def test_a_mail_greets_its_readers(names: list[str], greeted: str) -> None:
    recipients = tuple(Recipient(name, f"{at}@x.test") for at, name in enumerate(names))
    assert greeting(replace(LETTER, recipients=recipients)) == greeted


def test_a_fact_without_a_value_is_left_out_and_the_full_amount_if_nothing_was_paid() -> None:
    invoice = replace(LETTER.invoice, issued_on=None, balance_minor=LETTER.invoice.amount_minor)
    known = values(replace(LETTER, invoice=invoice), COMPANY, "https://x.test")
    assert [line.label for line in facts(LETTER.type, known)] == ["Invoice", "Due date", "Amount due"]


@given(st.integers(min_value=-(10**14), max_value=10**14), st.sampled_from(sorted(_DIGITS)))
@example(0, "USD")
@example(-5, "USD")
@example(100_000, "JPY")
@example(-1_234_567, "KWD")
def test_every_amount_is_written_as_babel_writes_it(minor: int, currency: str) -> None:
    assert money(minor, currency) == in_words(minor, currency, locale())

"""Amounts, dates, names and sentences of a mail, in each language."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from babel import Locale
from hypothesis import example, given
from hypothesis import strategies as st

from services.mailer.domain.company import SHIPPED_SENDER
from services.mailer.domain.languages import LANGUAGES
from services.mailer.domain.letter import (
    Due,
    Invoice,
    Plan,
    Plans,
    PlansTotal,
    Recipient,
    Summary,
    SummaryLine,
    Total,
)
from services.mailer.domain.letter import LineStatus as Status
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.templates import TemplateType
from services.mailer.rendering.content import content_of
from services.mailer.wording import speech
from services.mailer.wording.values import greeting, today_of, values
from services.mailer.wording.words import Words
from services.shared.money import _DIGITS, in_words
from tests.fakes.mailer import COMPANY

TODAY = date(2026, 3, 4)
LETTER = sample_letter(TemplateType.DUE_NOTICE_AFTER, TODAY)
EN, DE = speech("en"), speech("de")
URL = "https://x.test"
INVOICE = Invoice(1, "INV-1", None, None, 10_000, 10_000, "USD", "t")


def _plans(*days: int, more: int = 0, currencies: str = "USD") -> Plans:
    return Plans(
        tuple(
            Plan(replace(INVOICE, currency=currency), TODAY + timedelta(days=day), 10_000, "Visa ending 4242")
            for day, currency in zip(days, currencies.split() * len(days), strict=False)
        ),
        more,
    )


def _summary(count: int, *totals: Total) -> Summary:
    return Summary((SummaryLine(INVOICE, Status.OPEN),) * min(count, 2), totals, max(0, count - 2))


@pytest.mark.parametrize(
    ("minor", "currency", "english", "german"),
    [
        (128_050, "USD", "$1,280.50", "1.280,50\u00a0$"),
        (0, "EUR", "€0.00", "0,00\u00a0€"),
        (-123_450, "EUR", "-€1,234.50", "-1.234,50\u00a0€"),
        (1_234, "JPY", "¥1,234", "1.234\u00a0¥"),
        (1_234_567, "KWD", "KWD\u00a01,234.567", "1.234,567\u00a0KWD"),
    ],
)
def test_amounts_have_their_currency_and_its_decimals(
    minor: int, currency: str, english: str, german: str
) -> None:
    assert EN.money(minor, currency) == english
    assert DE.money(minor, currency) == german


@given(
    st.integers(min_value=-(10**14), max_value=10**14),
    st.sampled_from(sorted(_DIGITS)),
    st.sampled_from([language.tag for language in LANGUAGES]),
)
@example(0, "USD", "en")
@example(-5, "USD", "de")
@example(100_000, "JPY", "de")
@example(-1_234_567, "KWD", "en")
def test_every_amount_is_written_as_babel_writes_it(minor: int, currency: str, tag: str) -> None:
    spoken = speech(tag)
    assert spoken.money(minor, currency) == in_words(minor, currency, Locale.parse(spoken.locale))


def test_dates_cannot_be_misread() -> None:
    assert EN.day(TODAY) == "March 4, 2026"
    assert DE.day(TODAY) == "4. März 2026"
    assert (EN.short_day(TODAY), DE.short_day(TODAY)) == ("Mar 4, 2026", "04.03.2026")
    assert (EN.month(2026, 6), DE.month(2026, 3)) == ("June 2026", "März 2026")
    assert (EN.day(None), EN.short_day(None), EN.month(0, 0), EN.short_month(0, 0)) == ("", "", "", "")


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
    assert EN.moment(datetime(2026, 3, 4, 14, 5, tzinfo=UTC), zone) == text


def test_a_moment_is_told_as_the_language_tells_it() -> None:
    at = datetime(2026, 3, 4, 14, 5, tzinfo=UTC)
    assert DE.moment(at, "Europe/Berlin") == "4. März 2026, 15:05 Uhr CET"


def test_summer_has_its_own_abbreviation_and_midnight_its_own_day() -> None:
    at = datetime(2026, 7, 2, 3, 30, tzinfo=UTC)
    assert EN.moment(at, "America/Chicago") == "July 1, 2026, 10:30 PM CDT"


def test_the_time_of_a_payment_is_in_the_letters_zone() -> None:
    letter = replace(sample_letter(TemplateType.PAYMENT_SUCCEEDED, TODAY), time_zone="America/Chicago")
    assert values(letter, COMPANY, URL, EN)["payment.date"] == "March 4, 2026, 8:30 AM CST"


def test_today_is_the_letters_or_else_that_of_its_zone() -> None:
    at = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    letter = replace(LETTER, today=None, time_zone="Asia/Tokyo")
    assert today_of(letter, at) == date(2026, 3, 5)
    assert today_of(replace(letter, today=date(2026, 3, 3)), at) == date(2026, 3, 3)


def test_numbers_have_their_thousands_apart() -> None:
    assert EN.days(735_526) == "735,526 days"
    known = values(replace(LETTER, about=Due(-12_345)), COMPANY, URL, DE)
    assert (known["due.days"], known["due.when"]) == ("12.345", "in 12.345 Tagen")


@pytest.mark.parametrize(
    ("days", "english", "german"),
    [
        (5, ("5 days", "in 5 days"), ("5 Tage", "in 5 Tagen")),
        (1, ("1 day", "in 1 day"), ("1 Tag", "in 1 Tag")),
        (0, ("today", "today"), ("heute", "heute")),
        (-1, ("1 day", "1 day ago"), ("1 Tag", "vor 1 Tag")),
        (-15, ("15 days", "15 days ago"), ("15 Tage", "vor 15 Tagen")),
    ],
)
def test_days_count_and_decline(days: int, english: tuple[str, str], german: tuple[str, str]) -> None:
    assert (EN.days(days), EN.when(days)) == english
    assert (DE.days(days), DE.when(days)) == german


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
    assert values(LETTER, company, URL, EN)["company.reach_us"] == words


def test_german_readers_are_told_the_same() -> None:
    assert DE.reach_us(replies=True, phone="1") == "antworten Sie bitte auf diese E-Mail"
    assert DE.reach_us(replies=False, phone="0123 4") == "rufen Sie uns bitte unter 0123 4 an"
    assert DE.reach_us(replies=False, phone="") == "melden Sie sich bitte bei uns"


@pytest.mark.parametrize(
    ("names", "english", "german"),
    [
        (["Ann"], "Ann", "Ann"),
        (["Ann", "Bob"], "Ann and Bob", "Ann und Bob"),
        (["Ann", "Bob", "Eve"], "Ann, Bob, and Eve", "Ann, Bob und Eve"),
        (["Ann", "Ann", " "], "Ann", "Ann"),
        (["", ""], "Whitfield & Sons Bakery", "Whitfield & Sons Bakery"),
        (["Ann", "Bob", "Eve", "Joe"], "Whitfield & Sons Bakery", "Whitfield & Sons Bakery"),
    ],
)
def test_a_mail_greets_its_readers(names: list[str], english: str, german: str) -> None:
    recipients = tuple(Recipient(name, f"{at}@x.test") for at, name in enumerate(names))
    letter = replace(LETTER, recipients=recipients)
    assert (greeting(letter, EN), greeting(letter, DE)) == (english, german)


@pytest.mark.parametrize("tag", [language.tag for language in LANGUAGES])
def test_a_reason_that_nobody_knows_has_words_too(tag: str) -> None:
    assert speech(tag).payment_failure("NEW_REASON") == speech(tag).words.payment_failed_somehow
    assert speech(tag).method_failure("NEW_REASON") == speech(tag).words.method_failed_somehow


def test_the_languages_know_the_same_reasons_and_have_words_of_their_own() -> None:
    for field in fields(Words):
        english, german = getattr(EN.words, field.name), getattr(DE.words, field.name)
        if not isinstance(english, str):
            assert english.keys() == german.keys()
        elif field.name not in ("status", "name", "autopay", "test_mark"):
            assert english != german, field.name


@pytest.mark.parametrize(
    ("label", "german"),
    [
        ("Visa ending 4242", "Visa mit den Endziffern 4242"),
        ("Bank account ending 6789", "Bankkonto mit den Endziffern 6789"),
        ("Card", "Karte"),
        ("Apple Pay", "Apple Pay"),
        ("", ""),
    ],
)
def test_a_method_is_named_in_the_language(label: str, german: str) -> None:
    assert (EN.method(label), DE.method(label)) == (label, german)


USD_LATE, USD, EUR = Total("USD", 45_000, 10_000), Total("USD", 45_000, 0), Total("EUR", 900, 900)


@pytest.mark.parametrize(
    ("summary", "english", "german"),
    [
        (_summary(0), "There are no open invoices.", "Es sind keine Rechnungen offen."),
        (
            _summary(1, USD),
            "One invoice of $450.00 is open and not yet past due.",
            "Eine Rechnung über 450,00 $ ist offen, aber noch nicht überfällig.",
        ),
        (
            _summary(1, Total("USD", 5, 5)),
            "One invoice of $0.05 is open and past due.",
            "Eine Rechnung über 0,05 $ ist offen und überfällig.",
        ),
        (
            _summary(3, USD),
            "3 invoices are open, $450.00 in all, and nothing is past due.",
            "3 Rechnungen über zusammen 450,00 $ sind offen, nichts davon ist überfällig.",
        ),
        (
            _summary(1_234, USD_LATE, EUR),
            "1,234 invoices are open, $450.00 and €9.00 in all, of which $100.00 and €9.00 is past due.",
            "1.234 Rechnungen über zusammen 450,00 $ und 9,00 € sind offen, davon sind 100,00 $ und 9,00 €"
            " überfällig.",
        ),
    ],
)
def test_an_account_is_summed_up_in_a_sentence(summary: Summary, english: str, german: str) -> None:
    assert EN.summary_sentence(summary) == english
    assert DE.summary_sentence(summary).replace("\u00a0", " ") == german


@pytest.mark.parametrize(
    ("plans", "english", "german"),
    [
        (
            _plans(3),
            "We will collect a payment of $100.00 on March 7, 2026, in 3 days.",
            "Wir buchen am 7. März 2026 (in 3 Tagen) eine Zahlung über 100,00 $ ab.",
        ),
        (
            _plans(0, 0),
            "We will collect 2 payments, $200.00 in all, on March 4, 2026, today.",
            "Wir buchen am 4. März 2026 (heute) 2 Zahlungen über zusammen 200,00 $ ab.",
        ),
        (
            _plans(1, 2, currencies="USD EUR"),
            "We will collect 2 payments, $100.00 and €100.00 in all. The first one is on March 5, 2026,"
            " in 1 day.",
            "Wir buchen 2 Zahlungen über zusammen 100,00 $ und 100,00 € ab, die erste am 5. März 2026"
            " (in 1 Tag).",
        ),
        (
            _plans(1, 1, more=3),
            "We will collect 5 payments, more than $200.00 in all. The first one is on March 5, 2026,"
            " in 1 day.",
            "Wir buchen 5 Zahlungen über zusammen mehr als 200,00 $ ab, die erste am 5. März 2026"
            " (in 1 Tag).",
        ),
        (
            replace(_plans(1, 1, more=3), totals=(PlansTotal("USD", 70_000), PlansTotal("EUR", 500))),
            "We will collect 5 payments, $700.00 and €5.00 in all. The first one is on March 5, 2026,"
            " in 1 day.",
            "Wir buchen 5 Zahlungen über zusammen 700,00 $ und 5,00 € ab, die erste am 5. März 2026"
            " (in 1 Tag).",
        ),
    ],
)
def test_coming_payments_are_told_in_a_sentence(plans: Plans, english: str, german: str) -> None:
    assert EN.plans_sentence(plans, TODAY) == english
    assert DE.plans_sentence(plans, TODAY).replace("\u00a0", " ") == german


def test_a_change_names_the_old_date_only_if_there_is_another_one() -> None:
    [plan] = _plans(3).plans
    moved = replace(plan, moved_from=TODAY)
    assert EN.change_sentence(plan) == "We will now collect $100.00 on March 7, 2026."
    assert EN.change_sentence(moved) == (
        "We will now collect $100.00 on March 7, 2026, instead of March 4, 2026."
    )
    assert (
        DE.change_sentence(moved) == "Wir buchen nun 100,00\u00a0$ am 7. März 2026 statt am 4. März 2026 ab."
    )


def test_an_invoice_that_is_paid_by_itself_says_by_whom_and_with_what() -> None:
    [plan] = _plans(3).plans
    bare = replace(plan, method_label="", by_autopay=True)
    rest, weiter = " There is nothing for you to do.", " Sie brauchen nichts weiter zu tun."
    assert EN.paid_by_itself(bare) == f"AutoPay will pay $100.00 on March 7, 2026.{rest}"
    assert EN.paid_by_itself(plan) == (
        f"As scheduled, we will collect $100.00 on March 7, 2026 with Visa ending 4242.{rest}"
    )
    assert DE.paid_by_itself(bare) == f"AutoPay bezahlt am 7. März 2026 100,00\u00a0$.{weiter}"


@pytest.mark.parametrize(
    ("count", "english", "german"),
    [
        (1, "And 1 more invoice, included in the total.", "1 weitere Rechnung ist in der Summe enthalten."),
        (
            2,
            "And 2 more invoices, included in the total.",
            "2 weitere Rechnungen sind in der Summe enthalten.",
        ),
    ],
)
def test_what_is_not_shown_is_counted(count: int, english: str, german: str) -> None:
    assert (EN.more_invoices(count), DE.more_invoices(count)) == (english, german)
    assert DE.more_payments(1) == "Hinzu kommt 1 weitere Zahlung."
    assert DE.more_payments(2) == "Hinzu kommen 2 weitere Zahlungen."
    assert EN.more_payments(1) == "And 1 more payment."


def test_a_fact_without_a_value_is_left_out_and_the_full_amount_if_nothing_was_paid() -> None:
    assert LETTER.invoice is not None
    invoice = replace(LETTER.invoice, issued_on=None, balance_minor=LETTER.invoice.amount_minor)
    letter = replace(LETTER, invoice=invoice)
    facts = content_of(letter, values(letter, COMPANY, URL, EN), COMPANY, URL, EN).facts
    assert [fact.label for fact in facts] == ["Invoice", "Due date", "Amount due"]

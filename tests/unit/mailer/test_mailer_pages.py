"""What stands in mails of each type: tables, links, the portal, and how long a mail may become."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.letter import (
    Invoice,
    Letter,
    LineStatus,
    Method,
    Notification,
    Recipient,
    Summary,
    SummaryLine,
    Total,
)
from services.mailer.domain.message import Claimed, Rendered
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.mime import body_of
from services.mailer.rendering import MailPress, plain
from services.mailer.rendering.content import MOST_ROWS
from tests.unit.mailer.golden_mails import COMPANY, TODAY

AT = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
URL = "https://pay.example.test"
PORTAL = f"{URL}/portal"
SEALED = "Sealed-Token_1"
PRESS = MailPress(URL, portal_tokens=lambda notice_id, at: f"{SEALED}.{notice_id}.{at:%H}")
LONGEST_MAIL = 100_000
"""Gmail cuts off what is longer than 102 kB."""

T = TemplateType


def _write(letter: Letter, company: Company = COMPANY, areas: Areas | None = None) -> Rendered:
    key = Key(letter.type, letter.language)
    template = Template(key, 1, areas or SHIPPED[key], AT, "")
    return PRESS.write(letter, template, Profile(company, 1), Claimed(1, "n-1", "<n-1@x.test>", "a", AT), AT)


def _invoice(number: int, currency: str = "USD") -> Invoice:
    return Invoice(
        number, f"INV-{number:05}", TODAY, TODAY, 1_234_500, 1_234_500, currency, f"token-{number}.signature"
    )


def _summary(count: int, *, more: int = 0, language: str = "en") -> Letter:
    lines = tuple(SummaryLine(_invoice(n), LineStatus.PAST_DUE) for n in range(count))
    total = Total("USD", 1_234_500 * (count + more), 1_234_500)
    letter = sample_letter(T.ACCOUNT_SUMMARY, TODAY, language=language)
    return replace(letter, about=Summary(lines, (total,), more))


@pytest.mark.parametrize("type", [T.DUE_NOTICE_BEFORE, T.DUE_NOTICE_AFTER, T.PAYMENT_FAILED, T.INVOICE])
def test_the_button_pays_without_a_login_or_leads_to_the_portal(type: TemplateType) -> None:
    letter = sample_letter(type, TODAY)
    body = body_of(_write(letter).mime)
    assert f'<a href="{URL}/pay/sample"' in body.html
    assert f"Pay Invoice: {URL}/pay/sample" in body.text
    without = body_of(_write(letter, replace(COMPANY, pay_links=False)).mime)
    assert f"Pay Invoice: {PORTAL}" in without.text
    assert "/pay/" not in without.html + without.text


@pytest.mark.parametrize(
    "type", [T.PAYMENT_SUCCEEDED, T.PAYMENT_SCHEDULED, T.UPCOMING_PAYMENTS, T.METHOD_FAILED]
)
def test_what_needs_no_paying_has_no_button_for_it(type: TemplateType) -> None:
    body = body_of(_write(sample_letter(type, TODAY)).mime)
    assert "Pay Invoice" not in body.html + body.text


@pytest.mark.parametrize("type", [T.INVOICE, T.PAYMENT_CANCELLED])
def test_an_invoice_that_is_paid_asks_for_nothing(type: TemplateType) -> None:
    letter = sample_letter(type, TODAY)
    assert letter.invoice is not None
    paid = replace(letter, invoice=replace(letter.invoice, balance_minor=0))
    assert "Pay Invoice:" in body_of(_write(letter).mime).text
    assert "Pay Invoice:" not in body_of(_write(paid).mime).text


def test_each_line_of_a_summary_has_its_own_pay_link_unless_mails_bear_none() -> None:
    letter = _summary(3)
    body = body_of(_write(letter).mime)
    for number in range(3):
        link = f"{URL}/pay/token-{number}.signature"
        assert f'href="{link}"' in body.html
        assert f"Pay: {link}" in body.text
        assert f'aria-label="Pay INV-{number:05}"' in body.html
    without = body_of(_write(letter, replace(COMPANY, pay_links=False)).mime)
    assert "/pay/" not in without.html + without.text
    assert f"Go to Portal: {PORTAL}" in without.text


def test_a_summary_names_status_totals_of_each_currency_and_what_is_not_shown() -> None:
    lines = (
        SummaryLine(_invoice(1), LineStatus.PAST_DUE),
        SummaryLine(_invoice(2, "EUR"), LineStatus.OPEN),
        SummaryLine(_invoice(3, "JPY"), LineStatus.NEW),
    )
    totals = (Total("USD", 100, 50), Total("EUR", 200, 0), Total("JPY", 300, 300))
    letter = replace(sample_letter(T.ACCOUNT_SUMMARY, TODAY), about=Summary(lines, totals, 4))
    text = body_of(_write(letter).mime).text
    for words in ("Past due  INV-00001", "Open      INV-00002", "New       INV-00003", "¥1,234,500"):
        assert words in text
    assert re.search(r"Total +\$1\.00\n +Total +€2\.00\n +Total +¥300\n", text)
    assert "And 4 more invoices, included in the total." in text
    assert "7 invoices are open, $1.00, €2.00, and ¥300 in all, of which $0.50 and ¥300 is past due." in text


def test_cards_stand_in_a_summary_only_if_there_are_any() -> None:
    assert "Cards that need" not in body_of(_write(_summary(1)).mime).text
    cards = (Method("Visa ending 1", "", 2, 2026, expired=True), Method("Visa ending 2", "Mine", 4, 2026))
    letter = replace(_summary(0), about=Summary((), (), 0, cards))
    text = body_of(_write(letter).mime).text
    assert "Expired       Visa ending 1" in text
    assert "Expires soon  Visa ending 2 (Mine)" in text
    assert "There are no open invoices." in text
    assert "Open invoices" not in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_longest_summary_is_not_cut_off_by_mail_programs(language: str) -> None:
    body = body_of(_write(_summary(200, more=1000, language=language)).mime)
    assert len(body.html.encode()) < LONGEST_MAIL
    assert body.text.count("/pay/token-") == MOST_ROWS
    rest = 1200 - MOST_ROWS
    assert f"{rest:,}".replace(",", "." if language == "de" else ",") in body.text


def test_a_mail_tells_of_the_payment_that_comes_by_itself_only_if_there_is_one() -> None:
    letter = sample_letter(T.INVOICE, TODAY)
    assert "AutoPay will pay $980.50 on March 9, 2026" in body_of(_write(letter).mime).text
    assert "AutoPay" not in body_of(_write(replace(letter, about=Notification())).mime).text


@pytest.mark.parametrize("type", [T.WELCOME, T.PASSWORD_RESET])
def test_only_the_mail_itself_opens_the_portal(type: TemplateType) -> None:
    letter = sample_letter(type, TODAY)
    letter = replace(letter, about=replace(letter.about, token=""))
    rendered = _write(letter)
    link = f"{PORTAL}/{'welcome' if type is T.WELCOME else 'reset'}/{SEALED}.n-1.15"
    sent, kept = body_of(rendered.mime), body_of(rendered.record)
    assert link in sent.text
    assert sent.html.count(link) == 2, "one for Outlook, one for all others"
    assert SEALED not in kept.html + kept.text
    assert SEALED.encode() not in rendered.record
    assert sent.html.replace(f"{SEALED}.n-1.15", "********") == kept.html
    assert PORTAL + "\n" not in sent.text, "no second link that leads elsewhere"


def test_a_subject_never_opens_the_portal() -> None:
    letter = sample_letter(T.WELCOME, TODAY)
    letter = replace(letter, about=replace(letter.about, token=""))
    areas = Areas("{{ access.link }}", "{{ access.link }}", "<p>{{ access.link }}</p>", "")
    rendered = _write(letter, areas=areas)
    assert rendered.subject == f"{PORTAL}/welcome/********"
    assert SEALED not in body_of(rendered.record).html
    assert body_of(rendered.mime).html.count(SEALED) == 5


def test_other_mails_are_kept_as_they_were_sent() -> None:
    rendered = _write(_summary(1))
    assert rendered.record is rendered.mime


class _Reader(HTMLParser):
    """Notes what people without eyes, or with another mail program, depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_a_mail_can_be_listened_to(key: Key) -> None:
    html = body_of(_write(sample_letter(key.type, TODAY, language=key.language)).mime).html
    reader = _Reader()
    reader.feed(html)
    assert reader.tags[0] == ("html", reader.tags[0][1])
    assert (reader.tags[0][1]["lang"], reader.tags[0][1]["dir"]) == (key.language, "ltr")
    for tag, attributes in reader.tags:
        if tag == "th":
            assert attributes.get("scope") in ("row", "col")
        if tag == "table":
            is_data = "facts" in (attributes.get("class") or "") or attributes.get("aria-label")
            assert bool(is_data) is (attributes.get("role") != "presentation")
        if tag == "img":
            assert attributes.get("alt")
    assert sum(tag == "h1" for tag, _attributes in reader.tags) == 1


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_nothing_is_fetched_from_outside(key: Key) -> None:
    html = body_of(_write(sample_letter(key.type, TODAY, language=key.language)).mime).html
    assert not re.search(r"\ssrc=|url\(|<link|@import|<script", html)


HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</td></tr></table><h1>x",
        '" onmouseover="x',
        "<!--[if mso]>",
        "--><b>",
        "\u202eevil\u202c",
        "שלום עולם",
        "👩‍👩‍👧 & Co",
        "{{ access.link }}",
        "a\r\nBcc: b@x.test",
        "x" * 300,
        "",
    ]
)


@settings(max_examples=60, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(list(SHIPPED)))
def test_no_name_breaks_out_of_its_place(contact: str, organization: str, other: str, key: Key) -> None:
    letter = sample_letter(key.type, TODAY, language=key.language)
    letter = replace(
        letter,
        recipients=(Recipient(contact, "dana@x.test"),),
        organization_name=organization,
        invoice=letter.invoice and replace(letter.invoice, number=other),
    )
    if isinstance(letter.about, Summary):
        [line, *_rest] = letter.about.lines
        line = replace(line, invoice=replace(line.invoice, number=other))
        card = Method(other, contact, 1, 2026)
        letter = replace(letter, about=replace(letter.about, lines=(line,), methods=(card,)))
    elif isinstance(letter.about, Method):
        letter = replace(letter, about=replace(letter.about, label=other, nickname=contact))
    rendered, usual = _write(letter), _write(sample_letter(key.type, TODAY, language=key.language))
    assert len(rendered.subject.splitlines()) <= 1
    assert b"\r\nBcc:" not in rendered.mime.partition(b"\r\n\r\n")[0]
    reader = _Reader()
    reader.feed(body_of(rendered.mime).html)
    assert "script" not in {tag for tag, _attributes in reader.tags}
    assert "<script" not in body_of(rendered.mime).html.lower(), (
        "nor anywhere, for filters that do not read tags"
    )
    assert not [attributes for _tag, attributes in reader.tags if "onmouseover" in attributes]
    assert sum(tag == "h1" for tag, _attributes in reader.tags) == 1
    assert len(rendered.mime) < len(usual.mime) + 20_000


@pytest.mark.parametrize("number", ["<script>alert(1)</script>", 'a"><b>', "a='<i>'", "1 < 2 & 3 > 2"])
def test_angle_brackets_are_escaped_in_attributes_too_and_readers_hear_what_was_written(number: str) -> None:
    letter = sample_letter(TemplateType.ACCOUNT_SUMMARY, TODAY)
    assert isinstance(letter.about, Summary)
    [one, *_rest] = letter.about.lines
    lines = (replace(one, invoice=replace(one.invoice, number=number)),)
    html = body_of(_write(replace(letter, about=replace(letter.about, lines=lines))).mime).html
    reader = _Reader()
    reader.feed(html)
    labels = [told for _tag, attributes in reader.tags if (told := attributes.get("aria-label"))]
    assert [told for told in labels if number in told], "unescaped once, it is what it was"
    for value in re.findall(r'aria-label="([^"]*)"', html):
        assert not set("<>") & set(value)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("ab 漢é🎉\u0301", max_size=12), st.text("xy字", max_size=8)), max_size=5))
def test_columns_of_text_line_up_whatever_the_script(cells: list[tuple[str, str]]) -> None:
    widths = {
        plain.width(plain.padded(left, 30) + plain.padded(right, 20, right=True)) for left, right in cells
    }
    assert widths <= {50}


def test_dates_of_today_decide_how_far_away_a_payment_is() -> None:
    letter = sample_letter(T.UPCOMING_PAYMENTS, TODAY)
    assert "on March 7, 2026, in 3 days" in body_of(_write(letter).mime).text
    later = replace(letter, today=date(2026, 3, 6))
    assert "on March 7, 2026, in 1 day." in body_of(_write(later).mime).text
    unset = replace(letter, today=None, time_zone="Pacific/Kiritimati")
    assert AT.date() + timedelta(days=1) == date(2026, 3, 5)
    assert "on March 7, 2026, in 2 days" in body_of(_write(unset).mime).text


LEAVING = MailPress(URL, unsubscribe_tokens=lambda link: f"leave.{link.notice_id}")


@pytest.mark.parametrize("type", TemplateType)
def test_who_may_have_no_more_of_a_mail_finds_the_way_out_below_it(type: TemplateType) -> None:
    letter = sample_letter(type, TODAY)
    key = Key(type)
    template, message = Template(key, 1, SHIPPED[key], AT, ""), Claimed(1, "n-1", "<n-1@x.test>", "a", AT)
    body = body_of(LEAVING.write(letter, template, Profile(COMPANY, 1), message, AT).mime)
    may_leave = type in (T.ACCOUNT_SUMMARY, T.UPCOMING_PAYMENTS)
    assert (f'href="{URL}/unsubscribe/leave.n-1"' in body.html) is may_leave
    assert (f"Unsubscribe from these emails: {URL}/unsubscribe/leave.n-1" in body.text) is may_leave
    preview = LEAVING.preview(key, SHIPPED[key], Profile(COMPANY, 1), TODAY)
    assert (f"{URL}/unsubscribe/sample" in preview.text) is may_leave

"""Mails as they come out: golden texts, and values that try to be more than values."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.mailer.domain.company import SHIPPED_SENDER, Company, Profile
from services.mailer.domain.letter import Due, Letter, Recipient
from services.mailer.domain.message import CannotWrite, Claimed, Rendered
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.mime import _checked, _on_the_wire, body_of
from tests.unit.mailer.golden_mails import COMPANY, FOLDER, PRESS, TODAY, all_golden, golden

AT = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
# The smallest PNG: one pixel.
LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
ENGLISH = [key for key in SHIPPED if key.language == "en"]
BEFORE, AFTER = TemplateType.DUE_NOTICE_BEFORE, TemplateType.DUE_NOTICE_AFTER


def _write(letter: Letter, company: Company = COMPANY, areas: Areas | None = None) -> Rendered:
    key = Key(letter.type, letter.language)
    template = Template(key, 1, areas or SHIPPED[key], AT, "")
    return PRESS.write(letter, template, Profile(company, 1), Claimed(1, "n-1", "<n-1@x.test>", "a", AT), AT)


def _parsed(rendered: Rendered) -> EmailMessage:
    message = message_from_bytes(rendered.mime, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def _named(**names: str) -> Letter:
    letter = sample_letter(AFTER, TODAY)
    return replace(
        letter,
        organization_name=names.get("organization", letter.organization_name),
        recipients=(Recipient(names.get("contact", "Dana"), "dana@x.test"),),
        invoice=replace(letter.invoice, number=names.get("number", "INV-1")),
    )


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_the_shipped_mails_look_and_read_as_approved(key: Key) -> None:
    for path, content in golden(key).items():
        assert content == path.read_text(encoding="utf-8"), f"{path.name}: see golden_mails.py"


def test_there_is_no_golden_file_of_a_mail_that_is_not() -> None:
    assert set(FOLDER.iterdir()) == {path for path, _content in all_golden()}


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_no_shipped_text_asks_for_a_reply_that_nobody_would_read(key: Key) -> None:
    silent = replace(COMPANY, reply_to="", from_address=SHIPPED_SENDER)
    words = {"en": ("reply to this email", "call us at +1 207"), "de": ("antworten Sie", "unter +1 207")}
    reply, call = words[key.language]
    mail = PRESS.preview(key, SHIPPED[key], Profile(silent, 1), TODAY)
    assert reply in PRESS.preview(key, SHIPPED[key], Profile(COMPANY, 1), TODAY).text
    assert reply not in mail.text
    assert call in mail.text


@pytest.mark.parametrize(
    ("days", "subject"),
    [
        (-5, "Invoice INV-00417 is due in 5 days"),
        (-1, "Invoice INV-00417 is due in 1 day"),
        (0, "Invoice INV-00417 is due today"),
    ],
)
def test_a_reminder_says_how_many_days_are_left(days: int, subject: str) -> None:
    assert _write(replace(sample_letter(BEFORE, TODAY), about=Due(days))).subject == subject


def test_styles_stand_on_the_elements_and_nothing_is_fetched_from_outside() -> None:
    html = body_of(_write(sample_letter(AFTER, TODAY)).mime).html
    assert "background: #1f4e79" in html
    assert "prefers-color-scheme: dark" in html
    assert html.count("<style") == 1
    assert "src=" not in html
    assert "<link" not in html


def test_a_logo_travels_within_the_mail() -> None:
    message = _parsed(_write(sample_letter(AFTER, TODAY), replace(COMPANY, logo=LOGO)))
    kinds = [part.get_content_type() for part in message.walk()]
    related = ["multipart/related", "text/html", "image/png"]
    assert kinds == ["multipart/alternative", "text/plain", *related]
    [image] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert image["Content-ID"] == "<logo>"
    assert image.get_content() == LOGO
    assert 'src="cid:logo"' in body_of(message.as_bytes()).html


def test_a_preview_carries_its_logo_in_the_page() -> None:
    company = Profile(replace(COMPANY, logo=LOGO), 1)
    assert "data:image/png;base64," in PRESS.preview(Key(AFTER), SHIPPED[Key(AFTER)], company, TODAY).html


def test_preview_and_mail_are_the_same_text() -> None:
    preview = PRESS.preview(Key(AFTER), SHIPPED[Key(AFTER)], Profile(COMPANY, 1), TODAY)
    mail = body_of(_write(sample_letter(AFTER, TODAY)).mime)
    assert (mail.html, mail.text) == (preview.html, preview.text)


def test_names_are_text_in_html_and_never_markup() -> None:
    letter = _named(contact="<script>alert(1)</script>", organization="<b>x</b>", number="<i>&amp;")
    html = body_of(_write(letter).mime).html
    assert "<script" not in html
    assert "<i>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;i&gt;&amp;amp;" in html


@pytest.mark.parametrize("name", ["{{ company.name }}", "{{ 7*7 }}", "{% for x in y %}", "${7*7}"])
def test_a_name_that_looks_like_a_template_stays_a_name(name: str) -> None:
    rendered = _write(_named(contact=name, number=name))
    assert name in rendered.subject
    assert name in body_of(rendered.mime).text


def test_a_token_in_a_link_cannot_become_a_script() -> None:
    areas = replace(SHIPPED[Key(AFTER)], header='<p><a href="{{ organization.name }}">x</a></p>')
    html = body_of(_write(_named(organization="javascript:alert(1)"), areas=areas).mime).html
    assert "javascript:" not in html


def test_links_in_the_text_part_show_where_they_lead() -> None:
    areas = replace(SHIPPED[Key(AFTER)], footer='<p>See <a href="https://x.test/terms">our terms</a>.</p>')
    assert "[our terms](https://x.test/terms)" in body_of(_write(_named(), areas=areas).mime).text


@pytest.mark.parametrize(
    "name", ["a\r\nBcc: all@x.test", "a\nb", "a\x00b", "a\u2028b", "=?utf-8?q?a=0D=0ABcc:b?="]
)
def test_no_name_adds_a_header(name: str) -> None:
    areas = replace(SHIPPED[Key(AFTER)], subject="{{ contact.name }} {{ organization.name }}")
    rendered = _write(_named(contact=name, organization=name), replace(COMPANY, name="x"), areas)
    message = _parsed(rendered)
    expected = ["From", "Reply-To", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
    expected += ["X-Auto-Response-Suppress"]
    assert list(message.keys()) == [*expected, "X-Dunlin-Notice", "MIME-Version", "Content-Type"]
    assert len(message["Subject"].splitlines()) == 1


@settings(max_examples=150, deadline=2000)
@given(st.text(max_size=400), st.text(max_size=200))
def test_whatever_a_client_is_called_the_mail_can_be_read_back(name: str, number: str) -> None:
    areas = replace(SHIPPED[Key(AFTER)], subject="{{ contact.name }}: {{ invoice.number }}")
    rendered = _write(_named(contact=name, number=number), areas=areas)
    message = _parsed(rendered)
    assert len(rendered.subject.splitlines()) <= 1
    assert len(rendered.subject) <= 300
    assert "".join(str(message["Subject"]).split()) == "".join(rendered.subject.split())
    assert [address.addr_spec for address in message["To"].addresses] == ["dana@x.test"]
    assert max(map(len, rendered.mime.split(b"\r\n"))) <= 998
    assert rendered.mime.isascii()
    assert b"\n" not in rendered.mime.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "name",
    [
        "Ann Lee",
        'Ann "the boss" Lee, Inc.',
        "Jürgen Müller, (GmbH)",
        "שלום עולם",
        "🎉 Party, Inc.",
        "a\\b",
        "=?utf-8?q?hi?=",
    ],
)
def test_names_of_people_arrive_as_they_are(name: str) -> None:
    message = _parsed(_write(_named(contact=name), replace(COMPANY, name=name)))
    assert [address.display_name for address in message["To"].addresses] == [name]
    assert [address.display_name for address in message["From"].addresses] == [name]


def test_all_recipients_stand_in_to_once() -> None:
    people = [("Ann", "ann@x.test"), ("Bob", "bob@x.test"), ("Ann again", "ann@x.test")]
    letter = replace(_named(), recipients=tuple(Recipient(*person) for person in people))
    rendered = _write(letter)
    assert rendered.recipients == ("ann@x.test", "bob@x.test")
    assert [a.addr_spec for a in _parsed(rendered)["To"].addresses] == ["ann@x.test", "bob@x.test"]


def test_an_international_domain_needs_no_smtputf8_but_a_local_part_does() -> None:
    letter = _named()
    domain = _write(replace(letter, recipients=(Recipient("", "ann@bücher.example"),)))
    assert (domain.recipients, domain.needs_utf8) == (("ann@xn--bcher-kva.example",), False)
    local = _write(replace(letter, recipients=(Recipient("", "jörg@x.test"),)))
    assert (local.recipients, local.needs_utf8) == (("jörg@x.test",), True)


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "ann@x.test\r\nRCPT TO:<b@x.test>", "a b@x.test", "<a@x.test>"]
)
def test_what_is_no_address_is_refused_by_name(email: str) -> None:
    with pytest.raises(CannotWrite, match="is not an email address"):
        _write(replace(_named(), recipients=(Recipient("", email),)))


def test_the_headers_say_what_the_mail_is() -> None:
    message = _parsed(_write(_named()))
    assert message["From"] == "Harbour & Co <billing@x.test>"
    assert message["Reply-To"] == "help@x.test"
    assert message["Message-ID"] == "<n-1@x.test>"
    assert message["X-Dunlin-Notice"] == "n-1"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == AT
    assert message["List-Unsubscribe"] is None
    assert _parsed(_write(_named(), replace(COMPANY, reply_to="")))["Reply-To"] is None


def test_a_template_full_of_tokens_grows_no_further_than_it_may() -> None:
    areas = replace(
        SHIPPED[Key(AFTER)], header="{{ company.address }}" * 200, footer="{{ company.address }}" * 200
    )
    rendered = _write(_named(), replace(COMPANY, address="x" * 500), areas)
    assert len(rendered.mime) < 1_000_000


@example(local="WWW", domain="x.test")
@given(
    local=st.from_regex(r"[A-Za-z0-9._+-]{1,70}", fullmatch=True),
    domain=st.sampled_from(["x.test", "Exämple.test", "x", "x..test", "-x.test", "X.TEST", "", "x.test "]),
)
def test_a_usual_address_is_judged_as_the_library_judges_it(local: str, domain: str) -> None:
    def judged(judge: Callable[[str], str]) -> str | None:
        try:
            return judge(f"{local}@{domain}")
        except CannotWrite:
            return None

    assert judged(_on_the_wire) == judged(_checked)

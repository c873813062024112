"""The headers of a mail: what they promise machines, and that nothing in a name or subject adds one."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.company import Profile
from services.mailer.domain.letter import Recipient
from services.mailer.domain.message import Claimed, Lane
from services.mailer.domain.sample import sample_of
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Key, Template, TemplateType
from services.mailer.domain.tokens import one_line
from services.mailer.mime import Letterhead, Mail, compose
from services.mailer.rendering import MailPress
from services.shared import unsubscribe_links
from services.shared.unsubscribe_links import UnsubscribeLink
from tests.fakes.mailer import COMPANY

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
KEY = "0123456789abcdef"
CLAIMED = Claimed(1, "n-1", "<n-1@example.test>", "a", AT)
PRESS = MailPress(
    "https://pay.test",
    None,
    lambda notice_id, at: f"token-of-{notice_id}",
    lambda link: unsubscribe_links.make(link, KEY),
)
FIELDS = {
    *(
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
    ),
    *("X-Dunlin-Notice", "MIME-Version", "Content-Type"),
}


def _written(type: TemplateType, *emails: str, message: Claimed = CLAIMED) -> EmailMessage:
    key = Key(type)
    letter = sample_of(key, AT.date())
    if emails:
        letter = replace(letter, recipients=tuple(Recipient("", email) for email in emails))
    template = Template(key, 1, SHIPPED[key], AT, "")
    mail = PRESS.write(letter, template, Profile(COMPANY, 1), message, AT)
    return message_from_bytes(mail.mime, policy=policy.default)


def test_answering_machines_are_told_to_stay_silent() -> None:
    mail = _written(TemplateType.DUE_NOTICE_AFTER, "ann@a.test")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"


@pytest.mark.parametrize("number", [TemplateType.ACCOUNT_SUMMARY, TemplateType.UPCOMING_PAYMENTS])
def test_a_summary_to_one_reader_unsubscribes_by_one_click(number: TemplateType) -> None:
    mail = _written(number, "ann@a.test")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Precedence"] == "bulk"
    url = str(mail["List-Unsubscribe"]).strip("<>")
    assert url.startswith("https://pay.test/unsubscribe/")
    link = unsubscribe_links.read(url.rpartition("/")[2], KEY)
    wire = {TemplateType.ACCOUNT_SUMMARY: 10, TemplateType.UPCOMING_PAYMENTS: 12}[number]
    assert link == UnsubscribeLink(wire, "n-1", "ann@a.test")


def test_a_summary_to_several_readers_leads_to_a_page_and_names_none_of_them() -> None:
    mail = _written(TemplateType.ACCOUNT_SUMMARY, "ann@a.test", "bob@a.test")
    assert mail["List-Unsubscribe-Post"] is None
    url = str(mail["List-Unsubscribe"]).strip("<>")
    assert unsubscribe_links.read(url.rpartition("/")[2], KEY).email == ""


def test_an_invitation_has_a_way_out_if_it_is_one_of_a_campaign() -> None:
    bulk = replace(CLAIMED, lane=Lane.BULK)
    assert _written(TemplateType.WELCOME, "ann@a.test", message=bulk)["List-Unsubscribe"]
    at_once = replace(CLAIMED, lane=Lane.AT_ONCE)
    assert _written(TemplateType.WELCOME, "ann@a.test", message=at_once)["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "type",
    sorted(
        set(TemplateType)
        - {TemplateType.ACCOUNT_SUMMARY, TemplateType.UPCOMING_PAYMENTS, TemplateType.WELCOME}
    ),
)
def test_nobody_unsubscribes_from_what_concerns_one_invoice_payment_or_login(type: TemplateType) -> None:
    mail = _written(type, "ann@a.test", message=replace(CLAIMED, lane=Lane.BULK))
    assert mail["List-Unsubscribe"] is None
    assert mail["Precedence"] is None


def test_a_test_unsubscribes_nobody() -> None:
    message = replace(CLAIMED, is_test=True)
    assert _written(TemplateType.ACCOUNT_SUMMARY, "ann@a.test", message=message)["List-Unsubscribe"] is None


# What strangers write

NASTY = [
    "Ann\r\nBcc: eve@evil.test",
    "Ann\nSubject: other",
    "Ann\rX: y",
    "=?utf-8?q?Ann=0D=0ABcc:_eve@evil.test?=",
    'Ann" <eve@evil.test>, "',
    "שלום עולם",
    "مرحبا\u202eevil",
    "👩‍👩‍👧‍👦 Füchse",
    "Ann\u2028Bcc: x\u2029y\x85z\x0b\x0c\x1c",
    "a\0b",
    "x" * 300,
    "ü" * 300,
    "日本語" * 100,
]


def _composed(name: str, subject: str, company: str) -> bytes:
    head = Letterhead(company, "billing@example.test", "help@example.test", b"")
    to = [Recipient(name, "ann@a.test"), Recipient("", "bob@a.test")]
    mail = Mail(head, to, subject, "<p>x</p>", "x", "<n-1@example.test>", "n-1", AT)
    return compose(mail).mime


def _keeps_its_fields(mime: bytes) -> EmailMessage:
    head = mime.partition(b"\r\n\r\n")[0]
    lines = head.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert all(len(line) <= 78 for line in lines if not line.startswith(b"Content-Type: "))
    mail = message_from_bytes(mime, policy=policy.default)
    assert set(mail.keys()) == FIELDS
    assert len(mail.keys()) == len(FIELDS)
    addresses = [address.addr_spec for field in ("From", "To") for address in mail[field].addresses]
    assert addresses == ["billing@example.test", "ann@a.test", "bob@a.test"]
    return mail


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_no_name_and_no_subject_adds_a_header_or_a_recipient(text: str) -> None:
    mail = _keeps_its_fields(_composed(text, text, text))
    assert mail["Subject"] == one_line(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=320), st.text(max_size=320), st.text(max_size=100))
def test_whatever_is_written_the_headers_stay_what_they_are(name: str, subject: str, company: str) -> None:
    mail = _keeps_its_fields(_composed(name, subject, company))
    assert str(mail["Subject"]).strip() == one_line(subject).strip()

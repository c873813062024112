"""Tests: drafts to addresses typed in and to nobody else, through the press and sample of the preview."""

from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest

from services.mailer.domain.drafts import ReusedTest, UnfitTest, notice_id_of
from services.mailer.domain.languages import LanguageUnknown
from services.mailer.domain.message import EventKind, Lane, Message, State
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Areas, Key, TemplateInvalid, TemplateType, ThresholdUnfit
from services.mailer.mime import body_of
from services.mailer.rendering import MailPress
from services.mailer.use_cases.drafts import send_test
from services.mailer.use_cases.history import count_messages
from services.mailer.use_cases.templates import list_templates, preview_template
from tests.fakes.mailer_desk import Office

PRESS = MailPress("https://pay.example.test")
AFTER = Key(TemplateType.DUE_NOTICE_AFTER, "en")
AREAS = Areas("Invoice {{ invoice.number }}", "Past due", "<p>Hello {{ contact.name }}</p>", "<p>Bye</p>")


@pytest.fixture
def office() -> Office:
    return Office(press=PRESS)


def _send(office: Office, test_id: str = "t-1", **changes: Any) -> Message:
    call = {"key": AFTER, "areas": AREAS, "addresses": ["eve@x.test"], "sent_by": "eve"} | changes
    return send_test(
        test_id,
        call["key"],
        call["areas"],
        call["addresses"],
        call["sent_by"],
        begin=office.store.write,
        press=PRESS,
        clock=office.clock,
        wake=lambda: None,
    )


def _message(office: Office, test_id: str = "t-1") -> Message:
    message = office.store.work.messages.get(notice_id_of(test_id))
    assert message is not None
    return message


def test_only_the_addresses_typed_in_get_it_and_nobody_is_asked_about_it(office: Office) -> None:
    office.reviews.away = True
    _send(office, addresses=["eve@x.test", "bob@x.test", "eve@x.test"])
    assert office.run() is not None
    [mail] = office.transport.sent
    assert mail.recipients == ("eve@x.test", "bob@x.test")
    assert office.reviews.asked == []
    assert office.store.facts() == [], "the scheduler knows of no test"


def test_it_says_that_it_is_a_test_in_its_subject_and_in_its_history(office: Office) -> None:
    _send(office)
    office.run()
    message = _message(office)
    assert message.subject == "[Test] Invoice INV-00417"
    assert (
        message_from_bytes(office.transport.sent[0].mime, policy=policy.default)["Subject"] == message.subject
    )
    assert (message.test_by, message.notice_id, message.state) == ("eve", "test-t-1", State.SENT)
    assert (message.type, message.language, message.template_version) == (AFTER.type, "en", 0)
    kinds = [event.kind for event in message.events]
    assert kinds == [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED, EventKind.PROCESSED, EventKind.SENT]


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_each_type_is_sent_as_its_preview_shows_it(office: Office, key: Key) -> None:
    _send(office, key=key, areas=SHIPPED[key])
    office.run()
    [mail] = office.transport.sent
    preview = preview_template(key, SHIPPED[key], begin=office.store.read, press=PRESS, clock=office.clock)
    body = body_of(mail.mime)
    assert (mail.subject, body.html, body.text) == (f"[Test] {preview.subject}", preview.html, preview.text)


def test_a_test_goes_before_what_is_less_urgent_and_beside_what_is_asked_about(office: Office) -> None:
    office.accept(3)
    _send(office)
    assert office.store.work.messages.rows[4].lane is Lane.AT_ONCE
    office.run()
    assert office.transport.sent[0].recipients == ("eve@x.test",)
    assert len(office.transport.sent) == 4
    assert [len(asked) for asked in office.reviews.asked] == [3], "a second look is about notices alone"


def test_tests_are_not_among_what_clients_got(office: Office) -> None:
    _send(office)
    office.run()
    now = office.clock.now()
    assert count_messages(now.replace(year=2000), now.replace(year=2100), begin=office.store.read) == {}
    assert all(one.last_sent_at is None for one in list_templates("en", begin=office.store.read))


def test_the_same_test_again_is_sent_once(office: Office) -> None:
    first = _send(office)
    assert _send(office) == first
    office.run()
    assert _send(office).state is State.SENT
    assert not office.run()
    assert len(office.transport.sent) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"addresses": ["mallory@x.test"]},
        {"areas": replace(AREAS, title="Else")},
        {"key": Key(AFTER.type, "de")},
    ],
)
def test_another_test_under_the_same_id_is_refused(office: Office, change: dict[str, Any]) -> None:
    _send(office)
    with pytest.raises(ReusedTest):
        _send(office, **change)
    office.run()
    assert [mail.recipients for mail in office.transport.sent] == [("eve@x.test",)]


@pytest.mark.parametrize(
    ("test_id", "change", "field", "reason"),
    [
        ("", {}, "test_id", "TEST_ID_MALFORMED"),
        ("x" * 41, {}, "test_id", "TEST_ID_MALFORMED"),
        ("a\r\nBcc: b", {}, "test_id", "TEST_ID_MALFORMED"),
        ("t", {"addresses": []}, "addresses", "ADDRESSES_MISSING"),
        ("t", {"addresses": [f"a{n}@x.test" for n in range(6)]}, "addresses", "TOO_MANY_ADDRESSES"),
        ("t", {"addresses": ["a@x.test", "no address"]}, "addresses[1]", "EMAIL_INVALID"),
        ("t", {"addresses": ["a@x.test\r\nBcc: b@x.test"]}, "addresses[0]", "EMAIL_INVALID"),
        ("t", {"sent_by": " "}, "sent_by", "EMPTY"),
        ("t", {"sent_by": "x" * 201}, "sent_by", "TOO_LONG"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field(
    office: Office, test_id: str, change: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(UnfitTest) as caught:
        _send(office, test_id, **change)
    assert [(one.field, one.reason) for one in caught.value.violations] == [(field, reason)]
    assert office.store.work.messages.rows == {}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"areas": replace(AREAS, subject="{{ x }}")}, TemplateInvalid),
        ({"key": Key(AFTER.type, "fr")}, LanguageUnknown),
        ({"key": Key(AFTER.type, "en", -5)}, ThresholdUnfit),
    ],
)
def test_a_draft_is_checked_as_when_it_is_saved(
    office: Office, change: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        _send(office, **change)
    assert office.store.work.messages.rows == {}


def test_a_test_of_a_rule_shows_its_own_days(office: Office) -> None:
    areas = replace(AREAS, subject="{{ due.days_text }}")
    _send(office, key=replace(AFTER, threshold_days=60), areas=areas)
    office.run()
    message = _message(office)
    assert (message.subject, message.threshold_days) == ("[Test] 60 days", 60)


def test_an_invitation_as_a_test_opens_nothing(office: Office) -> None:
    key = Key(TemplateType.WELCOME, "en")
    _send(office, key=key, areas=SHIPPED[key])
    office.run()
    assert "/portal/welcome/sample" in body_of(office.transport.sent[0].mime).text

"""Checking and saving templates."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import (
    Areas,
    TemplateChanged,
    TemplateInvalid,
    TemplateMissing,
    TemplateType,
    as_paragraphs,
)
from services.mailer.rendering import MailPress
from services.mailer.use_cases.templates import (
    checked_areas,
    get_template,
    list_templates,
    list_tokens,
    list_versions,
    preview_template,
    save_template,
)
from services.shared.errors import Violation
from tests.fakes.clock import SetClock
from tests.fakes.mailer import FakeStore

PRESS = MailPress("https://pay.example.test")
TYPE = TemplateType.DUE_NOTICE_AFTER
GOOD = Areas("Invoice {{ invoice.number }}", "Past due", "<p>Hello</p>", "<p>Bye</p>")


def _violations(**areas: str) -> tuple[Violation, ...]:
    with pytest.raises(TemplateInvalid) as caught:
        checked_areas(TYPE, replace(GOOD, **areas), press=PRESS)
    assert caught.value.message == caught.value.violations[0].description
    return caught.value.violations


@pytest.mark.parametrize("type", TemplateType)
def test_the_shipped_texts_pass_the_check_unchanged(type: TemplateType) -> None:
    assert checked_areas(type, SHIPPED[type], press=PRESS) == SHIPPED[type]


def test_a_mistake_names_area_line_column_and_the_nearest_token() -> None:
    [violation] = _violations(header="<p>Hello</p>\n<p>{{ contact.nam }}</p>")
    assert (violation.field, violation.reason) == ("areas.header", "TOKEN_UNKNOWN")
    assert violation.description == (
        "Header, line 2, column 4: There is no token “contact.nam”. Did you mean {{ contact.name }}?"
    )


def test_mistakes_in_all_areas_are_told_together() -> None:
    fields = [
        v.field for v in _violations(subject="{{ x", title="a\nb", header="{% x %}", footer="{{ y() }}")
    ]
    assert fields == ["areas.subject", "areas.title", "areas.header", "areas.footer"]


@pytest.mark.parametrize(
    ("areas", "reason"),
    [
        ({"subject": " "}, "AREA_EMPTY"),
        ({"title": ""}, "AREA_EMPTY"),
        ({"subject": "x" * 301}, "AREA_TOO_LONG"),
        ({"subject": "a\r\nBcc: everybody@example.test"}, "AREA_NOT_ONE_LINE"),
        ({"title": "a\u2028b"}, "AREA_NOT_ONE_LINE"),
        ({"header": "x" * 20_001}, "AREA_TOO_LONG"),
        ({"footer": "<ul>" * 21 + "x"}, "NESTED_TOO_DEEP"),
        ({"subject": "{{ payment.amount }}"}, "TOKEN_UNKNOWN"),
        ({"header": "&#123;&#123; x &#125;&#125;"}, "TOKEN_UNKNOWN"),
        ({"header": "{<b></b>{ x"}, "BRACES_BROKEN"),
    ],
)
def test_what_cannot_be_saved_has_a_reason(areas: dict[str, str], reason: str) -> None:
    assert [violation.reason for violation in _violations(**areas)] == [reason]


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("<p>a</p><script>alert(1)</script>", "<p>a</p>"),
        ("<p onclick='x()' style='color:red'>a</p>", "<p>a</p>"),
        ("<img src=x onerror=alert(1)><p>a</p>", "<p>a</p>"),
        ('<p><a href="javascript:alert(1)">a</a></p>', "<p><a>a</a></p>"),
        ('<p><a href="/relative">a</a></p>', "<p><a>a</a></p>"),
        (
            '<p><a href="https://x.test/?a=1&b=2">a</a></p>',
            '<p><a href="https://x.test/?a=1&amp;b=2">a</a></p>',
        ),
        ('<p><a href="mailto:a@x.test">a</a></p>', '<p><a href="mailto:a@x.test">a</a></p>'),
        ('<p><a href="{{ pay.link }}">pay</a></p>', '<p><a href="{{ pay.link }}">pay</a></p>'),
        ("<p>open", "<p>open</p>"),
        ("<table><tr><td>x</td></tr></table><ul><li>y</li></ul>", "x<ul><li>y</li></ul>"),
    ],
)
def test_html_is_reduced_to_the_few_elements_that_are_allowed(written: str, stored: str) -> None:
    assert checked_areas(TYPE, replace(GOOD, header=written), press=PRESS).header == stored


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("One.\n\nTwo,\nthree.", "<p>One.</p><p>Two,<br>three.</p>"),
        ("One.\r\n\r\nTwo.", "<p>One.</p><p>Two.</p>"),
        ("<strong>One</strong>", "<p><strong>One</strong></p>"),
        ("<p>One.</p>\n\nTwo", "<p>One.</p>\n\nTwo"),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_plain_text_gets_its_paragraphs(written: str, shown: str) -> None:
    assert as_paragraphs(written) == shown


@settings(max_examples=200, deadline=2000)
@given(st.text(max_size=300) | st.text(alphabet="<>/pbra&;#{}% \n\"'=:x1", max_size=300))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    areas = Areas(text, text, text, text)
    try:
        stored = checked_areas(TYPE, areas, press=PRESS)
    except TemplateInvalid:
        return
    mail = PRESS.preview(TYPE, stored, FakeStore().work.company.profile(), SetClock().now().date())
    assert len(mail.subject.splitlines()) <= 1


def test_saving_adds_a_version_and_keeps_the_old_ones() -> None:
    store, clock = FakeStore(), SetClock()
    saved = save_template(TYPE, GOOD, 1, "eve@x.test", begin=store.write, press=PRESS, clock=clock)
    assert (saved.version, saved.saved_by, saved.saved_at) == (2, "eve@x.test", clock.now())
    assert [version.version for version in list_versions(TYPE, begin=store.read)] == [2, 1]
    assert get_template(TYPE, 0, begin=store.read) == saved
    assert get_template(TYPE, 1, begin=store.read).areas == SHIPPED[TYPE]
    assert [template.version for template in list_templates(begin=store.read)] == [1, 2, 1, 1]


def test_who_edited_an_older_version_is_told_so_and_loses_nothing_of_the_other() -> None:
    store, clock = FakeStore(), SetClock()
    save_template(TYPE, GOOD, 1, "eve@x.test", begin=store.write, press=PRESS, clock=clock)
    with pytest.raises(TemplateChanged, match=r"changed by eve@x\.test"):
        save_template(TYPE, GOOD, 1, "bob@x.test", begin=store.write, press=PRESS, clock=clock)
    assert len(list_versions(TYPE, begin=store.read)) == 2


def test_a_version_that_is_not_there_is_missing() -> None:
    with pytest.raises(TemplateMissing):
        get_template(TYPE, 7, begin=FakeStore().read)


def test_a_preview_stores_nothing_and_refuses_what_saving_would() -> None:
    store, clock = FakeStore(), SetClock()
    mail = preview_template(TYPE, GOOD, begin=store.read, press=PRESS, clock=clock)
    assert mail.subject == "Invoice INV-00417"
    with pytest.raises(TemplateInvalid):
        preview_template(TYPE, replace(GOOD, title="{{ x }}"), begin=store.read, press=PRESS, clock=clock)
    assert len(list_versions(TYPE, begin=store.read)) == 1


@pytest.mark.parametrize("type", TemplateType)
def test_every_token_has_a_meaning_and_a_sample(type: TemplateType) -> None:
    store = FakeStore()
    tokens = list_tokens(type, begin=store.read, press=PRESS, clock=SetClock())
    assert all(token.meaning for token in tokens)
    # The company of a fresh installation has neither telephone nor address yet.
    unset = {token.name for token in tokens if not token.sample}
    assert unset == {"company.phone", "company.address"}

"""Checking and saving templates."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.palette import tokens_of
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import (
    Areas,
    Key,
    Template,
    TemplateChanged,
    TemplateInvalid,
    TemplateMissing,
    TemplateType,
    as_paragraphs,
    chosen,
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
AFTER = Key(TemplateType.DUE_NOTICE_AFTER, "en")
GOOD = Areas("Invoice {{ invoice.number }}", "Past due", "<p>Hello</p>", "<p>Bye</p>")


def _violations(**areas: str) -> tuple[Violation, ...]:
    with pytest.raises(TemplateInvalid) as caught:
        checked_areas(AFTER.type, replace(GOOD, **areas), press=PRESS)
    assert caught.value.message == caught.value.violations[0].description
    return caught.value.violations


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_the_shipped_texts_pass_the_check_unchanged(key: Key) -> None:
    assert checked_areas(key.type, SHIPPED[key], press=PRESS) == SHIPPED[key]


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
        ({"subject": "\u200b"}, "AREA_EMPTY"),
        ({"subject": "Your \u202eecioini"}, "AREA_NOT_ONE_LINE"),
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
    assert checked_areas(AFTER.type, replace(GOOD, header=written), press=PRESS).header == stored


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
        stored = checked_areas(AFTER.type, areas, press=PRESS)
    except TemplateInvalid:
        return
    mail = PRESS.preview(AFTER, stored, FakeStore().work.company.profile(), SetClock().now().date())
    assert len(mail.subject.splitlines()) <= 1


def test_saving_adds_a_version_and_keeps_the_old_ones() -> None:
    store, clock = FakeStore(), SetClock()
    saved = save_template(AFTER, GOOD, 1, "eve@x.test", begin=store.write, press=PRESS, clock=clock)
    assert (saved.version, saved.saved_by, saved.saved_at) == (2, "eve@x.test", clock.now())
    assert [version.version for version in list_versions(AFTER, begin=store.read)] == [2, 1]
    assert get_template(AFTER, 0, begin=store.read) == saved
    assert get_template(AFTER, 1, begin=store.read).areas == SHIPPED[AFTER]
    listed = list_templates("en", begin=store.read)
    assert [template.key.type for template in listed] == list(TemplateType)
    assert [template.key.type for template in listed if template.version == 2] == [AFTER.type]
    assert {template.version for template in list_templates("de", begin=store.read)} == {1}


def test_who_edited_an_older_version_is_told_so_and_loses_nothing_of_the_other() -> None:
    store, clock = FakeStore(), SetClock()
    save_template(AFTER, GOOD, 1, "eve@x.test", begin=store.write, press=PRESS, clock=clock)
    with pytest.raises(TemplateChanged, match=r"changed by eve@x\.test"):
        save_template(AFTER, GOOD, 1, "bob@x.test", begin=store.write, press=PRESS, clock=clock)
    assert len(list_versions(AFTER, begin=store.read)) == 2


def test_a_version_that_is_not_there_is_missing() -> None:
    with pytest.raises(TemplateMissing):
        get_template(AFTER, 7, begin=FakeStore().read)


def test_a_preview_stores_nothing_and_refuses_what_saving_would() -> None:
    store, clock = FakeStore(), SetClock()
    mail = preview_template(AFTER, GOOD, begin=store.read, press=PRESS, clock=clock)
    assert mail.subject == "Invoice INV-00417"
    with pytest.raises(TemplateInvalid):
        preview_template(AFTER, replace(GOOD, title="{{ x }}"), begin=store.read, press=PRESS, clock=clock)
    assert len(list_versions(AFTER, begin=store.read)) == 1


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_every_token_has_a_meaning_a_group_and_a_sample(key: Key) -> None:
    store = FakeStore()
    tokens = list_tokens(key, begin=store.read, press=PRESS, clock=SetClock())
    assert all(token.meaning and token.group for token in tokens)
    # The company of a fresh installation has neither telephone nor address yet, and not every card a name.
    unset = {token.name for token in tokens if not token.sample} - {"method.nickname"}
    assert unset == {"company.phone", "company.address"}


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_a_letter_has_a_value_for_each_token_of_its_type_and_for_no_other(key: Key) -> None:
    company = FakeStore().work.company.profile()
    assert PRESS.samples(key, company, SetClock().now().date()).keys() == tokens_of(key.type).keys()


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["x", "{{", "{{ contact.name }}", "<p>", "<ul><li>", "&#123;", "{%", "\u202e🎉"]
)
def test_a_text_of_a_megabyte_is_refused_by_its_length_whatever_it_holds(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    found = _violations(subject=text, title=text, header=text, footer=text)
    assert {violation.reason for violation in found} == {"AREA_TOO_LONG"}
    assert all(len(violation.description) < 200 for violation in found)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("token", "reason"),
    [("{{ contact.name }}", "AREA_TOO_LONG"), ("{{x}}", "AREA_TOO_LONG"), ("{{", "BRACES_BROKEN")],
)
def test_ten_thousand_tokens_are_refused(token: str, reason: str) -> None:
    assert {violation.reason for violation in _violations(header=token * 10_000)} == {reason}


def test_more_tokens_than_an_area_may_hold_are_counted() -> None:
    [violation] = _violations(header="{{pay.link}}" * 1_500)
    assert (violation.reason, "1500 tokens" in violation.description) == ("TOO_MANY_TOKENS", True)


@pytest.mark.parametrize(
    "expression",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ contact.__init__.__globals__ }}",
        "{{ contact.name.format('x') }}",
        "{{ range(10**9) }}",
        "{{ 'a' * 10**9 }}",
        "{{ [x for x in y] }}",
        "{% for a in range(10) %}x{% endfor %}",
        "{{ lipsum(n=1000000) }}",
        "{{ cycler.__init__ }}",
        "{{ config }}",
        "{{ self }}",
        "{{ company.name|attr('x') }}",
        "{# {{ x }} #}",
    ],
)
def test_no_expression_loops_allocates_or_reaches_into_anything(expression: str) -> None:
    for area in ("subject", "title", "header", "footer"):
        assert {violation.reason for violation in _violations(**{area: expression})} <= {
            "TOKEN_MALFORMED",
            "TOKEN_UNKNOWN",
            "STATEMENT_NOT_ALLOWED",
            "BRACES_BROKEN",
        }


@pytest.mark.parametrize("subject", ["🎉" * 300, "שלום " * 59 + "!", "\u200fabc", "x" * 299 + "é"])
def test_long_subjects_in_any_script_are_written_whole(subject: str) -> None:
    stored = checked_areas(AFTER.type, replace(GOOD, subject=subject), press=PRESS)
    mail = PRESS.preview(AFTER, stored, FakeStore().work.company.profile(), SetClock().now().date())
    assert mail.subject == subject.strip()


def _texts(*keys: Key) -> dict[Key, Template]:
    return {key: Template(key, 1, GOOD, SetClock().now(), "") for key in keys}


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ([("de", 30), ("de", 0), ("en", 30), ("en", 0)], ("de", 30)),
        ([("de", 0), ("en", 30), ("en", 0)], ("de", 0)),
        ([("fr", 30), ("fr", 0), ("en", 30), ("en", 0)], ("fr", 30)),
        ([("fr", 0), ("en", 30), ("en", 0)], ("fr", 0)),
        ([("en", 30), ("en", 0)], ("en", 30)),
        ([("en", 0), ("de", 60)], ("en", 0)),
    ],
)
def test_a_mail_is_written_with_the_nearest_text_there_is(
    there: list[tuple[str, int]], found: tuple[str, int]
) -> None:
    """The rule's, then the type's: in the organization's language (de), the company's (fr), English."""
    texts = _texts(*(Key(AFTER.type, *one) for one in there))
    assert chosen(texts, Key(AFTER.type, "de", 30), "fr").key == Key(AFTER.type, *found)


def test_an_organization_without_a_language_gets_the_companys() -> None:
    texts = _texts(Key(AFTER.type, "de"), Key(AFTER.type, "en"))
    assert chosen(texts, Key(AFTER.type, ""), "de").key.language == "de"


def test_a_rule_without_a_text_of_its_own_shows_what_its_mails_are_written_with() -> None:
    store, clock, rule = FakeStore(), SetClock(), Key(AFTER.type, "de", 30)
    borrowed = get_template(rule, 0, begin=store.read)
    assert (borrowed.key, borrowed.version, borrowed.areas) == (rule, 0, SHIPPED[rule.of_type])
    assert list_versions(rule, begin=store.read) == []
    saved = save_template(rule, GOOD, 0, "eve", begin=store.write, press=PRESS, clock=clock)
    assert (saved.key, saved.version) == (rule, 1)
    with pytest.raises(TemplateChanged):
        save_template(rule, GOOD, 0, "bob", begin=store.write, press=PRESS, clock=clock)
    assert get_template(rule.of_type, 0, begin=store.read).areas == SHIPPED[rule.of_type]

"""Mails from a mold are, letter by letter, those that went the whole way."""

import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.mailer.domain.letter import Letter, Recipient
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Areas, Key, TemplateType
from services.mailer.mold import Mold, can_be_molded, is_plain, mark
from services.mailer.rendering import MailPress
from services.mailer.rendering.page import Form
from services.mailer.wording import speech
from services.mailer.wording.values import values
from tests.fakes.mailer import COMPANY

URL = "https://pay.example.test"
PRESS = MailPress(URL)
HARBOUR = replace(COMPANY, name="Harbour & <Co>", address="1 Pier Road\nPortland", phone="+1 207")
MOLDED = [
    TemplateType.DUE_NOTICE_BEFORE,
    TemplateType.DUE_NOTICE_AFTER,
    TemplateType.PAYMENT_SUCCEEDED,
    TemplateType.PAYMENT_FAILED,
]
# What a plain value may hold, with all that markup, links and encodings care about.
WORDS = st.text(st.sampled_from(string.printable + "&<>\"'éß…€🎉שאمऀ\u200b\u00a0\u2028\ufeff"), max_size=40)
TOKENS = (
    "<p>Hi {{ contact.name }}, <strong>{{ organization.name }}</strong></p>"
    "<ul><li>{{invoice.number}}</li></ul>"
    '<p><a href="{{ pay.link }}">Pay {{ invoice.balance }}</a> or see {{ pay.link }}<br>'
    "{{ company.address }}</p>"
)


def _letter(
    type: TemplateType, name: str, organization: str, number: str, token: str, *, language: str = "en"
) -> Letter:
    letter = sample_letter(type, date(2026, 3, 2), language=language)
    invoice = replace(letter.invoice, number=number, pay_token=token)
    return replace(
        letter,
        recipients=(Recipient(name, "dana@x.test"),),
        organization_name=organization,
        invoice=invoice,
    )


def _both_ways(letter: Letter, areas: Areas) -> bool:
    """Whether a mold was used; fails if it gives something else."""
    known = values(letter, HARBOUR, URL, speech(letter.language))
    form = Form(letter.type, areas, HARBOUR, "", letter.language)
    cast = PRESS._cast(form, letter, known)
    whole = PRESS._layout.page(form, known, PRESS._content(form, letter, known))
    assert cast in (None, whole)
    return cast is not None


@pytest.mark.parametrize("type", MOLDED)
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "areas", [None, Areas("{{ organization.name }}", "{{ invoice.number }}", TOKENS, TOKENS)]
)
@settings(max_examples=150, deadline=None)
@given(words=st.tuples(WORDS, WORDS, WORDS, st.sampled_from(["", "a.b-c_d", "a&b", "zq3qz"])))
@example(words=('O\'Neil "the" <b>', "R&D &amp; Sons", "#1 zq2qz", "t"))
@example(words=('O\'Neil "the" <b>', "R&D & Sons", "#1 zq2qz", "t"))
def test_a_mold_gives_what_the_whole_way_gives(
    type: TemplateType, language: str, areas: Areas | None, words: tuple[str, str, str, str]
) -> None:
    _both_ways(_letter(type, *words, language=language), areas or SHIPPED[Key(type, language)])


@pytest.mark.parametrize("type", MOLDED)
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", ["Dana Whitfield", "O'Neil & Søn <b>", "שלום 🎉", ""])
def test_usual_mails_come_from_a_mold(type: TemplateType, language: str, name: str) -> None:
    letter = _letter(type, name, "Whitfield & Sons, Inc.", "INV-1", "signed.token", language=language)
    assert _both_ways(letter, SHIPPED[Key(type, language)])


def test_mails_that_hold_more_than_facts_go_the_whole_way() -> None:
    for key in SHIPPED:
        if key.type not in MOLDED:
            letter = sample_letter(key.type, date(2026, 3, 2), language=key.language)
            assert not _both_ways(letter, SHIPPED[key])


@pytest.mark.parametrize(
    "name",
    [
        "two  spaces",
        " edge",
        "edge ",
        "line\nbreak",
        "\u00a0edge",
        "two \u00a0spaces",
        "x" * 201,
        "a\0b",
        "&lt;b",
    ],
)
def test_what_is_not_plain_goes_the_whole_way(name: str) -> None:
    assert not is_plain(name)
    type = TemplateType.PAYMENT_FAILED
    assert not _both_ways(_letter(type, "Dana", "Sons", name, "t"), SHIPPED[Key(type)])


@pytest.mark.parametrize(
    "header",
    [
        '<a href="https://x.test/{{ invoice.number }}">x</a>',
        "<a href='mailto:{{ contact.name }}'>x</a>",
        '<a href="{{ organization.name }}">x</a>',
        "<p>zq1qz</p>",
    ],
)
@pytest.mark.parametrize("value", ["plain", "https://evil.test/?a=1&b", "javascript:alert(1)"])
def test_a_text_whose_values_stand_in_links_goes_the_whole_way(header: str, value: str) -> None:
    type = TemplateType.DUE_NOTICE_AFTER
    areas = replace(SHIPPED[Key(type)], header=header)
    assert not can_be_molded(header)
    assert not _both_ways(_letter(type, value, value, value, "t"), areas)


def test_long_titles_go_the_whole_way() -> None:
    type = TemplateType.DUE_NOTICE_AFTER
    areas = replace(SHIPPED[Key(type)], title="{{ organization.name }}" * 3)
    assert not _both_ways(_letter(type, "Dana", "x" * 150, "1", "t"), areas)
    assert _both_ways(_letter(type, "Dana", "x" * 20, "1", "t"), areas)


def test_lines_that_are_left_out_make_another_mold() -> None:
    type = TemplateType.DUE_NOTICE_AFTER
    letter = _letter(type, "Dana", "Sons", "1", "t")
    for invoice in (
        replace(letter.invoice, issued_on=None),
        replace(letter.invoice, due_on=None, amount_minor=7, balance_minor=7),
        replace(letter.invoice, amount_minor=8, balance_minor=7),
    ):
        assert _both_ways(replace(letter, invoice=invoice), SHIPPED[Key(type)])


def test_values_are_put_where_their_marks_stand_and_nowhere_else() -> None:
    mold = Mold.of(f"a{mark(1)}b{mark(0)}c{mark(1)}")
    assert mold.cast([mark(1), "x"]) == f"axb{mark(1)}cx"

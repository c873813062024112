"""Which texts name a language, and how it is written."""

import pytest

from services.paynow.domain.languages import language_tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("de", "de"),
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-ch-1901", "de-CH-1901"),
        ("gsw", "gsw"),
    ],
)
def test_a_tag_is_kept_in_the_usual_capitals(text: str, tag: str) -> None:
    assert language_tag(text) == tag
    assert language_tag(tag) == tag


@pytest.mark.parametrize(
    "text",
    ["", "german", "Deutsch", "xx", "qqq", "d", "de_DE", "de-", "-de", "de DE", "dé", "de-x-private", "de\n",
     "de-DE-de", "x" * 100, "٣٤"],
)  # fmt: skip
def test_what_names_no_language_is_none(text: str) -> None:
    assert language_tag(text) == ""

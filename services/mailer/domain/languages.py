"""The languages that mails are written in."""

from dataclasses import dataclass

from services.shared.errors import Invalid, Violation


@dataclass(frozen=True)
class Language:
    """A language by its BCP 47 tag, with its own name."""

    tag: str
    name: str


ENGLISH = Language("en", "English")
GERMAN = Language("de", "Deutsch")

LANGUAGES = (ENGLISH, GERMAN)
"""English first: a text that a language lacks is taken from it."""


def spoken(tag: str) -> str | None:
    """The tag of the language that this one names, also with a region ("de-AT"); None if there is none."""
    wanted = tag.replace("_", "-").partition("-")[0].lower()
    return next((one.tag for one in LANGUAGES if one.tag == wanted), None)


class LanguageUnknown(Invalid):
    """There are no texts in this language."""

    reason = "LANGUAGE_UNKNOWN"


def checked_language(tag: str) -> str:
    """The tag of a language that there are texts in; `LanguageUnknown`."""
    if tag not in (language.tag for language in LANGUAGES):
        known = ", ".join(language.tag for language in LANGUAGES)
        words = f"There are no texts in the language {tag[:40]!r}; choose one of {known}."
        raise LanguageUnknown(words, violations=[Violation("language", "LANGUAGE_UNKNOWN", words)])
    return tag

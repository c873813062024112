"""The language of a page for clients: English, or one that `gateway/texts` has every sentence in.

A page speaks the language of the organization that it is about, once that is known; until then that of the
last such page in this browser, else what the browser asks for, else the company's. Pages for staff are in
English.

Sentences are written in English where they are needed, and marked: `gettext` translates at once, `N_` marks
one that is translated later by `said`. `make texts` collects them.
"""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, current_app, g, has_request_context, request

from gateway.site import branding

TEXTS = Path(__file__).parents[1] / "texts"
COOKIE = "dunlin_language"


@dataclass(frozen=True)
class Language:
    """A language by its BCP 47 tag."""

    tag: str
    locale: Locale
    """By which amounts, dates and numbers are written."""
    moment: str
    """The pattern of an instant, in the letters of CLDR."""


ENGLISH = Language("en", Locale("en", "US"), "MMM d, y, h:mm a")
GERMAN = Language("de", Locale("de", "DE"), "d. MMM y, HH:mm 'Uhr'")
LANGUAGES = {one.tag: one for one in (ENGLISH, GERMAN)}


def spoken(tag: str) -> Language | None:
    """The language that a tag names, also with a region ("de-AT"); None if there are no texts in it."""
    return LANGUAGES.get(tag.replace("_", "-").partition("-")[0].lower())


def current() -> Language:
    """The language of the page being made; English where none is."""
    if not has_request_context():
        return ENGLISH
    found: Language = g.get("language", ENGLISH)
    return found


def listen() -> None:
    """Begins a page for clients of which nothing is known but the browser."""
    wished = request.accept_languages.best_match(list(LANGUAGES))
    g.language = spoken(request.cookies.get(COOKIE, "")) or spoken(wished or "") or _of_company()


def speak(tag: str) -> None:
    """Goes on in an organization's language; where it has none, or one without texts, in the company's.

    The browser's next pages begin in it.
    """
    g.language = g.language_known = spoken(tag) or _of_company()


def keep(tag: str) -> None:
    """Goes on in the language of the page that a form was filled in on, if the form names one with texts."""
    g.language = spoken(tag) or current()


def _of_company() -> Language:
    return spoken(branding.branding().company().language) or ENGLISH


def remember(response: Response) -> Response:
    """Has the browser keep the language that was found out."""
    known: Language | None = g.get("language_known")
    if known is not None and request.cookies.get(COOKIE) != known.tag:
        is_https = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie(COOKIE, known.tag, httponly=True, secure=is_https, samesite="Lax")
    return response


def N_(sentence: str) -> str:
    """The sentence as it is, marked to be translated later."""
    return sentence


def gettext(sentence: str, **values: object) -> str:
    """The sentence in the page's language, with the values in the places of `%(name)s`."""
    said = _texts(current().tag).gettext(sentence)
    return said % values if values else said


def said(sentence: str) -> str:
    """A sentence that was marked before, in the page's language; any other text as it is."""
    return gettext(sentence) if sentence else ""


def number(count: int) -> str:
    """A whole number: "1,204", "1.204"."""
    return f"{count:,}".replace(",", current().locale.number_symbols["latn"]["group"])


@cache
def _texts(tag: str) -> NullTranslations:
    path = TEXTS / f"{tag}.po"
    if tag == ENGLISH.tag:
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=tag, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def init_app(app: Flask) -> None:
    """Makes the sentences of templates translatable, by `trans` blocks, `_` and the filter `said`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
        lambda sentence: _texts(current().tag).gettext(sentence),
        lambda one, many, count: _texts(current().tag).ngettext(one, many, count),
        newstyle=True,
    )
    # What comes from elsewhere stays text: `_` would take its "<" for ours.
    app.jinja_env.filters.update(said=said, number=number)
    app.jinja_env.globals["language"] = current

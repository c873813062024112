"""What staff write, filled in: to lines, and to HTML of the few elements that are allowed."""

import html as markup
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import nh3

from services.mailer.domain.palette import tokens_of
from services.mailer.domain.templates import LONGEST_LINE, Areas, TemplateType
from services.mailer.domain.tokens import Parsed, one_line, scan, substitute

_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a"}
_SCHEMES = {"http", "https", "mailto"}
_ADDRESSES = ("http://", "https://", "mailto:")


@dataclass(frozen=True)
class Parts:
    """The four areas as literals and tokens."""

    subject: Parsed
    title: Parsed
    header: Parsed
    footer: Parsed


@lru_cache(maxsize=256)
def parts_of(type: TemplateType, areas: Areas) -> Parts:
    """The areas of a checked template."""
    known = tokens_of(type)
    texts = (areas.subject, areas.title, areas.header, areas.footer)
    return Parts(*(scan(text, known)[0] for text in texts))


def line(part: Parsed, known: Mapping[str, str]) -> str:
    """A subject or title: a single line, cut if values made it too long."""
    text = substitute(part, known, one_line)
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"


def filled(part: Parsed, known: Mapping[str, str]) -> str:
    """A header or footer as HTML, in which values are text."""
    return _clean(substitute(part, known, _as_html), _ADDRESSES)


def clean(html: str) -> str:
    """Drops every element but the few allowed ones; links may begin with a token."""
    return _clean(html, (*_ADDRESSES, "{{"))


def _clean(html: str, addresses: tuple[str, ...]) -> str:
    def keep(_tag: str, _attribute: str, value: str) -> str | None:
        return value if value.lower().startswith(addresses) else None

    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes=_SCHEMES,
        attribute_filter=keep,
        link_rel=None,
    )


def _as_html(value: str) -> str:
    return markup.escape(value).replace("\n", "<br>")

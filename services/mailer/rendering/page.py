"""A page of a mail: the whole way from areas and values to HTML and plain text, without a mail around it.

Only our own layout is a Jinja template. What staff write is split into literals and tokens (see
`domain.tokens`), filled in, cleaned once more, and put into the layout as it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import css_inline
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from services.mailer.domain.company import Company
from services.mailer.domain.templates import Areas, TemplateType
from services.mailer.ports import Preview
from services.mailer.rendering import plain
from services.mailer.rendering.areas import filled, line, parts_of
from services.mailer.rendering.content import Content, Link

LONGEST_RULE = 70

# What a letter of the button's label and the room around all of them take up, in pixels. Outlook wants to
# know the width of a button.
_LETTER, _ROOM = 10, 64

# As the serializer writes them: always within double quotes, which it escapes in values.
_TAG = re.compile(r'<[A-Za-z](?:[^<>"]|"[^"]*")*>')
_VALUE = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Form:
    """What all mails of one kind share."""

    type: TemplateType
    areas: Areas
    company: Company
    logo_source: str
    language: str


class Layout:
    """Safe from any thread."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
        )
        self._html = environment.get_template("mail.html")
        # The layout names no style sheet, and nothing is ever to be fetched while a mail is written.
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
        self._to_text = ParserConfig(display_links=True)

    def page(self, form: Form, known: Mapping[str, str], content: Content, rule: str = "") -> Preview:
        """`rule` underlines the title of the text, as long as the title if it is not given."""
        parts, company = parts_of(form.type, form.areas), form.company
        subject, title = line(parts.subject, known), line(parts.title, known)
        header, footer = filled(parts.header, known), filled(parts.footer, known)
        html = self._html.render(
            language=form.language,
            company=company,
            title=title,
            header=Markup(header),  # noqa: S704 - `filled` has cleaned it
            footer=Markup(footer),  # noqa: S704 - the same
            content=content,
            logo_source=form.logo_source,
            address_lines=company.address.splitlines(),
            button_width=_ROOM + _LETTER * len(content.button.label) if content.button else 0,
        )
        paragraphs = [
            f"{title}\n{rule or rule_below(title)}",
            self._plain(header),
            *_blocks(content),
            self._plain(footer),
            _linked(content.portal),
            _linked(content.way_out),
            "\n".join(_signature(company)),
        ]
        text = "\n\n".join(filter(None, paragraphs))
        # One spelling of the no-break space, which parsers change between two; in plain text it is a space.
        inlined = self._inliner.inline(html).replace("&nbsp;", "\u00a0")
        return Preview(subject, attributes_escaped(inlined), text.replace("\u00a0", " "))

    def _plain(self, html: str) -> str:
        return get_text(html, self._to_text).strip() if html else ""


def attributes_escaped(html: str) -> str:
    """The same HTML with no angle brackets within the values of attributes.

    They may stand there, and the serializer leaves them; but filters of mails that look for "<script" alone
    would take a number of an invoice for one.
    """
    return _TAG.sub(lambda tag: _VALUE.sub(_bracketless, tag[0]), html)


def _bracketless(value: re.Match[str]) -> str:
    return value[0].replace("<", "&lt;").replace(">", "&gt;")


def rule_below(title: str) -> str:
    """What underlines a title."""
    return "-" * min(len(title), LONGEST_RULE)


def _blocks(content: Content) -> Iterator[str]:
    yield plain.facts(content.facts)
    yield content.note
    yield from map(plain.table, content.tables)
    yield _linked(content.button)


def _linked(link: Link | None) -> str:
    return f"{link.label}: {link.address}" if link else ""


def _signature(company: Company) -> Iterator[str]:
    # The sign that mail programs know a signature by, with its trailing space.
    yield "-- "
    yield from filter(None, (company.name, company.address, company.phone))

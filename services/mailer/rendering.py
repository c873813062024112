"""Writing mails: areas and letter to subject, HTML and text, and these to a finished mail.

Only our own layout is a Jinja template. What staff write is split into literals and tokens (see
`domain.tokens`), filled in here, cleaned once more, and put into the layout as it is.
"""

import base64
import html as markup
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import css_inline
import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from services.mailer.dkim import Signer
from services.mailer.domain.company import Company, Profile
from services.mailer.domain.letter import Letter
from services.mailer.domain.logo import logo_type
from services.mailer.domain.message import Claimed, Rendered
from services.mailer.domain.palette import tokens_of
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.templates import LONGEST_LINE, Areas, Template, TemplateType
from services.mailer.domain.tokens import Parsed, one_line, scan, substitute
from services.mailer.mime import LOGO_ID, Letterhead, Mail, compose
from services.mailer.mold import Mold, can_be_molded, escaped, is_plain, mark
from services.mailer.ports import Preview
from services.mailer.wording import facts, values

PAY_LABEL = "Pay Invoice"

LONGEST_RULE = 70
MOST_MOLDS = 200

# In a link nothing may need an escape, or it would be another one than in text.
_SIMPLE_LINK = re.compile(r"[A-Za-z0-9:/._~%\[\]-]+")
_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a"}
_SCHEMES = {"http", "https", "mailto"}
_ADDRESSES = ("http://", "https://", "mailto:")
_WITH_BUTTON = frozenset(
    {TemplateType.DUE_NOTICE_BEFORE, TemplateType.DUE_NOTICE_AFTER, TemplateType.PAYMENT_FAILED}
)


@dataclass(frozen=True)
class _Parts:
    """The four areas as literals and tokens."""

    subject: Parsed
    title: Parsed
    header: Parsed
    footer: Parsed


@dataclass(frozen=True)
class _Form:
    """What all mails of one kind share."""

    type: TemplateType
    areas: Areas
    company: Company
    logo_source: str


@lru_cache(maxsize=64)
def _parts(type: TemplateType, areas: Areas) -> _Parts:
    known = tokens_of(type)
    texts = (areas.subject, areas.title, areas.header, areas.footer)
    return _Parts(*(scan(text, known)[0] for text in texts))


class MailPress:
    """See `ports.Press`. Safe from any thread. `public_url` has no slash at its end."""

    def __init__(self, public_url: str, signer: Signer | None = None) -> None:
        self._public_url = public_url
        self._signer = signer
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
        )
        self._html = environment.get_template("mail.html")
        self._text = environment.get_template("mail.txt")
        # The layout names no style sheet, and nothing is ever to be fetched while a mail is written.
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
        self._to_text = ParserConfig(display_links=True)
        self._molds: dict[tuple[object, ...], tuple[Mold, Mold] | None] = {}

    def clean(self, html: str) -> str:
        """Drops every element but the few allowed ones; links may begin with a token."""
        return _clean(html, (*_ADDRESSES, "{{"))

    def write(
        self, letter: Letter, template: Template, company: Profile, message: Claimed, at: datetime
    ) -> Rendered:
        """The finished mail; the logo travels within it."""
        profile = company.company
        logo_source = f"cid:{LOGO_ID}" if profile.logo else ""
        known = values(letter, profile, self._public_url)
        form = _Form(letter.type, template.areas, profile, logo_source)
        page = self._cast(form, known) or self._page(form, known)
        head = Letterhead(profile.name, profile.from_address, profile.reply_to, profile.logo)
        envelope = compose(
            Mail(
                head=head,
                recipients=letter.recipients,
                subject=page.subject,
                html=page.html,
                text=page.text,
                message_id=message.message_id,
                notice_id=message.notice_id,
                at=at,
            )
        )
        return Rendered(
            type=letter.type,
            template_version=template.version,
            sender=envelope.sender,
            recipients=envelope.recipients,
            subject=page.subject,
            mime=self._signer.sign(envelope.mime, at) if self._signer else envelope.mime,
            needs_utf8=envelope.needs_utf8,
        )

    def preview(self, type: TemplateType, areas: Areas, company: Profile, today: date) -> Preview:
        """With the logo in the page itself, since there is no mail around it to take it from."""
        profile = company.company
        source = ""
        if profile.logo:
            source = f"data:{logo_type(profile.logo)};base64,{base64.b64encode(profile.logo).decode()}"
        known = values(sample_letter(type, today), profile, self._public_url)
        return self._page(_Form(type, areas, profile, source), known)

    def samples(self, type: TemplateType, company: Profile, today: date) -> dict[str, str]:
        """The values that `preview` puts in."""
        return values(sample_letter(type, today), company.company, self._public_url)

    def _page(self, form: _Form, known: Mapping[str, str], rule: str = "") -> Preview:
        """The whole way. `rule` underlines the title of the text, as long as the title if it is not given."""
        parts, company = _parts(form.type, form.areas), form.company
        subject, title = _lines(parts, known)
        header, footer = (
            _clean(substitute(part, known, _as_html), _ADDRESSES) for part in (parts.header, parts.footer)
        )
        lines = facts(form.type, known)
        page = {
            "company": company,
            "title": title,
            "facts": lines,
            "pay_link": known["pay.link"] if form.type in _WITH_BUTTON else "",
            "pay_label": PAY_LABEL,
        }
        html = self._html.render(
            page,
            header=Markup(header),  # noqa: S704 - cleaned right above
            footer=Markup(footer),  # noqa: S704 - the same
            logo_source=form.logo_source,
            address_lines=company.address.splitlines(),
            preheader=" · ".join(f"{line.label}: {line.value}" for line in lines),
        )
        text = self._text.render(
            page,
            rule=rule or _rule(title),
            header=self._plain(header),
            footer=self._plain(footer),
            label_width=max(len(line.label) for line in lines) + 1,
        )
        return Preview(subject, self._inliner.inline(html), text)

    def _cast(self, form: _Form, known: Mapping[str, str]) -> Preview | None:
        """The same from a mold; None if these values or areas have to go the whole way."""
        plain = [value for name, value in known.items() if not name.startswith("company.")]
        link = known["pay.link"]
        if not all(map(is_plain, plain)) or not _SIMPLE_LINK.fullmatch(link):
            return None
        subject, title = _lines(_parts(form.type, form.areas), known)
        # What decides which lines there are, besides the form.
        shape = (form, *map(bool, plain), known["invoice.amount"] == known["invoice.balance"])
        # Looked up once: another thread may clear them at any moment.
        molds = self._molds.get(shape)
        if molds is None and shape not in self._molds:
            if len(self._molds) >= MOST_MOLDS:
                self._molds.clear()
            molds = self._molds[shape] = self._molded(form, known)
        if molds is None or len(title) >= LONGEST_LINE:
            return None
        slots = [_rule(title), *plain]
        slots[1 + list(_varying(known)).index("pay.link")] = link.removeprefix(self._public_url)
        html, text = molds
        return Preview(subject, html.cast([escaped(value) for value in slots]), text.cast(slots))

    def _molded(self, form: _Form, known: Mapping[str, str]) -> tuple[Mold, Mold] | None:
        """The molds of HTML and text for all values that are empty, or alike, where these are."""
        constant = (*vars(form.areas).values(), form.company.name, form.company.address, form.company.phone)
        if not all(map(can_be_molded, constant)):
            return None
        marks = dict(known)
        for number, name in enumerate(_varying(known), start=1):
            marks[name] = mark(number) if known[name] else ""
        marks["pay.link"] = self._public_url + marks["pay.link"]
        if known["invoice.amount"] == known["invoice.balance"]:
            marks["invoice.amount"] = marks["invoice.balance"]
        if len(_lines(_parts(form.type, form.areas), marks)[1]) >= LONGEST_LINE:
            return None
        page = self._page(form, marks, rule=mark(0))
        return Mold.of(page.html), Mold.of(page.text)

    def _plain(self, html: str) -> str:
        return get_text(html, self._to_text).strip() if html else ""


def _lines(parts: _Parts, known: Mapping[str, str]) -> tuple[str, str]:
    """Subject and title."""
    subject, title = (_cut(substitute(part, known, one_line)) for part in (parts.subject, parts.title))
    return subject, title


def _rule(title: str) -> str:
    return "-" * min(len(title), LONGEST_RULE)


def _varying(known: Mapping[str, str]) -> Iterator[str]:
    """The tokens whose values differ from mail to mail."""
    return (name for name in known if not name.startswith("company."))


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


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"

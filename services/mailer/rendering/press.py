"""From a letter to a finished mail, where it can be by way of a mold."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime

from services.mailer.dkim import Signer, Signers
from services.mailer.domain.company import Company, Profile
from services.mailer.domain.letter import Access, Letter
from services.mailer.domain.logo import logo_type
from services.mailer.domain.message import Claimed, Rendered
from services.mailer.domain.sample import SAMPLE_TOKEN, sample_of
from services.mailer.domain.templates import LONGEST_LINE, Areas, Key, Template, TemplateType
from services.mailer.mime import LOGO_ID, Letterhead, Mail, compose
from services.mailer.mold import Mold, can_be_molded, escaped, is_plain, mark
from services.mailer.ports import PortalTokens, Preview
from services.mailer.rendering.areas import clean, line, parts_of
from services.mailer.rendering.content import Content, Link, content_of
from services.mailer.rendering.page import Form, Layout, rule_below
from services.mailer.rendering.unsubscribe import CAN_BE_LEFT, UnsubscribeTokens, unsubscribe
from services.mailer.wording import speech
from services.mailer.wording.values import today_of, values

MOST_MOLDS = 200

BLOTTED = "********"
"""What the history shows in place of what opens the portal."""

# Whose pages are facts alone. They are also those that come by the thousand.
_MOLDED = frozenset(
    {
        TemplateType.DUE_NOTICE_BEFORE,
        TemplateType.DUE_NOTICE_AFTER,
        TemplateType.PAYMENT_SUCCEEDED,
        TemplateType.PAYMENT_FAILED,
    }
)
# In a link nothing may need an escape, or it would be another one than in text.
_SIMPLE_LINK = re.compile(r"[A-Za-z0-9:/._~%\[\]-]+")


class MailPress:
    """See `ports.Press`. Safe from any thread. `public_url` has no slash at its end."""

    def __init__(
        self,
        public_url: str,
        signer: Signer | Signers | None = None,
        portal_tokens: PortalTokens | None = None,
        unsubscribe_tokens: UnsubscribeTokens | None = None,
    ) -> None:
        self._public_url = public_url
        self._signer = signer
        self._portal_tokens = portal_tokens
        self._unsubscribe_tokens = unsubscribe_tokens
        self._layout = Layout()
        self._molds: dict[tuple[object, ...], tuple[Mold, Mold] | None] = {}

    def clean(self, html: str) -> str:
        """Drops every element but the few allowed ones; links may begin with a token."""
        return clean(html)

    def write(
        self, letter: Letter, template: Template, company: Profile, message: Claimed, at: datetime
    ) -> Rendered:
        """The finished mail; the logo travels within it."""
        profile, language = company.company, speech(template.key.language)
        letter = replace(letter, today=today_of(letter, at))
        letter, secret = self._opened(letter, message, at)
        logo_source = f"cid:{LOGO_ID}" if profile.logo else ""
        form = Form(letter.type, template.areas, profile, logo_source, language.tag)
        leaving = unsubscribe(letter, message, self._unsubscribe_tokens, self._public_url)
        page = self._written(form, letter, leaving.url if leaving else "", is_sample=message.is_test)
        subject = f"{language.words.test_mark}{page.subject}" if message.is_test else page.subject
        mail = Mail(
            head=Letterhead(profile.name, profile.from_address, profile.reply_to, profile.logo),
            recipients=letter.recipients,
            subject=subject,
            html=page.html,
            text=page.text,
            message_id=message.message_id,
            notice_id=message.notice_id,
            at=at,
            unsubscribe=leaving,
        )
        envelope = compose(mail)
        return Rendered(
            template=template.key,
            template_version=template.version,
            sender=envelope.sender,
            recipients=envelope.recipients,
            subject=subject,
            mime=self._signer.sign(envelope.mime, at) if self._signer else envelope.mime,
            needs_utf8=envelope.needs_utf8,
            kept=_blotted(mail, secret) if secret else b"",
        )

    def preview(self, key: Key, areas: Areas, company: Profile, today: date) -> Preview:
        """With the logo in the page itself, since there is no mail around it to take it from."""
        profile = company.company
        source = ""
        if profile.logo:
            source = f"data:{logo_type(profile.logo)};base64,{base64.b64encode(profile.logo).decode()}"
        form = Form(key.type, areas, profile, source, key.language)
        return self._written(form, sample_of(key, today), is_sample=True)

    def samples(self, key: Key, company: Profile, today: date) -> dict[str, str]:
        """The values that `preview` puts in."""
        return values(sample_of(key, today), company.company, self._public_url, speech(key.language))

    def _opened(self, letter: Letter, message: Claimed, at: datetime) -> tuple[Letter, str]:
        """The letter with the token of its link into the portal, and that token, empty if none was made."""
        if not isinstance(letter.about, Access) or letter.about.token:
            return letter, ""
        if self._portal_tokens is None:
            raise RuntimeError("a press without a key writes no links into the portal")
        token = self._portal_tokens(message.notice_id, at)
        return replace(letter, about=replace(letter.about, token=token)), token

    def _written(self, form: Form, letter: Letter, way_out: str = "", *, is_sample: bool = False) -> Preview:
        """`way_out` is where one unsubscribes, if at all; a sample shows where it would stand."""
        if is_sample and letter.type in CAN_BE_LEFT:
            way_out = f"{self._public_url}/unsubscribe/{SAMPLE_TOKEN}"
        known = values(letter, form.company, self._public_url, speech(form.language))
        page = None if is_sample else self._cast(form, letter, known)
        if page is None:
            link = Link(speech(form.language).words.unsubscribe, way_out) if way_out else None
            content = replace(self._content(form, letter, known), way_out=link)
            page = self._layout.page(form, known, content)
        if isinstance(letter.about, Access):
            # A subject is shown in lists, and kept with them.
            hidden = {name: value.replace(letter.about.token, BLOTTED) for name, value in known.items()}
            page = replace(page, subject=line(parts_of(form.type, form.areas).subject, hidden))
        return page

    def _content(self, form: Form, letter: Letter, known: Mapping[str, str]) -> Content:
        return content_of(letter, known, form.company, self._public_url, speech(form.language))

    def _cast(self, form: Form, letter: Letter, known: Mapping[str, str]) -> Preview | None:
        """The page from a mold; None if these values or areas have to go the whole way."""
        if form.type not in _MOLDED:
            return None
        plain, link = [known[name] for name in _varying(known)], known["pay.link"]
        if not all(map(is_plain, plain)) or not _SIMPLE_LINK.fullmatch(link):
            return None
        parts = parts_of(form.type, form.areas)
        subject, title = line(parts.subject, known), line(parts.title, known)
        # What decides which lines there are, besides the form.
        shape = (form, *map(bool, plain), known["invoice.amount"] == known["invoice.balance"])
        # Looked up once: another thread may clear them at any moment.
        molds = self._molds.get(shape)
        if molds is None and shape not in self._molds:
            if len(self._molds) >= MOST_MOLDS:
                self._molds.clear()
            molds = self._molds[shape] = self._molded(form, letter, known)
        if molds is None or len(title) >= LONGEST_LINE:
            return None
        slots = [rule_below(title), *plain]
        slots[1 + list(_varying(known)).index("pay.link")] = link.removeprefix(self._public_url)
        html, text = molds
        spaced = [value.replace("\u00a0", " ") for value in slots]
        return Preview(subject, html.cast([escaped(value) for value in slots]), text.cast(spaced))

    def _molded(self, form: Form, letter: Letter, known: Mapping[str, str]) -> tuple[Mold, Mold] | None:
        """The molds of HTML and text for all values that are empty, or alike, where these are."""
        if not all(map(can_be_molded, _constant(form.areas, form.company))):
            return None
        marks = dict(known)
        for number, name in enumerate(_varying(known), start=1):
            marks[name] = mark(number) if known[name] else ""
        marks["pay.link"] = self._public_url + marks["pay.link"]
        if known["invoice.amount"] == known["invoice.balance"]:
            marks["invoice.amount"] = marks["invoice.balance"]
        if len(line(parts_of(form.type, form.areas).title, marks)) >= LONGEST_LINE:
            return None
        page = self._layout.page(form, marks, self._content(form, letter, marks), rule=mark(0))
        return Mold.of(page.html), Mold.of(page.text)


def _constant(areas: Areas, company: Company) -> Iterator[str]:
    """What stands in a mold as it is."""
    yield from vars(areas).values()
    yield from (company.name, company.address, company.phone)


def _varying(known: Mapping[str, str]) -> Iterator[str]:
    """The tokens whose values differ from mail to mail."""
    return (name for name in known if not name.startswith(("company.", "portal.")))


def _blotted(mail: Mail, secret: str) -> bytes:
    """The mail as it may be kept."""
    html, text = mail.html.replace(secret, BLOTTED), mail.text.replace(secret, BLOTTED)
    return compose(replace(mail, html=html, text=text)).mime

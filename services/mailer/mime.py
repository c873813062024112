"""Mails as bytes.

Written out here rather than by `email.message.EmailMessage`, for two reasons: that class reads encoded words
in what it is given, so a client named "=?utf-8?q?...?=" would be decoded into the header; and it takes a
millisecond for each mail, twenty times as long. The tests read the result back with the standard library.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from services.mailer.domain.letter import Recipient
from services.mailer.domain.logo import logo_type
from services.mailer.domain.message import Body, CannotWrite
from services.mailer.domain.tokens import one_line

LOGO_ID = "logo"
"""The Content-ID that the HTML part shows the logo by, as cid:logo."""

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SIMPLE_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
LONGEST_LOCAL = 64
_WORD_BYTES = 42
"""Bytes of text in one encoded word: 56 in base64 and 12 around them, which leaves room for the name."""


@dataclass(frozen=True)
class Letterhead:
    """What every mail of a company carries."""

    name: str
    from_address: str
    reply_to: str
    logo: bytes


@dataclass(frozen=True)
class Mail:
    """A mail to be written out."""

    head: Letterhead
    recipients: Sequence[Recipient]
    subject: str
    html: str
    text: str
    message_id: str
    notice_id: str
    at: datetime
    unsubscribe: "Unsubscribe | None" = None


@dataclass(frozen=True)
class Unsubscribe:
    """Where the reader gets no more mails of this type.

    By `one_click` a mail program does it at once, without a page (RFC 8058). That is for mails to one reader:
    whoever clicks must be the one who is meant.
    """

    url: str
    one_click: bool


@dataclass(frozen=True)
class Envelope:
    """The bytes, and the addresses as the SMTP server is told them."""

    sender: str
    recipients: tuple[str, ...]
    needs_utf8: bool
    mime: bytes


def compose(mail: Mail) -> Envelope:
    """The mail as bytes with CRLF. `CannotWrite` names an address that is none."""
    recipients = tuple(dict.fromkeys(_on_the_wire(one.email) for one in mail.recipients))
    sender = _on_the_wire(mail.head.from_address)
    reply_to = _on_the_wire(mail.head.reply_to) if mail.head.reply_to else ""
    named = {_on_the_wire(one.email): one.name for one in mail.recipients}
    fields = [
        ("From", _mailbox(mail.head.name, sender)),
        ("To", ",\r\n ".join(_mailbox(named[email], email) for email in recipients)),
        ("Subject", _unstructured(mail.subject, len("Subject: "))),
        ("Date", format_datetime(mail.at)),
        ("Message-ID", mail.message_id),
        # Tells answering machines to stay silent (RFC 3834).
        ("Auto-Submitted", "auto-generated"),
        # The same for Exchange. Not "All", which would keep reports of failure back too.
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("X-Dunlin-Notice", mail.notice_id),
        *_list_fields(mail.unsubscribe),
        ("MIME-Version", "1.0"),
    ]
    if reply_to:
        fields.insert(1, ("Reply-To", reply_to))
    header = "".join(f"{name}: {value}\r\n" for name, value in fields)
    needs_utf8 = not all(address.isascii() for address in (sender, reply_to, *recipients))
    content = _multipart(
        "alternative", "", [_text_part("plain", mail.text), _rich_part(mail.html, mail.head.logo)]
    )
    return Envelope(sender, recipients, needs_utf8, header.encode() + content)


def _list_fields(unsubscribe: Unsubscribe | None) -> list[tuple[str, str]]:
    """Only for mails that have a list. Who owes money cannot unsubscribe from being told of an invoice."""
    if unsubscribe is None:
        return []
    fields = [("Precedence", "bulk"), ("List-Unsubscribe", f"<{unsubscribe.url}>")]
    if unsubscribe.one_click:
        fields.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return fields


def body_of(mime: bytes) -> Body:
    """The parts of a mail that `compose` wrote, lines ending in a plain newline."""
    message = message_from_bytes(mime, policy=policy.default)
    html, text = (_content(message, kind) for kind in ("html", "plain"))
    return Body(html=html, text=text, mime=mime)


def _content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _on_the_wire(email: str) -> str:
    """An address with its domain in ASCII; only the part before the at sign may need SMTPUTF8."""
    local, _, domain = email.partition("@")
    simple = _SIMPLE_LOCAL.fullmatch(local) and local.lower() not in CASE_INSENSITIVE_MAILBOX_NAMES
    if simple and len(local) <= LONGEST_LOCAL and len(domain) < LONGEST_LOCAL:
        # What is right about such a part needs no library; the domains are few.
        return f"{local}@{_checked(f'a@{domain}').partition('@')[2]}"
    return _checked(email)


@lru_cache(maxsize=4096)
def _checked(email: str) -> str:
    try:
        valid = validate_email(
            email, check_deliverability=False, test_environment=True, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise CannotWrite(f"{one_line(email)[:80]!r} is not an email address: {error}") from error
    return f"{valid.local_part}@{valid.ascii_domain}"


def _mailbox(name: str, email: str) -> str:
    name = one_line(name)
    if not name:
        return email
    if len(name) <= 60 and "=?" not in name:
        if _ATOMS.fullmatch(name):
            return f"{name} <{email}>"
        if name.isascii():
            escaped = name.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}" <{email}>'
    return f"{_words(name)}\r\n <{email}>"


def _unstructured(text: str, used: int) -> str:
    """Header text: plain if it is short ASCII that no reader could take for something else."""
    text = one_line(text)
    if text.isascii() and "=?" not in text and used + len(text) <= 76:
        return text
    return _words(text)


def _words(text: str) -> str:
    """The text as encoded words (RFC 2047), one a line, none of which cuts a character in two."""
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(piece).decode('ascii')}?=" for piece in _pieces(text))


def _pieces(text: str) -> Iterator[bytes]:
    piece = b""
    for character in text:
        encoded = character.encode()
        if len(piece) + len(encoded) > _WORD_BYTES:
            yield piece
            piece = b""
        piece += encoded
    yield piece


def _text_part(kind: str, text: str) -> bytes:
    # binascii keeps the line ends that it meets first, so they are made CRLF beforehand.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    encoded = binascii.b2a_qp(lines, istext=True)
    # Where it meets none, it breaks long lines with a bare newline.
    return head.encode() + (encoded if b"\n" in lines else encoded.replace(b"\n", b"\r\n"))


def _rich_part(html: str, logo: bytes) -> bytes:
    part = _text_part("html", html)
    return _multipart("related", 'type="text/html"', [part, _logo_part(logo)]) if logo else part


@lru_cache(maxsize=4)
def _logo_part(logo: bytes) -> bytes:
    kind = logo_type(logo) or "application/octet-stream"
    head = (
        f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <{LOGO_ID}>\r\n"
        f"Content-Disposition: inline; filename=logo.{kind.partition('/')[2]}\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(logo).replace(b"\n", b"\r\n")


def _multipart(kind: str, parameter: str, parts: Sequence[bytes]) -> bytes:
    # 128 random bits, and "=_", which neither encoding of a part can produce.
    boundary = f"=_{secrets.token_hex(16)}"
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
    if parameter:
        head += f";\r\n {parameter}"
    delimiter = f"--{boundary}".encode()
    pieces = [head.encode(), b""]
    for part in parts:
        pieces += [delimiter, part]
    return b"\r\n".join([*pieces, delimiter + b"--", b""])

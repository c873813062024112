"""What mails and Pay Now pages say about the company that runs Dunlin."""

import re
from dataclasses import dataclass, replace

from email_validator import EmailNotValidError, validate_email

from services.mailer.domain.languages import ENGLISH, LanguageUnknown, checked_language
from services.mailer.domain.logo import Size, logo_size, logo_type
from services.mailer.domain.tokens import is_blank, is_one_line
from services.shared.errors import Invalid, Violation

LONGEST_NAME = 200
LONGEST_ADDRESS = 500
LONGEST_PHONE = 50
LARGEST_LOGO = 200_000
"""Bytes."""

SMALLEST_SIZE, LARGEST_SIZE = Size(16, 16), Size(2000, 1000)
"""Of the logo: a few bytes can name a picture that fills the memory of whoever opens the mail."""

LEAST_CONTRAST = 4.5
"""Of the accent colour with white, for buttons that everybody can read (WCAG 2, level AA)."""

SHIPPED_SENDER = "billing@localhost.localdomain"
"""Where mails come from until somebody says otherwise; nobody can answer to it."""

_NO_REPLY = re.compile(r"(no|do-?not|donot)[-_.]?reply", re.IGNORECASE)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Company:
    """The profile. `reply_to`, `phone`, `address` and `logo` may be empty."""

    name: str
    address: str
    phone: str
    reply_to: str
    from_address: str
    accent_color: str
    logo: bytes = b""
    language: str = ENGLISH.tag
    """Of mails to organizations that have none of their own."""
    pay_links: bool = True
    """Whether mails bear links to Pay Now; else their button leads to the portal."""

    @property
    def sender_set(self) -> bool:
        """Whether `from_address` is the company's own."""
        return self.from_address != SHIPPED_SENDER


@dataclass(frozen=True)
class Profile:
    """The company's profile with the number of its changes, by which what depends on it is cached."""

    company: Company
    revision: int


class CompanyInvalid(Invalid):
    """The profile has mistakes; each violation names its field."""

    reason = "COMPANY_INVALID"


def checked(company: Company) -> Company:
    """The profile in its normal form. `CompanyInvalid` names everything that is wrong."""
    company = replace(
        company,
        name=company.name.strip(),
        phone=company.phone.strip(),
        address="\n".join(line.strip() for line in company.address.strip().splitlines()),
        accent_color=company.accent_color.strip().lower(),
        language=company.language or ENGLISH.tag,
    )
    violations = [
        *_line("name", company.name, LONGEST_NAME, needed=True),
        *_line("phone", company.phone, LONGEST_PHONE, needed=False),
        *_address(company.address),
        *_email("from_address", company.from_address, needed=True),
        *_email("reply_to", company.reply_to, needed=False),
        *_color(company.accent_color),
        *_logo(company.logo),
        *_language(company.language),
    ]
    if violations:
        raise CompanyInvalid(violations[0].description, violations=violations)
    return company


def _line(field: str, text: str, most: int, *, needed: bool) -> list[Violation]:
    label = field.capitalize()
    if needed and is_blank(text):
        return [_wrong(field, "EMPTY", f"{label}: it must not be empty.")]
    if len(text) > most:
        return [_wrong(field, "TOO_LONG", f"{label}: at most {most} characters are possible.")]
    if not is_one_line(text):
        return [_wrong(field, "NOT_ONE_LINE", f"{label}: it must be one line without control characters.")]
    return []


def _address(text: str) -> list[Violation]:
    if len(text) > LONGEST_ADDRESS:
        return [_wrong("address", "TOO_LONG", f"Address: at most {LONGEST_ADDRESS} characters are possible.")]
    if not all(is_one_line(line) for line in text.split("\n")):
        return [_wrong("address", "CONTROL_CHARACTER", "Address: it contains control characters.")]
    return []


def _email(field: str, text: str, *, needed: bool) -> list[Violation]:
    if not text and not needed:
        return []
    try:
        # Syntax only: whether mail arrives there is not to be found out by a look at the network, and names
        # such as example.test are what one sets up a trial with.
        validate_email(text, check_deliverability=False, test_environment=True, globally_deliverable=False)
    except EmailNotValidError as error:
        label = field.replace("_", "-").capitalize()
        return [_wrong(field, "EMAIL_INVALID", f"{label}: {text[:80]!r} is not an email address. {error}")]
    return []


def _color(text: str) -> list[Violation]:
    if not _COLOR.fullmatch(text):
        return [_wrong("accent_color", "COLOR_MALFORMED", "Accent colour: write it as #1f4e79.")]
    if contrast_with_white(text) < LEAST_CONTRAST:
        words = (
            f"Accent colour: white text on {text} has a contrast of {contrast_with_white(text):.1f} to 1,"
            f" which is hard to read; choose a darker one with at least {LEAST_CONTRAST} to 1."
        )
        return [_wrong("accent_color", "CONTRAST_TOO_LOW", words)]
    return []


def _logo(logo: bytes) -> list[Violation]:
    if not logo:
        return []
    if len(logo) > LARGEST_LOGO:
        words = f"Logo: the picture has {len(logo):,} bytes; at most {LARGEST_LOGO:,} are possible."
        return [_wrong("logo", "LOGO_TOO_LARGE", words)]
    if logo_type(logo) is None:
        return [_wrong("logo", "LOGO_MALFORMED", "Logo: the picture must be a PNG or a JPEG.")]
    size = logo_size(logo)
    if size is None:
        words = "Logo: the picture is damaged or cut short; save it as a PNG or a JPEG again."
        return [_wrong("logo", "LOGO_MALFORMED", words)]
    if not _fits(size):
        words = (
            f"Logo: the picture is {_shown(size)} pixels; resize it to at least {_shown(SMALLEST_SIZE)}"
            f" and at most {_shown(LARGEST_SIZE)}."
        )
        return [_wrong("logo", "LOGO_SIZE_UNFIT", words)]
    return []


def _language(tag: str) -> list[Violation]:
    try:
        checked_language(tag)
    except LanguageUnknown as refusal:
        return [_wrong("language", refusal.reason, f"Language: {refusal.message}")]
    return []


def _fits(size: Size) -> bool:
    least, most = SMALLEST_SIZE, LARGEST_SIZE
    return least.width <= size.width <= most.width and least.height <= size.height <= most.height


def _shown(size: Size) -> str:
    return f"{size.width} x {size.height}"


def contrast_with_white(color: str) -> float:
    """Contrast of #rrggbb with white after WCAG 2: from 1 (white) to 21 (black)."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def takes_replies(company: Company) -> bool:
    """Whether somebody reads what is answered to a mail: it goes to `reply_to`, else to the sender."""
    own_sender = company.sender_set and not _NO_REPLY.match(company.from_address)
    return bool(company.reply_to) or own_sender


def mail_domain(address: str) -> str:
    """The part of an e-mail address behind the at sign, in ASCII, as it stands in a Message-ID."""
    domain = address.rpartition("@")[2]
    return domain if domain.isascii() else domain.encode("idna").decode("ascii")


def _wrong(field: str, reason: str, description: str) -> Violation:
    return Violation(f"company.{field}", reason, description)

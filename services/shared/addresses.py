"""E-mail addresses: what is one, and when two are the same."""

import re
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

LONGEST = 254
"""Characters in an address (RFC 5321)."""

# Most addresses are plain: words of ASCII with dots between them, at a domain of ordinary labels. In these
# the validator finds nothing, and takes fifty times as long to say so.
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(
    rf"(?=[^@]{{1,64}}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:{_LABEL}\.)+([a-z]{{2,63}})",
    re.ASCII,
)
_SPECIAL = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


class AddressMalformed(ValueError):
    """The text is not an e-mail address; the message says why, in words for whoever wrote it."""


@lru_cache(maxsize=65_536)
def address_key(text: str) -> str:
    """The form in which two spellings of one address are equal: normalised, in lower case.

    Raises `AddressMalformed`. International addresses are addresses; so are those under .test, which a
    sample company needs. Nothing is asked of the network.
    """
    if len(text) > LONGEST:
        raise AddressMalformed(f"it is longer than {LONGEST} characters")
    lower = text.lower() if text.isascii() else ""
    plain = _PLAIN.fullmatch(lower)
    if plain and (plain[1] == "test" or plain[1] not in _SPECIAL):
        return lower
    try:
        # `test_environment` admits the domain .test and nothing else; `strict` minds the lengths of the RFC.
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise AddressMalformed(str(error)) from None
    return found.normalized.lower()


def compared(text: str) -> str:
    """As `address_key`; of what is no address, itself in lower case.

    It never fails: reports about mails are written by strangers.
    """
    try:
        return address_key(text.strip())
    except AddressMalformed:
        return text.strip().lower()[:LONGEST]

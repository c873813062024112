"""E-mail addresses: what is one, and when two are the same."""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LONGEST = 254
"""Characters in an address (RFC 5321)."""


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
    try:
        # `test_environment` admits the domain .test and nothing else; `strict` minds the lengths of the RFC.
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise AddressMalformed(str(error)) from None
    return found.normalized.lower()

"""Ways to pay. What stands for one is a token of the provider; a card number is never one."""

import hashlib
import re
from dataclasses import dataclass

from services.shared.errors import Invalid, Violation

MOST_CHARACTERS = 200
"""No provider's token is longer."""

_SEPARATORS = re.compile(r"[\s\-._/]")
_CARD = re.compile(r"\d{13}")


class MethodUnknown(Invalid):
    """The token stands for no way to pay. The text never repeats it: it might be a card number."""

    reason = "METHOD_UNKNOWN"

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[Violation("method_token", self.reason, message)])


@dataclass(frozen=True)
class Method:
    """One way to pay."""

    method_token: str
    label: str
    """What a page and a receipt show ("Sandbox card ending 4242")."""
    behaviour: str = ""
    """What a test method does ("is approved"); empty for one that moves money."""


def must_be_a_token(text: str) -> None:
    """Refuses with `MethodUnknown` what cannot be a provider's token, card numbers above all.

    Comes before anything is stored, logged or sent on.
    """
    if not text:
        raise MethodUnknown("Choose a way to pay.")
    if _CARD.search(_SEPARATORS.sub("", text)):
        raise MethodUnknown(
            "This looks like a card or account number. Send the provider's token; numbers are never taken."
        )
    if len(text) > MOST_CHARACTERS or not text.isprintable() or not text.isascii():
        raise MethodUnknown("This is not a token of the payment provider.")


def digest(method_token: str) -> str:
    """Tells tokens apart without keeping them."""
    return hashlib.sha256(method_token.encode()).hexdigest()

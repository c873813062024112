"""Statements of our own that others carry: whoever brings one back has it from us, unchanged."""

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_MOST_CHARACTERS = 4000


class Seal:
    """Closes and opens with one secret of at least 16 bytes; each purpose has a key of its own.

    A sealed text is URL-safe, and says nothing to who holds it: it travels in addresses, which proxies and
    browsers write down. The same content gives the same text (AES-SIV, RFC 5297), so no chance is needed.
    """

    def __init__(self, secret: str | bytes, purpose: bytes) -> None:
        secret = secret.encode() if isinstance(secret, str) else secret
        if len(secret) < 16:
            raise ValueError("a key that seals must have at least 16 bytes")
        # The same secret seals several things; a key for each purpose keeps them apart.
        self._cipher = AESSIV(hmac.digest(secret, purpose, hashlib.sha512))

    def close(self, content: bytes) -> str:
        """The content, sealed."""
        return _as_text(self._cipher.encrypt(content, None))

    def open(self, sealed: str) -> bytes | None:
        """The content; None if this is not exactly what `close` has made."""
        if len(sealed) > _MOST_CHARACTERS or not sealed.isascii():
            return None
        try:
            closed = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            content = self._cipher.decrypt(closed, None)
        except (binascii.Error, InvalidTag, ValueError):
            return None
        # The last character of base64 has idle bits; only the one spelling that we made is ours.
        return content if _as_text(closed) == sealed else None


def _as_text(closed: bytes) -> str:
    return base64.urlsafe_b64encode(closed).rstrip(b"=").decode()

"""Statements of our own that others carry: whoever brings one back has it from us, unchanged."""

import base64
import binascii
import hashlib
import hmac

_SIGNATURE = 32
_MOST_CHARACTERS = 4000


class Seal:
    """Signs and verifies with one secret of at least 16 bytes; each purpose has a key of its own.

    A sealed text is URL-safe. It hides nothing from who holds it.
    """

    def __init__(self, secret: str | bytes, purpose: bytes) -> None:
        secret = secret.encode() if isinstance(secret, str) else secret
        if len(secret) < 16:
            raise ValueError("the key of pay links and quotes must have at least 16 bytes")
        # The same secret signs several things; a key for each purpose keeps them apart.
        self._key = hmac.digest(secret, purpose, hashlib.sha256)

    def close(self, content: bytes) -> str:
        """The content, sealed."""
        return base64.urlsafe_b64encode(self._signature(content) + content).rstrip(b"=").decode()

    def open(self, sealed: str) -> bytes | None:
        """The content; None if this is not exactly what `close` has made."""
        if len(sealed) > _MOST_CHARACTERS or not sealed.isascii():
            return None
        try:
            signed = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        signature, content = signed[:_SIGNATURE], signed[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(content)):
            return None
        # The last character of base64 has idle bits; only the one spelling that we made is ours.
        is_ours = base64.urlsafe_b64encode(signed).rstrip(b"=").decode() == sealed
        return content if is_ours else None

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)

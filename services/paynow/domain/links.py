"""Signed pay links: who follows one has been shown the invoice by us, in a mail to that address."""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.shared.errors import WrongState, invalid_field

LIFETIME = timedelta(days=60)
"""How long a link opens."""

_HEAD = struct.Struct(">BQI")
_VERSION = 1
_SIGNATURE = 32
_MOST_CHARACTERS = 1000
_PURPOSE = b"dunlin pay link 1"


class LinkExpired(WrongState):
    """The signature holds, and the link is too old."""

    reason = "LINK_EXPIRED"


@dataclass(frozen=True)
class Link:
    """What a link says."""

    invoice_id: int
    email: str
    issued_at: datetime


class PayLinks:
    """Makes and opens links with one secret key of at least 16 bytes.

    A token is URL-safe text. It hides nothing from who holds it: it names invoice and address, and
    proves that we put them together.
    """

    def __init__(self, key: str | bytes) -> None:
        secret = key.encode() if isinstance(key, str) else key
        if len(secret) < 16:
            raise ValueError("the key of pay links must have at least 16 bytes")
        # The same secret may sign other things; a key for each purpose keeps them apart.
        self._key = hmac.digest(secret, _PURPOSE, hashlib.sha256)

    def make(self, invoice_id: int, email: str, now: datetime) -> str:
        """A token for the invoice and the address, good for `LIFETIME` from `now` (kept to the second)."""
        content = _HEAD.pack(_VERSION, invoice_id, int(now.timestamp())) + email.encode()
        return base64.urlsafe_b64encode(self._signature(content) + content).rstrip(b"=").decode()

    def open(self, token: str, now: datetime) -> Link:
        """What the token says. Refuses with `Invalid` (LINK_INVALID) and `LinkExpired`."""
        content = self._verified(token)
        version, invoice_id, issued = _HEAD.unpack_from(content)
        if version != _VERSION:
            raise link_invalid()
        link = Link(invoice_id, content[_HEAD.size :].decode(), datetime.fromtimestamp(issued, UTC))
        if now >= link.issued_at + LIFETIME:
            raise LinkExpired("This link is older than 60 days; enter the three fields instead.")
        return link

    def _verified(self, token: str) -> bytes:
        if len(token) > _MOST_CHARACTERS or not token.isascii():
            raise link_invalid()
        try:
            signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            raise link_invalid() from None
        signature, content = signed[:_SIGNATURE], signed[_SIGNATURE:]
        if len(content) < _HEAD.size or not hmac.compare_digest(signature, self._signature(content)):
            raise link_invalid()
        # The last character of base64 has idle bits; only the one spelling that we made is ours.
        if base64.urlsafe_b64encode(signed).rstrip(b"=").decode() != token:
            raise link_invalid()
        return content

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)


def link_invalid() -> Exception:
    """The refusal of a token that is not ours, or whose invoice is gone."""
    return invalid_field(
        "token",
        "LINK_INVALID",
        "This link is not whole; open it again from the mail, or enter the three fields.",
    )

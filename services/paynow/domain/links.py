"""Sealed pay links: who follows one has been shown the invoice by us, in a mail to that address."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.paynow.domain.marks import Named, mark_of
from services.shared.errors import WrongState, invalid_field
from services.shared.seal import Seal

LIFETIME = timedelta(days=60)
"""How long a link opens."""

_HEAD = struct.Struct(">BQI12s")
_VERSION = 2


class LinkExpired(WrongState):
    """The signature holds, and the link is too old."""

    reason = "LINK_EXPIRED"


@dataclass(frozen=True)
class Link:
    """What a link says."""

    invoice_id: int
    mark: bytes
    email: str
    issued_at: datetime

    def is_for(self, invoice: Named) -> bool:
        """Whether it was made for this invoice, and not for another one that had its id."""
        return (invoice.invoice_id, mark_of(invoice)) == (self.invoice_id, self.mark)


class PayLinks:
    """Makes and opens links with one secret key of at least 16 bytes.

    A token is URL-safe text that shows neither invoice nor address, and proves that we put them together.
    """

    def __init__(self, key: str | bytes) -> None:
        self._seal = Seal(key, b"dunlin pay link 2")

    def make(self, invoice: Named, email: str, now: datetime) -> str:
        """A token for the invoice and the address, good for `LIFETIME` from `now` (kept to the second)."""
        head = _HEAD.pack(_VERSION, invoice.invoice_id, int(now.timestamp()), mark_of(invoice))
        return self._seal.close(head + email.encode())

    def open(self, token: str, now: datetime) -> Link:
        """What the token says. Refuses with `Invalid` (LINK_INVALID) and `LinkExpired`."""
        content = self._seal.open(token)
        if content is None or len(content) < _HEAD.size:
            raise link_invalid()
        version, invoice_id, issued, mark = _HEAD.unpack_from(content)
        if version != _VERSION:
            raise link_invalid()
        email = content[_HEAD.size :].decode()
        link = Link(invoice_id, mark, email, datetime.fromtimestamp(issued, UTC))
        if now >= link.issued_at + LIFETIME:
            raise LinkExpired("This link is older than 60 days; enter the three fields instead.")
        return link


def link_invalid() -> Exception:
    """The refusal of a token that is not ours, or whose invoice is gone."""
    return invalid_field(
        "token",
        "LINK_INVALID",
        "This link is not whole; open it again from the mail, or enter the three fields.",
    )

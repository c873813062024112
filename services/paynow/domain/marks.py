"""Which invoice a sealed statement is about, beyond its id.

Books that were restored from an older day give the ids of invoices that were lost to other invoices. What a
client carries outlives that: a link or a quote must then open nothing rather than another client's invoice.
"""

import hashlib
from typing import Protocol

MARK_BYTES = 12


class Named(Protocol):
    """An invoice as its client knows it."""

    @property
    def invoice_id(self) -> int:
        """Its id in these books."""
        ...

    @property
    def organization_id(self) -> str:
        """Whose it is."""
        ...

    @property
    def number(self) -> str:
        """What its organization knows it by."""
        ...


def mark_of(invoice: Named) -> bytes:
    """Tells the invoice from any other that may ever bear its id; `MARK_BYTES` long."""
    named = f"{invoice.organization_id}\n{invoice.number}".encode()
    return hashlib.sha256(named).digest()[:MARK_BYTES]

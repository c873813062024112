"""Quotes: an amount of one invoice that one payer may confirm for a while.

A quote is kept nowhere. It is a sealed statement that the payer brings back, so that asking costs no write;
what is kept is the payment that it becomes, at most one for each quote.
"""

import base64
import itertools
import secrets
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.paynow.domain.guard import Payable
from services.paynow.domain.marks import Named, mark_of
from services.shared.errors import Missing, WrongState
from services.shared.seal import Seal

LIFETIME = timedelta(minutes=15)
"""How long a quote may be confirmed."""

_HEAD = struct.Struct(">BQ12sQQ3s24s")
_VERSION = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class QuoteMissing(Missing):
    """We have made no such quote."""

    reason = "QUOTE_MISSING"


class QuoteExpired(WrongState):
    """The quote may no longer be confirmed; a new one has to be asked for."""

    reason = "QUOTE_EXPIRED"


@dataclass(frozen=True)
class Quote:
    """What was quoted. `quote_id` is unlike that of any other; a payment is kept under it."""

    quote_id: str
    invoice_id: int
    mark: bytes
    """See `domain.marks`."""
    invoice_number: str
    amount_minor: int
    currency: str
    email: str
    created_at: datetime
    payment_id: str = ""
    """The payment that used it up, where that was looked for."""
    language: str = ""
    """The organization's, where that was looked for; empty means the company's."""
    sealed: str = ""
    """What the payer carries: who has it may confirm it."""

    @property
    def expires_at(self) -> datetime:
        """Until when it may be confirmed."""
        return self.created_at + LIFETIME

    def is_for(self, invoice: Named) -> bool:
        """Whether it was made for this invoice, and not for another one that had its id."""
        return (invoice.invoice_id, mark_of(invoice)) == (self.invoice_id, self.mark)

    def must_be_open(self, now: datetime) -> None:
        """Refuses with `QuoteExpired` once its time is over."""
        if now >= self.expires_at:
            raise QuoteExpired("This confirmation has expired; enter the amount again to get a new one.")


class Quotes:
    """Makes quotes and knows its own again, by one secret key of at least 16 bytes."""

    def __init__(self, key: str | bytes) -> None:
        self._seal = Seal(key, b"dunlin quote 2")
        # Nobody gains by guessing an id, so it need not be drawn anew each time: drawing lets go of the
        # interpreter, which then sixteen other calls wait to have.
        self._origin = secrets.token_bytes(12)
        self._numbers = itertools.count()

    def make(self, invoice: Payable, amount_minor: int, email: str, now: datetime) -> Quote:
        """A new quote."""
        quote = Quote(
            quote_id=self._new_id(),
            invoice_id=invoice.invoice_id,
            mark=mark_of(invoice),
            invoice_number=invoice.number,
            amount_minor=amount_minor,
            currency=invoice.currency,
            email=email,
            created_at=now,
        )
        return replace(quote, sealed=self._seal.close(_written(quote)))

    def _new_id(self) -> str:
        number = next(self._numbers).to_bytes(6, "big")
        return base64.urlsafe_b64encode(self._origin + number).decode()

    def open(self, sealed: str) -> Quote:
        """The quote, also one that has expired. Refuses with `QuoteMissing`."""
        content = self._seal.open(sealed)
        if content is None or content[:1] != bytes([_VERSION]):
            raise QuoteMissing("There is no such confirmation; enter the amount again to get a new one.")
        return _read(content, sealed)


def _written(quote: Quote) -> bytes:
    at = (quote.created_at - _EPOCH) // _MICROSECOND
    texts = (quote.currency.encode(), quote.quote_id.encode())
    head = (quote.invoice_id, quote.mark, quote.amount_minor, at, *texts)
    # Neither a number nor an address has a line break.
    return _HEAD.pack(_VERSION, *head) + f"{quote.invoice_number}\n{quote.email}".encode()


def _read(content: bytes, sealed: str) -> Quote:
    _, invoice_id, mark, amount_minor, at, currency, quote_id = _HEAD.unpack_from(content)
    number, _, email = content[_HEAD.size :].decode().partition("\n")
    created_at = _EPOCH + at * _MICROSECOND
    currency, quote_id = currency.decode(), quote_id.decode()
    quote = Quote(quote_id, invoice_id, mark, number, amount_minor, currency, email, created_at)
    return replace(quote, sealed=sealed)

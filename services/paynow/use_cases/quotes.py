"""From the three fields, typed or filled in by a link, to a quote that may be confirmed."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.paynow.domain.guard import amount_of, check_fields, choose
from services.paynow.domain.links import Link, PayLinks, link_invalid
from services.paynow.domain.quotes import Quote, Quotes
from services.paynow.ports_payments import PaymentStore, Shown
from services.shared.clock import Clock
from services.shared.errors import Refusal


@dataclass(frozen=True)
class Asked:
    """The three fields as the payer typed them, and the token of the link that they came by, if any."""

    email: str
    number: str
    amount: str
    link_token: str = ""


def open_link(token: str, *, store: PaymentStore, links: PayLinks, clock: Clock) -> tuple[Link, Shown]:
    """The link and the invoice that it is for, as it stands now. Reads only."""
    link = links.open(token, clock.now())
    with store.read() as view:
        shown = view.shown(link.invoice_id)
    if shown is None or not link.is_for(shown.invoice):
        raise link_invalid()
    return link, shown


def validate(asked: Asked, *, store: PaymentStore, links: PayLinks, quotes: Quotes, clock: Clock) -> Quote:
    """Checks the three fields and makes a quote for them. Reads only.

    The two look-ups know nothing of each other and both always run, so that neither the answer nor the
    work behind it tells a wrong address from a wrong number.
    """
    fields = check_fields(asked.email, asked.number, asked.amount)
    now = clock.now()
    link = _opened(asked.link_token, links, now)
    numbered, organizations = store.candidates(fields.number, fields.email_key)
    pinned = next((one.invoice_id for one in numbered if link and link.is_for(one)), None)
    invoice = choose(numbered, organizations, pinned)
    amount_minor = amount_of(invoice, fields.amount, named=invoice.invoice_id == pinned)
    return quotes.make(invoice, amount_minor, fields.email, now)


def get_quote(sealed: str, *, store: PaymentStore, quotes: Quotes) -> Quote:
    """The quote, also one that has expired, with the payment that used it up and its client's language."""
    quote = quotes.open(sealed)
    with store.read() as view:
        payment = view.payment_for(quote_id=quote.quote_id, idempotency_key="")
        shown = view.shown(quote.invoice_id)
    language = shown.language if shown and quote.is_for(shown.invoice) else ""
    return replace(quote, payment_id=payment.payment_id if payment else "", language=language)


def _opened(token: str, links: PayLinks, now: datetime) -> Link | None:
    """What the link says. A link that does not open adds nothing, and takes nothing away."""
    try:
        return links.open(token, now) if token else None
    except Refusal:
        return None

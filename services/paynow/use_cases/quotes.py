"""From the three fields, typed or filled in by a link, to a quote that may be confirmed."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from services.paynow.domain.guard import Payable, amount_of, check_fields, choose
from services.paynow.domain.links import Link, PayLinks, link_invalid
from services.paynow.domain.payment import QUOTE_LIFETIME, Quote, QuoteMissing
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
    if shown is None:
        raise link_invalid()
    return link, shown


def validate(asked: Asked, *, store: PaymentStore, links: PayLinks, clock: Clock) -> Quote:
    """Checks the three fields and keeps a quote for them.

    The two look-ups know nothing of each other and both always run, so that neither the answer nor the
    work behind it tells a wrong address from a wrong number.
    """
    fields = check_fields(asked.email, asked.number, asked.amount)
    now = clock.now()
    pinned = _pinned(asked.link_token, links, now)
    with store.read() as view:
        numbered = view.numbered(fields.number)
        organizations = view.organizations_of(fields.email_key)
    invoice = choose(numbered, organizations, pinned)
    amount_minor = amount_of(invoice, fields.amount, named=invoice.invoice_id == pinned)
    quote = _quote(invoice, amount_minor, fields.email, now)
    with store.write() as work:
        work.add_quote(quote)
    return quote


def get_quote(quote_id: str, *, store: PaymentStore) -> Quote:
    """The quote, also one that has expired."""
    with store.read() as view:
        quote = view.quote(quote_id)
    if quote is None:
        raise QuoteMissing("There is no such confirmation; enter the amount again to get a new one.")
    return quote


def _pinned(token: str, links: PayLinks, now: datetime) -> int | None:
    """The invoice that the link is for. A link that does not open adds nothing, and takes nothing away."""
    try:
        return links.open(token, now).invoice_id if token else None
    except Refusal:
        return None


def _quote(invoice: Payable, amount_minor: int, email: str, now: datetime) -> Quote:
    return Quote(
        quote_id=secrets.token_urlsafe(24),
        organization_id=invoice.organization_id,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        amount_minor=amount_minor,
        currency=invoice.currency,
        email=email,
        created_at=now,
        expires_at=now + QUOTE_LIFETIME,
    )

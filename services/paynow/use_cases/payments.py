"""Confirming a quote, which charges it once, and reading payments."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.paynow.domain.guard import Payable
from services.paynow.domain.methods import Method, MethodUnknown, digest, must_be_a_token
from services.paynow.domain.payment import KeyReused, Pace, Payment, PaymentMissing, PaymentState
from services.paynow.domain.quotes import Quote, QuoteExpired, Quotes
from services.paynow.ports_payments import (
    Charge,
    PaymentFilter,
    PaymentReads,
    PaymentStore,
    Provider,
    ProviderFailure,
)
from services.paynow.use_cases.resolve import conclude, unanswered
from services.shared.clock import Clock
from services.shared.errors import Busy, invalid_field
from services.shared.paging import decode_token, encode_token, page_size
from services.shared.paging import total as total_of

log = structlog.get_logger()


class ProviderAway(Busy):
    """The provider cannot say now what a method token stands for; nothing was reserved."""

    reason = "PROVIDER_AWAY"


@dataclass(frozen=True)
class Confirmation:
    """The payer's word: this sealed quote, by this method, under a key that is the same for each repeat."""

    quote: str
    method_token: str
    idempotency_key: str


@dataclass(frozen=True)
class PaymentPage:
    """A page of a list of payments."""

    payments: list[Payment]
    next_page_token: str
    total: int


def confirm(
    confirmation: Confirmation,
    *,
    store: PaymentStore,
    provider: Provider,
    quotes: Quotes,
    clock: Clock,
    pace: Pace,
) -> Payment:
    """Charges the quote once; a repeat gives the payment as it stands now.

    Between reserving and recording the provider is asked outside of any transaction. If the process dies
    there, the payment stays CHARGING until its lease is over and `resolve_due` takes it up.
    """
    _check_key(confirmation.idempotency_key)
    must_be_a_token(confirmation.method_token)
    quote = quotes.open(confirmation.quote)
    with store.read() as view:
        repeated = _repeated(view, quote, confirmation)
    if repeated is not None:
        return repeated
    method = _method(provider, confirmation.method_token)
    payment, is_new = _reserve(quote, confirmation, method, store=store, clock=clock, pace=pace)
    if not is_new:
        return payment
    return _charge(payment, confirmation.method_token, store=store, provider=provider, clock=clock, pace=pace)


def get_payment(payment_id: str, *, store: PaymentStore) -> Payment:
    """The payment as it stands now."""
    with store.read() as view:
        payment = view.payment(payment_id)
    if payment is None:
        raise PaymentMissing("There is no payment with this id.")
    return payment


def list_payments(
    chosen: PaymentFilter, asked_size: int, page_token: str, *, store: PaymentStore
) -> PaymentPage:
    """A page of the payments that match, the newest first."""
    size = page_size(asked_size, 50, 1000)
    query = f"payments|{chosen.state or ''}|{chosen.unacknowledged}|{chosen.organization_id}"
    key = decode_token(query, page_token)
    after = (datetime.fromisoformat(str(key[0])), str(key[1])) if key else None
    with store.read() as view:
        found = view.page(chosen, after, size + 1)
        more = len(found) > size
        is_all = after is None and not more
        total = total_of(len(found), is_all=is_all, count=lambda most: view.count(chosen, most=most))
    page = found[:size]
    token = encode_token(query, page[-1].created_at.isoformat(), page[-1].payment_id) if more else ""
    return PaymentPage(page, token, total)


def _check_key(key: str) -> None:
    if not 8 <= len(key) <= 100 or not key.isprintable():
        raise invalid_field(
            "idempotency_key", "KEY_MALFORMED", "Send a key of 8 to 100 characters, the same for each repeat."
        )


def _repeated(view: PaymentReads, quote: Quote, confirmation: Confirmation) -> Payment | None:
    """The payment that this confirmation has made before. Refuses with `KeyReused` what another has made."""
    payment = view.payment_for(quote_id=quote.quote_id, idempotency_key=confirmation.idempotency_key)
    if payment is not None:
        payment.must_repeat(
            quote_id=quote.quote_id,
            idempotency_key=confirmation.idempotency_key,
            method_digest=digest(confirmation.method_token),
        )
    return payment


def _method(provider: Provider, method_token: str) -> Method:
    try:
        method = provider.method(method_token)
    except ProviderFailure as failure:
        raise ProviderAway("The payment provider is away; nothing was charged, try again.") from failure
    if method is None:
        raise MethodUnknown("The payment provider does not know this way to pay; choose another one.")
    return method


def _reserve(
    quote: Quote, confirmation: Confirmation, method: Method, *, store: PaymentStore, clock: Clock, pace: Pace
) -> tuple[Payment, bool]:
    """The first transaction: the payment, CHARGING, with its amount reserved; and whether it is new.

    The lock on the invoice makes confirmations of one invoice wait for each other. Everything is
    looked at only once it is held.
    """
    with store.write() as work:
        invoice = work.lock_invoices([quote.invoice_id]).get(quote.invoice_id)
        repeated = _repeated(work, quote, confirmation)
        if repeated is not None:
            return repeated, False
        if invoice is None or not quote.is_for(invoice):
            raise QuoteExpired("The invoice is not in the books as it was quoted; ask for it again.")
        now = clock.now()
        _must_be_chargeable(quote, invoice, now)
        payment = _payment(quote, invoice, confirmation, method, now=now, pace=pace)
        if not work.add_payment(payment):
            raise KeyReused("This key was used for another confirmation a moment ago; choose a new key.")
        work.save_invoices([invoice.reserved(quote.amount_minor)])
    return payment, True


def _must_be_chargeable(quote: Quote, invoice: Payable, now: datetime) -> None:
    quote.must_be_open(now)
    invoice.must_be_payable()
    if invoice.currency != quote.currency:
        raise QuoteExpired("The invoice has changed its currency since; enter the amount again.")
    invoice.must_cover(quote.amount_minor, named=False)


def _payment(
    quote: Quote, invoice: Payable, confirmation: Confirmation, method: Method, *, now: datetime, pace: Pace
) -> Payment:
    return Payment(
        payment_id=str(uuid.uuid4()),
        quote_id=quote.quote_id,
        idempotency_key=confirmation.idempotency_key,
        method_digest=digest(confirmation.method_token),
        method_label=method.label,
        organization_id=invoice.organization_id,
        invoice_id=quote.invoice_id,
        invoice_number=quote.invoice_number,
        amount_minor=quote.amount_minor,
        currency=quote.currency,
        payer_email=quote.email,
        state=PaymentState.CHARGING,
        created_at=now,
        next_check_at=now + timedelta(seconds=pace.lease),
    )


def _charge(
    payment: Payment, method_token: str, *, store: PaymentStore, provider: Provider, clock: Clock, pace: Pace
) -> Payment:
    """The call between the transactions, and the second transaction."""
    charge = Charge(payment.payment_id, payment.amount_minor, payment.currency)
    try:
        outcome = provider.charge(charge, method_token, time_limit=pace.charge)
    except ProviderFailure as failure:
        log.warning("charge unanswered", payment_id=payment.payment_id, failure=type(failure).__name__)
        return unanswered(payment, store=store, clock=clock, pace=pace)
    return conclude(payment, outcome, store=store, clock=clock, pace=pace)

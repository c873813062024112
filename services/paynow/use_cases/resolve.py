"""Open charges: recording what became of them, and asking again about those that are not known."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from services.paynow.domain.guard import Payable
from services.paynow.domain.payment import PROVIDER_ERROR, Outcome, Pace, Payment, PaymentState
from services.paynow.ports_payments import Charge, PaymentStore, PaymentWork, Provider, ProviderFailure
from services.shared.clock import Clock

log = structlog.get_logger()

CLAIM = 10
"""Payments claimed at once: few enough to ask about, one after the other, within one lease."""


def resolve_due(*, store: PaymentStore, provider: Provider, clock: Clock, pace: Pace) -> bool:
    """Asks about the open payments whose check is due, and records the answers; whether there were any.

    Any number of workers may do this at once: a payment is claimed for one lease, and a worker that dies
    leaves it to the next one.
    """
    now = clock.now()
    with store.write() as work:
        claimed = work.claim(now, now + timedelta(seconds=pace.lease), CLAIM)
    for payment in claimed:
        try:
            _resolve(payment, store=store, provider=provider, clock=clock, pace=pace)
        except Exception:
            # One payment that cannot be resolved must not keep the others waiting. Its lease brings it back.
            log.exception("payment not resolved", payment_id=payment.payment_id)
    return bool(claimed)


def conclude(payment: Payment, outcome: Outcome, *, store: PaymentStore, clock: Clock, pace: Pace) -> Payment:
    """Records the provider's word, with the balance and the fact that follow from it, in one transaction.

    What is final stays: whoever comes second, a slow charge call or a worker, finds it and changes nothing.
    """
    after = _step(payment, lambda current: current.concluded(outcome, clock.now(), pace), store=store)
    if after.contradicts(outcome):
        # Cannot happen while the provider keeps its promises about keys; a person has to look at it.
        word = outcome.verdict
        log.error("provider contradicts itself", payment_id=after.payment_id, state=after.state, word=word)
    return after


def unanswered(payment: Payment, *, store: PaymentStore, clock: Clock, pace: Pace) -> Payment:
    """Records that the provider did not answer."""
    return _step(payment, lambda current: current.unanswered(clock.now(), pace), store=store)


def _resolve(payment: Payment, *, store: PaymentStore, provider: Provider, clock: Clock, pace: Pace) -> None:
    charge = Charge(payment.payment_id, payment.amount_minor, payment.currency)
    try:
        outcome = provider.find(charge)
        if outcome is None and payment.may_be_given_up(clock.now(), pace):
            # A charge call may still be under way in a process that seems dead. Once the key is closed it
            # cannot take money any more, and only then is "not found" the last word.
            outcome = provider.close(charge) or Outcome.declined(PROVIDER_ERROR)
    except ProviderFailure as failure:
        log.warning("question unanswered", payment_id=payment.payment_id, failure=type(failure).__name__)
        unanswered(payment, store=store, clock=clock, pace=pace)
        return
    if outcome is None:
        _step(payment, lambda current: current.absent(clock.now(), pace), store=store)
    else:
        conclude(payment, outcome, store=store, clock=clock, pace=pace)


def _step(payment: Payment, change: Callable[[Payment], Payment], *, store: PaymentStore) -> Payment:
    """Changes the payment as it stands once its invoice is locked, and the invoice with it."""
    with store.write() as work:
        invoice = work.lock_invoices([payment.invoice_id])[payment.invoice_id]
        (current,) = work.payments([payment.payment_id])
        after = change(current)
        if after == current:
            return current
        if after.state is PaymentState.SUCCEEDED:
            after = after.taken_from(invoice.books_balance_minor)
        work.save_payments([after])
        if after.state.is_final:
            _settle(after, invoice, work)
    if after.state is not current.state:
        log.info("payment", payment_id=after.payment_id, state=after.state, was=current.state)
    return after


def _settle(payment: Payment, invoice: Payable, work: PaymentWork) -> None:
    """What the end of a payment means for its invoice and for the other services."""
    facts = _facts(payment)
    at = payment.ended_at or payment.created_at
    if payment.state is PaymentState.SUCCEEDED:
        invoice = invoice.paid(payment.amount_minor)
        work.announce("payment_succeeded", {"payment": facts, "balance_minor": invoice.balance_minor}, at)
    else:
        invoice = invoice.released(payment.amount_minor)
        work.announce("payment_failed", {"payment": facts, "reason": payment.failure_reason}, at)
    work.save_invoices([invoice])


def _facts(payment: Payment) -> dict[str, Any]:
    """The body of `events.v1.PaymentFacts`."""
    return {
        "payment_id": payment.payment_id,
        "organization_id": payment.organization_id,
        "invoice_id": payment.invoice_id,
        "invoice_number": payment.invoice_number,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "payer_email": payment.payer_email,
        "method_label": payment.method_label,
    }

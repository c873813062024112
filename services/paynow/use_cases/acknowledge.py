"""The accounting side has booked payments: they leave the export, and what remains stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.paynow.domain.payment import Payment, PaymentMissing
from services.paynow.ports_payments import PaymentStore, PaymentWork
from services.shared.clock import Clock
from services.shared.errors import invalid_field

MOST = 1000
"""Payments acknowledged by one call."""


@dataclass(frozen=True)
class Acknowledged:
    """What became of the payments of one call; each is counted once, however often it was named."""

    acknowledged: int
    repeated: int


def acknowledge(payment_ids: Sequence[str], *, store: PaymentStore, clock: Clock) -> Acknowledged:
    """Marks the payments as booked, all of them or none; a repeat changes nothing."""
    if len(payment_ids) > MOST:
        raise invalid_field("payment_ids", "TOO_MANY_PAYMENTS", f"Send at most {MOST} payments at once.")
    wanted = set(payment_ids)
    with store.write() as work:
        invoices = work.lock_invoices({payment.invoice_id for payment in _known(wanted, work)})
        # Read again under the locks: another call may have acknowledged some of them meanwhile.
        before = _known(wanted, work)
        now = clock.now()
        booked = [payment.acknowledged(now) for payment in before if not payment.acknowledged_at]
        for payment in booked:
            invoice = invoices[payment.invoice_id]
            invoices[payment.invoice_id] = invoice.acknowledged(payment.amount_minor)
        work.save_payments(booked)
        work.save_invoices([invoices[key] for key in sorted({payment.invoice_id for payment in booked})])
    return Acknowledged(acknowledged=len(booked), repeated=len(before) - len(booked))


def _known(wanted: set[str], work: PaymentWork) -> list[Payment]:
    found = work.payments(wanted)
    unknown = sorted(wanted - {payment.payment_id for payment in found})
    if unknown:
        named = ", ".join(unknown[:5]) + (" and others" if len(unknown) > 5 else "")
        raise PaymentMissing(f"There is no payment {named}; nothing was acknowledged.")
    return found

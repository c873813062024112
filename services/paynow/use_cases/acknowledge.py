"""The accounting side has booked payments: they leave the export, and from now on its lists count them."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.paynow.domain.balances import book
from services.paynow.domain.payment import Payment, PaymentMissing
from services.paynow.ports_payments import PaymentStore
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
        invoices = work.lock_invoices({one.invoice_id for one in _all(wanted, work.found(wanted))})
        # Read again under the locks: another call may have acknowledged some of them meanwhile.
        named = _all(wanted, work.payments(wanted))
        now = clock.now()
        for payment in named:
            payment.acknowledged(now)  # refuses, before anything is written
        waiting: dict[int, list[Payment]] = {invoice_id: [] for invoice_id in invoices}
        for payment in work.waiting(invoices):
            waiting[payment.invoice_id].append(payment)
        booked = [book(invoices[key], payments, wanted, now) for key, payments in waiting.items()]
        work.save_payments([payment for _, payments in booked for payment in payments])
        work.save_invoices([invoice for invoice, _ in booked])
    acknowledged = sum(not payment.acknowledged_at for payment in named)
    return Acknowledged(acknowledged=acknowledged, repeated=len(named) - acknowledged)


def _all(wanted: set[str], found: list[Payment]) -> list[Payment]:
    unknown = sorted(wanted - {payment.payment_id for payment in found})
    if unknown:
        named = ", ".join(unknown[:5]) + (" and others" if len(unknown) > 5 else "")
        raise PaymentMissing(f"There is no payment {named}; nothing was acknowledged.")
    return found

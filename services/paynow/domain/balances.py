"""What invoice lists and acknowledgements mean for the balance of an invoice, in whatever order they come.

The books' balance is what the accounting side's lists say, less payments that it has acknowledged and that no
list contains yet. What remains is that, less payments taken here that it has not acknowledged.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from services.paynow.domain.guard import Payable
from services.paynow.domain.lines import InvoiceClaim
from services.paynow.domain.payment import Payment


def tells_balance(line: InvoiceClaim, last: InvoiceClaim) -> bool:
    """Whether a line says anything of the balance that the last line of its invoice did not say.

    A line that repeats the figure may come from a list that was exported before payments were booked, and
    must not bring their amounts back. The same figure of another amount or currency is another figure.
    """
    return (line.balance_minor, line.amount_minor, line.currency) != (
        last.balance_minor,
        last.amount_minor,
        last.currency,
    )


def is_listed(payment: Payment, invoice: Payable) -> bool:
    """Whether the lists contain the payment: since it succeeded they have fallen by at least its amount."""
    return payment.books_minor - invoice.books_balance_minor >= payment.amount_minor


def book(
    invoice: Payable, waiting: Iterable[Payment], payment_ids: Collection[str], now: datetime
) -> tuple[Payable, list[Payment]]:
    """The invoice, and all its payments that waited for the books, after some of them were acknowledged.

    A payment that the lists contain leaves only `paid_here_minor`, so what remains rises to what the list
    says. Any other one lowers the books' balance too, and what remains stays as it is.
    """
    payments = {one.payment_id: one for one in sorted(waiting, key=lambda p: (p.created_at, p.payment_id))}
    for payment_id in [key for key in payments if key in payment_ids]:
        payment = payments[payment_id]
        listed = is_listed(payment, invoice)
        after = invoice.acknowledged(payment.amount_minor, listed=listed)
        lowered = invoice.books_balance_minor - after.books_balance_minor
        for key, other in payments.items():
            if key != payment_id and not other.acknowledged_at:
                level = _without(other, payment) if listed else other.books_minor - lowered
                payments[key] = replace(other, books_minor=level)
        payments[payment_id] = payment.acknowledged(now)
        invoice = after
    return invoice, list(payments.values())


def _without(other: Payment, listed: Payment) -> int:
    """The level from which the other payment's fall counts, without the fall that was `listed`.

    That one is taken from the oldest end: a fall before the other payment succeeded is none of its fall, and
    one fall is never counted for two payments.
    """
    used_down_to = listed.books_minor - listed.amount_minor
    if other.books_minor >= listed.books_minor:
        return other.books_minor - listed.amount_minor
    return min(other.books_minor, used_down_to)

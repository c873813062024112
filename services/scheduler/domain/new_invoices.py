"""Whether an invoice that came in is announced as new."""

from datetime import date

from services.scheduler.domain.books import Invoice
from services.scheduler.domain.closed import closed
from services.scheduler.domain.reasons import INVOICE_NOT_NEW


def why_not(invoice: Invoice, came_on: date, newest_days: int) -> str:
    """The reason not to announce it; empty if it is new and open.

    It is not new if it was issued more than `newest_days` before it came in. One without a date of issue is.
    """
    if invoice.issued_on is not None and (came_on - invoice.issued_on).days > newest_days:
        return INVOICE_NOT_NEW
    return closed(invoice.status, invoice.balance_minor)

"""Invoices that nobody has to pay."""

from services.scheduler.domain.reasons import NOT_OPEN, NOTHING_LEFT_TO_PAY


def closed(status: str, balance_minor: int) -> str:
    """The reason not to tell of an invoice that nobody has to pay; empty if it is open."""
    if status != "open":
        return NOT_OPEN
    return NOTHING_LEFT_TO_PAY if balance_minor <= 0 else ""

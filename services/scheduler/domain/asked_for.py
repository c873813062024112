"""What becomes of a mail that a person asks for by hand."""

from services.scheduler.domain.books import Account, Subject
from services.scheduler.domain.closed import closed
from services.scheduler.domain.notice import State
from services.scheduler.domain.reasons import ASKED_FOR, NO_ADDRESS, NOTHING_OPEN
from services.scheduler.domain.standing import Standing


def invoice_by_hand(subject: Subject) -> Standing:
    """What becomes of the notification of an invoice."""
    reason = closed(subject.invoice.status, subject.invoice.balance_minor)
    return _unless(reason or ("" if subject.addressees else NO_ADDRESS))


def summary_by_hand(account: Account) -> Standing:
    """What becomes of an account summary."""
    reason = "" if account.payable else NOTHING_OPEN
    return _unless(reason or ("" if account.addressees else NO_ADDRESS))


def _unless(reason: str) -> Standing:
    return Standing(State.SKIPPED, reason) if reason else Standing(State.QUEUED, ASKED_FOR)

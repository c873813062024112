"""What the mailer gets for a notice that may go out, or why it may not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.scheduler.domain import reasons
from services.scheduler.domain.books import Account, Contact, Invoice, Subject, Total
from services.scheduler.domain.hours import Wait
from services.scheduler.domain.notice import Notice, State
from services.scheduler.domain.review import Yes


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to write: the notice, the books as they stand, and the verdict with its recipients.

    Of the books it has what the notice is about. `time_zone` is the organization's, or the company's, for the
    times that the mail tells; `today` the local date there. `language` is empty for the company's.
    `tells_plan` says whether an invoice's mail tells when it will be paid by itself.
    """

    notice: Notice
    verdict: Yes
    time_zone: str
    today: date
    subject: Subject | None = None
    account: Account | None = None
    contact: Contact | None = None
    language: str = ""
    tells_plan: bool = True


@dataclass(frozen=True, slots=True)
class Withheld:
    """A mail not to write."""

    notice_id: str
    reason: str
    explanation: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """A mail to write at a later hour, not before that instant."""

    notice_id: str
    until: datetime
    reason: str
    explanation: str


def not_yet(notice_id: str, wait: Wait, zone: ZoneInfo) -> NotYet:
    """The answer for a notice that has to wait; `zone` is that of whom it goes to."""
    until = wait.until.astimezone(zone)
    detail = f"{until:%H:%M}" if wait.reason == reasons.QUIET_HOURS else f"{until:%Y-%m-%d %H:%M}"
    words = reasons.explanation(wait.reason, detail=f"{detail} ({zone})")
    return NotYet(notice_id, wait.until, wait.reason, words)


def withheld(notice: Notice) -> Withheld:
    """The recorded no of a notice that is not queued, or is not any more."""
    reason = reasons.ALREADY_SENT if notice.state is State.SENT else notice.reason
    words = reasons.explanation(reason, notice.threshold, notice.detail)
    return Withheld(notice.notice_id, reason, words)


def unknown(notice_id: str) -> Withheld:
    """The answer for an id that no notice has."""
    return Withheld(notice_id, reasons.NOTICE_UNKNOWN, reasons.explanation(reasons.NOTICE_UNKNOWN))


NEW_FOR = timedelta(days=30)
"""An open invoice issued no longer ago is shown as new."""


def status_of(invoice: Invoice, today: date, paused: Collection[int] = ()) -> str:
    """How an open invoice stands on a local date: past_due, new or open. A paused one is never past due."""
    if invoice.invoice_id not in paused and invoice.due_on is not None and invoice.due_on < today:
        return "past_due"
    is_new = invoice.issued_on is not None and today - invoice.issued_on <= NEW_FOR
    return "new" if is_new else "open"


def totals_of(account: Account, today: date, paused: Collection[int] = ()) -> list[Total]:
    """What an account comes to, one element for each currency; what is being paid in full does not count.

    The invoices that are paused do, but not as past due.

    What is past due is worked out for the organization's own date, save where there are more open invoices
    than a letter has: then it is as the ledger says for the company's.
    """
    if account.more_invoices:
        return list(account.totals)
    sums: dict[str, Total] = {}
    for invoice in account.payable:
        was = sums.get(invoice.currency, Total(invoice.currency, 0, 0))
        past_due = invoice.balance_minor if status_of(invoice, today, paused) == "past_due" else 0
        sums[invoice.currency] = Total(
            invoice.currency, was.open_minor + invoice.balance_minor, was.past_due_minor + past_due
        )
    order = [total.currency for total in account.totals]
    return sorted(
        sums.values(), key=lambda total: order.index(total.currency) if total.currency in order else 99
    )

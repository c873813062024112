"""Notices and decisions: what the notice ledger holds."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from services.scheduler.domain.about import About, Access, PaymentFact


class NoticeType(StrEnum):
    """What kind of mail a notice is about."""

    DUE_NOTICE = "due_notice"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_SCHEDULED = "payment_scheduled"
    PAYMENT_RESCHEDULED = "payment_rescheduled"
    PAYMENT_CANCELLED = "payment_cancelled"
    METHOD_FAILED = "method_failed"
    WELCOME = "welcome"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a type of mail
    ACCOUNT_SUMMARY = "account_summary"
    INVOICE = "invoice"
    UPCOMING_PAYMENTS = "upcoming_payments"
    METHOD_EXPIRATION = "method_expiration"


PORTAL_ACCESS = frozenset({NoticeType.WELCOME, NoticeType.PASSWORD_RESET})

EXCLUDABLE = frozenset({NoticeType.ACCOUNT_SUMMARY, NoticeType.UPCOMING_PAYMENTS, NoticeType.DUE_NOTICE})
"""Organizations can be excluded from these; each has a list of its own."""

EXCLUSION_LISTS = {type: type for type in EXCLUDABLE} | {NoticeType.INVOICE: NoticeType.ACCOUNT_SUMMARY}
"""Whose list counts for a type: new invoices come in the place of summaries, to the same organizations."""

OPTIONAL = frozenset({NoticeType.ACCOUNT_SUMMARY, NoticeType.UPCOMING_PAYMENTS, NoticeType.WELCOME})
"""Whoever gets these may unsubscribe from them."""


class Lane(StrEnum):
    """How urgent a mail is, the most urgent first; those of a lane go before all of the next."""

    AT_ONCE = "at_once"
    USUAL = "usual"
    BULK = "bulk"


class State(StrEnum):
    """Where a notice stands."""

    QUEUED = "queued"
    SENT = "sent"
    HELD = "held"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice with its newest decision.

    Unique by invoice, due date and threshold for due notices; all others by type and `occurrence`, which
    names what happened, and for whom: the payment of a receipt, the organization and date of a summary.
    `invoice_id` is 0 where it is about no single invoice, `threshold` 0 but for due notices. `as_of` is the
    instant it was decided for where the clock had been set. Of a new notice, `not_before` is when the mailer
    is to be told of it; it is not read back.
    """

    notice_id: str
    type: NoticeType
    organization_id: str
    invoice_id: int
    invoice_number: str
    threshold: int
    due_on: date | None
    state: State
    reason: str
    decided_at: datetime
    detail: str = ""
    as_of: datetime | None = None
    message_id: str = ""
    occurrence: str = ""
    about: About | None = None
    campaign_id: str = ""
    lane: Lane = Lane.USUAL
    not_before: datetime | None = None

    @property
    def payment(self) -> PaymentFact | None:
        """The payment made here that a receipt is about."""
        return self.about if isinstance(self.about, PaymentFact) else None

    @property
    def access(self) -> Access | None:
        """Whom an invitation or a new password is for."""
        return self.about if isinstance(self.about, Access) else None


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of a notice's history."""

    notice_id: str
    threshold: int
    state: State
    reason: str
    detail: str
    decided_at: datetime
    as_of: datetime | None


class Known(NamedTuple):
    """What a decision needs to know of a notice that exists; small, because a tick reads very many."""

    notice_id: str
    invoice_id: int
    due_on: date
    threshold: int
    state: State
    reason: str


class Occurred(NamedTuple):
    """What a decision needs to know of a notice that exists and is no due notice."""

    notice_id: str
    organization_id: str
    occurrence: str
    state: State
    reason: str


class Leaving(NamedTuple):
    """A notice of a repeated type that is queued or was sent, and since when."""

    notice_id: str
    type: NoticeType
    organization_id: str
    occurrence: str
    state: State
    decided_at: datetime
    lane: Lane


class Invitation(NamedTuple):
    """An invitation that was sent or is queued; the campaign is empty for one that was asked for by hand."""

    notice_id: str
    contact_id: int
    state: State
    campaign_id: str


class Change(NamedTuple):
    """A new decision on a notice that exists.

    The mailer is told of one that becomes queued at `not_before`, at once if that is None.
    """

    notice_id: str
    state: State
    reason: str
    detail: str = ""
    as_of: datetime | None = None
    message_id: str = ""
    not_before: datetime | None = None


class HandOver(NamedTuple):
    """A queued notice that the mailer has to be told of."""

    notice_id: str
    organization_id: str
    invoice_number: str
    request_id: str = ""
    """What it was decided in, for logs."""
    lane: Lane = Lane.USUAL


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices to list; what is empty does not filter."""

    organization_id: str = ""
    invoice_number: str = ""
    invoice_id: int = 0
    type: NoticeType | None = None
    state: State | None = None
    campaign_id: str = ""

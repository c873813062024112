"""Notices and decisions: what the notice ledger holds."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class NoticeType(StrEnum):
    """What kind of mail a notice is about."""

    DUE_NOTICE = "due_notice"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_FAILED = "payment_failed"


class State(StrEnum):
    """Where a notice stands."""

    QUEUED = "queued"
    SENT = "sent"
    HELD = "held"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """The final state of a payment, as its fact told it. Amounts in minor units of `currency`.

    `balance_minor` is what remained right after a success, None for a failure.
    """

    payment_id: str
    organization_id: str
    invoice_id: int
    invoice_number: str
    amount_minor: int
    currency: str
    payer_email: str
    method_label: str
    ended_at: datetime
    balance_minor: int | None = None
    failure_reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice with its newest decision.

    Unique by invoice, due date and threshold for due notices, by payment and type for receipts.
    `as_of` is the instant it was decided for where the clock had been set.
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
    payment: PaymentFact | None = None


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


class Change(NamedTuple):
    """A new decision on a notice that exists."""

    notice_id: str
    state: State
    reason: str
    detail: str = ""
    as_of: datetime | None = None
    message_id: str = ""


class HandOver(NamedTuple):
    """A queued notice that the mailer has to be told of."""

    notice_id: str
    organization_id: str
    invoice_number: str
    request_id: str = ""
    """What it was decided in, for logs."""


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices to list; what is empty does not filter."""

    organization_id: str = ""
    invoice_number: str = ""
    invoice_id: int = 0
    type: NoticeType | None = None
    state: State | None = None

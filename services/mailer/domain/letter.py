"""The answer of the second look: what a mail says and to whom, as the books stand at that moment."""

from dataclasses import dataclass
from datetime import date, datetime

from services.mailer.domain.templates import TemplateType


@dataclass(frozen=True)
class Recipient:
    """One address of one contact; the name may be empty."""

    name: str
    email: str


@dataclass(frozen=True)
class Invoice:
    """An invoice as it stands; amounts in minor units of its currency."""

    invoice_id: int
    number: str
    issued_on: date | None
    due_on: date | None
    amount_minor: int
    balance_minor: int
    currency: str
    pay_token: str


@dataclass(frozen=True)
class Due:
    """How the due date lies to the day of sending: negative before, 0 on the day, positive after."""

    days_past_due: int


@dataclass(frozen=True)
class Payment:
    """The payment that a receipt or a failure is about; `failure_reason` is empty for a receipt."""

    amount_minor: int
    currency: str
    method_label: str
    ended_at: datetime
    balance_minor: int
    failure_reason: str = ""


@dataclass(frozen=True)
class Letter:
    """Everything that a mail is written from. Exactly one of `due` and `payment` is set.

    `time_zone` is the IANA name of the zone that instants are written in; empty means UTC.
    """

    type: TemplateType
    recipients: tuple[Recipient, ...]
    organization_id: str
    organization_name: str
    invoice: Invoice
    due: Due | None = None
    payment: Payment | None = None
    time_zone: str = ""


@dataclass(frozen=True)
class Withheld:
    """The mail may not go out: a stable code, and the same in words for staff."""

    reason: str
    explanation: str


@dataclass(frozen=True)
class Unusable:
    """The answer could not be understood; trying again will not help."""

    reason: str


Verdict = Letter | Withheld | Unusable

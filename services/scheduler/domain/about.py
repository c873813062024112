"""What a notice that is about no due date is about, as a fact or a person told it."""

from dataclasses import dataclass
from datetime import date, datetime


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
class PlanFact:
    """A payment that is to be made by itself, as its fact told it; the amount in minor units of `currency`.

    `moved_from` is the date that it was to be made on before, None unless it was moved.
    """

    scheduled_id: str
    revision: int
    pays_on: date
    amount_minor: int
    currency: str
    method_label: str
    moved_from: date | None = None


@dataclass(frozen=True, slots=True)
class MethodFact:
    """A method on file that cannot be used, as its fact told it."""

    method_id: str
    label: str
    failure_reason: str


@dataclass(frozen=True, slots=True)
class PayDay:
    """The local date on which payments will be made by themselves."""

    pays_on: date


@dataclass(frozen=True, slots=True)
class Card:
    """A card on file and the month it expires in; `week` counts from 0 once it has, None before."""

    method_id: str
    year: int
    month: int
    week: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Who an invitation or a new password is for."""

    contact_id: int
    email: str


About = PaymentFact | PlanFact | MethodFact | PayDay | Card | Access

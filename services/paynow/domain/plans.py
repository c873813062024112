"""Payments that are to be made by themselves: by AutoPay, or scheduled by hand.

    An open invoice of an organization whose AutoPay is on is paid so many days after its due date.
    An invoice with a scheduled payment is paid as scheduled, and not by AutoPay as well.
    Nothing is promised that cannot happen: with a method that was deleted or has failed nothing is paid.

These rules are written down a second time in `repository.plans`, where a database applies them to a million
invoices; tests hold the two together.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from services.paynow.domain.books import OPEN, Invoice
from services.paynow.domain.on_file import ACTIVE, MethodKey, StoredMethod

SCHEDULED: Final = "scheduled"
CANCELLED: Final = "cancelled"
DONE: Final = "done"
STATUSES: Final = (SCHEDULED, CANCELLED, DONE)

MOST_DAYS = 60
"""AutoPay is at most so many days before or after the due date."""

ScheduledKey = tuple[str, str]
"""Organization id and the source's id."""


@dataclass(frozen=True, slots=True)
class Autopay:
    """Whether, when and with what an organization's invoices are paid by themselves."""

    organization_id: str
    is_on: bool
    method_id: str = ""
    days_after_due: int = 0


@dataclass(frozen=True, slots=True)
class ScheduledPayment:
    """A payment that was scheduled by hand; without an amount it takes what remains then."""

    organization_id: str
    scheduled_id: str
    invoice_id: int
    method_id: str
    pays_on: date
    amount_minor: int | None
    status: str
    revision: int = 1

    @property
    def key(self) -> ScheduledKey:
        """Names the payment."""
        return self.organization_id, self.scheduled_id


class PlannedPayment(NamedTuple):
    """A payment that will be made by itself; `scheduled_id` is empty where AutoPay makes it."""

    invoice: Invoice
    pays_on: date
    amount_minor: int
    scheduled_id: str
    method_label: str

    @property
    def by_autopay(self) -> bool:
        """Whether AutoPay makes it."""
        return not self.scheduled_id

    @property
    def place(self) -> tuple[date, int, str]:
        """In which order plans come: by date, then by invoice and the source's id."""
        return self.pays_on, self.invoice.invoice_id, self.scheduled_id


class Span(NamedTuple):
    """Days on which payments are made, both included; None is no limit."""

    first: date | None = None
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Whether the day is within it."""
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


def planned(
    invoices: Iterable[Invoice],
    scheduled: Collection[ScheduledPayment],
    autopay: Mapping[str, Autopay],
    methods: Mapping[MethodKey, StoredMethod],
    span: Span = Span(),  # noqa: B008  # immutable
) -> list[PlannedPayment]:
    """What will be made by itself of these invoices within the span, the earliest first."""
    by_hand: dict[int, list[ScheduledPayment]] = {}
    for one in scheduled:
        if one.status == SCHEDULED:
            by_hand.setdefault(one.invoice_id, []).append(one)
    found = []
    for invoice in invoices:
        if invoice.status == OPEN and invoice.balance_minor > 0:
            if invoice.invoice_id in by_hand:
                found += [_as_scheduled(invoice, one, methods) for one in by_hand[invoice.invoice_id]]
            else:
                found.append(_by_autopay(invoice, autopay.get(invoice.organization_id), methods))
    return sorted(
        (plan for plan in found if plan is not None and span.holds(plan.pays_on)), key=lambda plan: plan.place
    )


def to_pay(amount_minor: int | None, balance_minor: int) -> int:
    """How much is paid: as scheduled, but never more than remains."""
    return balance_minor if amount_minor is None else min(amount_minor, balance_minor)


def _as_scheduled(
    invoice: Invoice, one: ScheduledPayment, methods: Mapping[MethodKey, StoredMethod]
) -> PlannedPayment | None:
    label = _label(one.organization_id, one.method_id, methods)
    amount = to_pay(one.amount_minor, invoice.balance_minor)
    return None if label is None else PlannedPayment(invoice, one.pays_on, amount, one.scheduled_id, label)


def _by_autopay(
    invoice: Invoice, autopay: Autopay | None, methods: Mapping[MethodKey, StoredMethod]
) -> PlannedPayment | None:
    if autopay is None or not autopay.is_on or invoice.due_on is None:
        return None
    label = _label(invoice.organization_id, autopay.method_id, methods)
    pays_on = invoice.due_on + timedelta(days=autopay.days_after_due)
    return None if label is None else PlannedPayment(invoice, pays_on, invoice.balance_minor, "", label)


def _label(organization_id: str, method_id: str, methods: Mapping[MethodKey, StoredMethod]) -> str | None:
    """What the method is; None if nothing can be paid with it, empty if the source does not say."""
    if not method_id:
        return ""
    method = methods.get((organization_id, method_id))
    return method.label if method is not None and method.status == ACTIVE else None


class PlanChange(NamedTuple):
    """A scheduled payment as it is now, and the fact to tell of it; nothing is told without a name."""

    payment: ScheduledPayment
    fact: str = ""
    told: ScheduledPayment | None = None
    moved_from: date | None = None


def change(before: ScheduledPayment | None, now: ScheduledPayment) -> PlanChange | None:
    """What becomes of a scheduled payment that a line says `now` of; None if it says nothing new.

    A cancellation is told with the payment as it was. That one is done is no news: its payment is.
    """
    if before is None:
        return PlanChange(now, "payment_scheduled", now) if now.status == SCHEDULED else PlanChange(now)
    if replace(now, revision=before.revision) == before:
        return None
    now = replace(now, revision=before.revision + 1)
    match before.status, now.status:
        case "scheduled", "scheduled":
            return PlanChange(now, "payment_rescheduled", now, before.pays_on)
        case "scheduled", "cancelled":
            told = replace(before, revision=now.revision) if before.invoice_id == now.invoice_id else now
            return PlanChange(now, "payment_cancelled", told)
        case _, "scheduled":
            return PlanChange(now, "payment_scheduled", now)
    return PlanChange(now)


def plan_facts(payment: ScheduledPayment, invoice: Invoice, method: StoredMethod | None) -> dict[str, Any]:
    """What is told of a payment that is to be made by itself, of this invoice and with this method."""
    return {
        "scheduled_id": payment.scheduled_id,
        "organization_id": payment.organization_id,
        "invoice_id": invoice.invoice_id,
        "invoice_number": invoice.number,
        "pays_on": payment.pays_on.isoformat(),
        "amount_minor": to_pay(payment.amount_minor, invoice.balance_minor),
        "currency": invoice.currency,
        "method_label": method.label if method else "",
        "revision": payment.revision,
    }

"""Payments that are to be made by themselves: by AutoPay, or scheduled by hand.

    An open invoice of an organization whose AutoPay is on is paid so many days after its due date.
    An invoice with a scheduled payment is paid as scheduled, and not by AutoPay as well, whatever remains.
    Of several payments of an invoice the earlier ones are served first, and the others get what these leave;
    where that is nothing there is no payment. So they never come to more than the invoice owes.
    Nothing is promised that cannot happen: with a method that was deleted or has failed nothing is paid.
    Nor does a day count that has passed: the books say what remains, and not whether that payment was made.

These rules are written down a second time in `repository.plans`, where a database applies them to a million
invoices; tests hold the two together.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
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
    """Days on which payments are made, both included; None is no limit.

    What was planned for days before the first one does not count: it is not there, and takes from no other.
    """

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
    found: list[PlannedPayment] = []
    for invoice in invoices:
        if invoice.status == OPEN and invoice.balance_minor > 0:
            if invoice.invoice_id in by_hand:
                found += _as_scheduled(invoice, by_hand[invoice.invoice_id], methods, span.first)
            else:
                found += _by_autopay(invoice, autopay.get(invoice.organization_id), methods)
    return sorted((plan for plan in found if span.holds(plan.pays_on)), key=lambda plan: plan.place)


def _as_scheduled(
    invoice: Invoice,
    scheduled: Collection[ScheduledPayment],
    methods: Mapping[MethodKey, StoredMethod],
    first: date | None,
) -> Iterator[PlannedPayment]:
    left = invoice.balance_minor
    for one in sorted(scheduled, key=lambda one: (one.pays_on, one.scheduled_id)):
        label = _label(one.organization_id, one.method_id, methods)
        counts = label is not None and (first is None or one.pays_on >= first)
        amount = left if one.amount_minor is None else min(one.amount_minor, left)
        if counts and amount:
            left -= amount
            yield PlannedPayment(invoice, one.pays_on, amount, one.scheduled_id, label or "")


def _by_autopay(
    invoice: Invoice, autopay: Autopay | None, methods: Mapping[MethodKey, StoredMethod]
) -> Iterator[PlannedPayment]:
    if autopay is None or not autopay.is_on or invoice.due_on is None:
        return
    label = _label(invoice.organization_id, autopay.method_id, methods)
    pays_on = invoice.due_on + timedelta(days=autopay.days_after_due)
    if label is not None:
        yield PlannedPayment(invoice, pays_on, invoice.balance_minor, "", label)


def _label(organization_id: str, method_id: str, methods: Mapping[MethodKey, StoredMethod]) -> str | None:
    """What the method is; None if nothing can be paid with it, empty if the source does not say."""
    if not method_id:
        return ""
    method = methods.get((organization_id, method_id))
    return method.label if method is not None and method.status == ACTIVE else None


class PlanChange(NamedTuple):
    """A scheduled payment as it is now, and the fact that tells of it; nothing is told without a name."""

    payment: ScheduledPayment
    fact: str = ""
    moved_from: date | None = None


def change(before: ScheduledPayment | None, now: ScheduledPayment) -> PlanChange | None:
    """What becomes of a scheduled payment that a line says `now` of; None if it says nothing new.

    That one is done is no news: its payment is.
    """
    if before is None:
        return PlanChange(now, "payment_scheduled" if now.status == SCHEDULED else "")
    if replace(now, revision=before.revision) == before:
        return None
    now = replace(now, revision=before.revision + 1)
    match before.status, now.status:
        case "scheduled", "scheduled":
            return PlanChange(now, "payment_rescheduled", before.pays_on)
        case "scheduled", "cancelled":
            return PlanChange(now, "payment_cancelled")
        case _, "scheduled":
            return PlanChange(now, "payment_scheduled")
    return PlanChange(now)


class Coming(NamedTuple):
    """What is `planned` by hand before and after changes, by the payments' keys; the earliest first.

    `without_done` is after those changes that do not say of a payment that it is done: what that one leaves
    is for the list of invoices to tell, and until then the balance is that of before it.
    """

    before: Mapping[ScheduledKey, PlannedPayment]
    after: Mapping[ScheduledKey, PlannedPayment]
    without_done: Mapping[ScheduledKey, PlannedPayment]

    def told(self, found: PlanChange) -> PlannedPayment | None:
        """What is told of a change: the payment that is coming, or that was if it is cancelled.

        None where there is nothing to tell: who syncs for the first time brings years of payments that were
        made long ago, and nothing is promised or taken back that could not happen anyway.
        """
        if not found.fact:
            return None
        return (self.before if found.fact == "payment_cancelled" else self.after).get(found.payment.key)

    def come_to_life(
        self, scheduled: Mapping[ScheduledKey, ScheduledPayment], changes: Iterable[PlanChange]
    ) -> list[PlanChange]:
        """Of `scheduled`, as they were, what is coming since another one makes room, and is told as new.

        With a revision of its own, since it may have been told before, when it was first scheduled.
        """
        changed = {found.payment.key for found in changes}
        return [
            PlanChange(replace(scheduled[key], revision=scheduled[key].revision + 1), "payment_scheduled")
            for key in self.without_done
            if key not in self.before and key not in changed
        ]


def coming(
    invoices: Collection[Invoice],
    before: Mapping[ScheduledKey, ScheduledPayment],
    changes: Iterable[PlanChange],
    methods: Mapping[MethodKey, StoredMethod],
    now: datetime,
) -> Coming:
    """The scheduled payments of these invoices; `before` has all of them as they were."""
    # No place on earth is further behind: a day before that has passed everywhere.
    span = Span(now.date() - timedelta(days=1))
    changed = {found.payment.key: found.payment for found in changes}
    open_still = {key: one for key, one in changed.items() if one.status != DONE}

    def by_key(scheduled: Mapping[ScheduledKey, ScheduledPayment]) -> dict[ScheduledKey, PlannedPayment]:
        found = planned(invoices, scheduled.values(), {}, methods, span)
        return {(plan.invoice.organization_id, plan.scheduled_id): plan for plan in found}

    return Coming(by_key(before), by_key({**before, **changed}), by_key({**before, **open_still}))


def plan_facts(plan: PlannedPayment, revision: int) -> dict[str, Any]:
    """What is told of a scheduled payment."""
    return {
        "scheduled_id": plan.scheduled_id,
        "organization_id": plan.invoice.organization_id,
        "invoice_id": plan.invoice.invoice_id,
        "invoice_number": plan.invoice.number,
        "pays_on": plan.pays_on.isoformat(),
        "amount_minor": plan.amount_minor,
        "currency": plan.invoice.currency,
        "method_label": plan.method_label,
        "revision": revision,
    }

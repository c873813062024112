"""From the wire of the other services: the ledger's answers, and facts."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from dunlin.paynow.v1 import books_pb2, ledger_pb2, plans_pb2

from services.scheduler.domain.about import MethodFact, PaymentFact, PlanFact
from services.scheduler.domain.books import DueBatch, DueInvoice, Invoice, Plan, Recipient, Subject
from services.scheduler.ports_emails import RecordedInvoice
from services.shared.facts import StoredFact

_STATUSES = {
    books_pb2.INVOICE_STATUS_OPEN: "open",
    books_pb2.INVOICE_STATUS_PAID: "paid",
    books_pb2.INVOICE_STATUS_CANCELLED: "cancelled",
    books_pb2.INVOICE_STATUS_THIRD_PARTY: "third_party",
}


def due_batch(answer: ledger_pb2.ListDueInvoicesResponse) -> DueBatch:
    """A batch of due invoices from the ledger."""
    day = date.fromisoformat
    invoices = tuple(
        DueInvoice(
            i.invoice_id,
            i.organization_id,
            i.number,
            day(i.due_on),
            i.balance_minor,
            i.reserved_minor,
            i.reachable,
            i.time_zone,
        )
        for i in answer.invoices
    )
    return DueBatch(invoices, answer.total)


def subject(found: ledger_pb2.Subject) -> Subject:
    """A subject from the ledger."""
    return Subject(
        invoice(found.invoice),
        recipients(found.addressees),
        found.pay_token,
        found.time_zone,
        found.language,
        plan(found.plan) if found.HasField("plan") else None,
    )


def invoice(found: books_pb2.Invoice) -> Invoice:
    """An invoice from the ledger."""
    return Invoice(
        invoice_id=found.invoice_id,
        organization_id=found.organization_id,
        organization_name=found.organization_name,
        number=found.number,
        issued_on=_day(found.issued_on),
        due_on=_day(found.due_on),
        currency=found.currency,
        amount_minor=found.amount_minor,
        balance_minor=found.balance_minor,
        reserved_minor=found.reserved_minor,
        status=_STATUSES.get(found.status, "unknown"),
    )


def recipients(found: Iterable[ledger_pb2.Addressee]) -> tuple[Recipient, ...]:
    """Whom to tell."""
    return tuple(Recipient(to.name, to.email) for to in found)


def plan(found: plans_pb2.PlannedPayment) -> Plan:
    """A payment that is to be made by itself."""
    return Plan(
        scheduled_id=found.scheduled_id,
        invoice_id=found.invoice_id,
        pays_on=date.fromisoformat(found.pays_on),
        amount_minor=found.amount_minor,
        method_label=found.method_label,
        by_autopay=found.by_autopay,
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def payment_fact(fact: StoredFact) -> PaymentFact:
    """The payment that a fact tells of; success and failure carry the same, and each something of its own."""
    body: dict[str, Any] = fact.body
    payment = body["payment"]
    return PaymentFact(
        payment_id=payment["payment_id"],
        organization_id=payment["organization_id"],
        invoice_id=payment["invoice_id"],
        invoice_number=payment["invoice_number"],
        amount_minor=payment["amount_minor"],
        currency=payment["currency"],
        payer_email=payment["payer_email"],
        method_label=payment["method_label"],
        ended_at=fact.occurred_at,
        balance_minor=body.get("balance_minor"),
        failure_reason=body.get("reason", ""),
    )


def plan_fact(fact: StoredFact) -> PlanFact:
    """The planned payment that a fact tells of."""
    told: dict[str, Any] = fact.body["plan"]
    pays_on, moved_from = date.fromisoformat(told["pays_on"]), _day(fact.body.get("moved_from", ""))
    return PlanFact(
        scheduled_id=told["scheduled_id"],
        revision=told["revision"],
        pays_on=pays_on,
        amount_minor=told["amount_minor"],
        currency=told["currency"],
        method_label=told["method_label"],
        moved_from=None if moved_from == pays_on else moved_from,
    )


def method_fact(fact: StoredFact) -> MethodFact:
    """The method on file that a fact tells of."""
    return MethodFact(fact.body["method_id"], fact.body["label"], fact.body["reason"])


def recorded_invoices(fact: StoredFact) -> list[RecordedInvoice]:
    """The new invoices that a fact tells of."""
    sync_id = fact.body["sync_id"]
    return [
        RecordedInvoice(told["invoice_id"], told["organization_id"], sync_id, fact.occurred_at)
        for told in fact.body["invoices"]
    ]

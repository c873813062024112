"""From the wire of the other services: the ledger's answers, and facts."""

from datetime import date
from typing import Any

from dunlin.paynow.v1 import books_pb2, ledger_pb2

from services.scheduler.domain.books import DueBatch, DueInvoice, Invoice, Recipient, Subject
from services.scheduler.domain.notice import PaymentFact
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
        )
        for i in answer.invoices
    )
    return DueBatch(invoices, answer.total)


def subject(found: ledger_pb2.Subject) -> Subject:
    """A subject from the ledger."""
    invoice = found.invoice
    return Subject(
        Invoice(
            invoice_id=invoice.invoice_id,
            organization_id=invoice.organization_id,
            organization_name=invoice.organization_name,
            number=invoice.number,
            issued_on=_day(invoice.issued_on),
            due_on=_day(invoice.due_on),
            currency=invoice.currency,
            amount_minor=invoice.amount_minor,
            balance_minor=invoice.balance_minor,
            reserved_minor=invoice.reserved_minor,
            status=_STATUSES.get(invoice.status, "unknown"),
        ),
        tuple(Recipient(to.name, to.email) for to in found.addressees),
        found.pay_token,
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

"""Facts from the other services: what happened to payments is told, messages end their notices."""

from datetime import datetime
from typing import NamedTuple

import structlog

from services.scheduler.domain import occurrences, reasons
from services.scheduler.domain.about import About, MethodFact, PaymentFact, PlanFact
from services.scheduler.domain.notice import Change, Lane, Notice, NoticeType, State
from services.scheduler.ports import NewId, Work

log = structlog.get_logger()


class PlannedInvoice(NamedTuple):
    """What a payment that is made by itself pays."""

    organization_id: str
    invoice_id: int
    number: str


def payment_succeeded(payment: PaymentFact, *, work: Work, new_id: NewId, now: datetime) -> None:
    """Queues the receipt, once for each payment."""
    _tell(_of_payment(NoticeType.PAYMENT_SUCCEEDED, payment), work, new_id, now)


def payment_failed(payment: PaymentFact, *, work: Work, new_id: NewId, now: datetime) -> None:
    """Queues the message that the payment failed, once for each payment."""
    _tell(_of_payment(NoticeType.PAYMENT_FAILED, payment), work, new_id, now)


def plan_changed(
    type: NoticeType, plan: PlanFact, invoice: PlannedInvoice, *, work: Work, new_id: NewId, now: datetime
) -> None:
    """Queues the message that a payment was scheduled, changed or cancelled, once for each change."""
    occurrence = occurrences.of_plan(invoice.organization_id, plan.scheduled_id, plan.revision)
    receipt = _Receipt(type, invoice.organization_id, occurrence, plan, invoice.invoice_id, invoice.number)
    _tell(receipt, work, new_id, now)


def method_failed(
    method: MethodFact, organization_id: str, failures: int, *, work: Work, new_id: NewId, now: datetime
) -> None:
    """Queues the message that a method on file cannot be used, once for each failure."""
    occurrence = occurrences.of_method(organization_id, method.method_id, failures)
    _tell(_Receipt(NoticeType.METHOD_FAILED, organization_id, occurrence, method), work, new_id, now)


class _Receipt(NamedTuple):
    """What is told at once, since it has just happened; the name of its type is its reason."""

    type: NoticeType
    organization_id: str
    occurrence: str
    about: About
    invoice_id: int = 0
    invoice_number: str = ""


def _of_payment(type: NoticeType, payment: PaymentFact) -> _Receipt:
    return _Receipt(
        type,
        payment.organization_id,
        payment.payment_id,
        payment,
        payment.invoice_id,
        payment.invoice_number,
    )


def _tell(receipt: _Receipt, work: Work, new_id: NewId, now: datetime) -> None:
    notice = Notice(
        notice_id=new_id(),
        type=receipt.type,
        organization_id=receipt.organization_id,
        invoice_id=receipt.invoice_id,
        invoice_number=receipt.invoice_number,
        threshold=0,
        due_on=None,
        state=State.QUEUED,
        reason=receipt.type.name,
        decided_at=now,
        occurrence=receipt.occurrence,
        about=receipt.about,
        lane=Lane.AT_ONCE,
    )
    work.notices.add_new([notice])


def message_sent(notice_id: str, message_id: str, *, work: Work, now: datetime) -> None:
    """Marks the notice as sent, whatever was decided in the meantime: the mail is out."""
    notice = _notice(notice_id, work)
    if notice is None or notice.state is State.SENT:
        return
    sent = Change(notice_id, State.SENT, reasons.ACCEPTED_BY_SMTP_SERVER, message_id=message_id)
    work.notices.change([sent], now)
    work.email_types.note_sent(notice.type, notice.threshold, now)


def message_failed(notice_id: str, why: str, *, code: str = "", work: Work, now: datetime) -> None:
    """Marks the notice as failed, unless it was sent; also one that has given way, as it never goes out.

    With the code ADDRESSES_SUPPRESSED it is skipped: nothing was tried.
    """
    notice = _notice(notice_id, work)
    if notice is None or notice.state in (State.SENT, State.FAILED):
        return
    if code == reasons.ADDRESSES_SUPPRESSED:
        change = Change(notice_id, State.SKIPPED, code, detail=why)
    else:
        change = Change(notice_id, State.FAILED, reasons.MAILER_GAVE_UP, detail=why)
    work.notices.change([change], now)


def _notice(notice_id: str, work: Work) -> Notice | None:
    notice = work.notices.get([notice_id]).get(notice_id)
    if notice is None:
        log.warning("fact about an unknown notice", notice_id=notice_id)
    return notice

"""Facts from the other services: payments become receipts, messages end their notices."""

from datetime import datetime

import structlog

from services.scheduler.domain import reasons
from services.scheduler.domain.notice import Change, Notice, NoticeType, PaymentFact, State
from services.scheduler.ports import NewId, Work

log = structlog.get_logger()


def payment_succeeded(payment: PaymentFact, *, work: Work, new_id: NewId, now: datetime) -> None:
    """Queues the receipt, once for each payment."""
    receipt = _receipt(NoticeType.PAYMENT_SUCCEEDED, reasons.PAYMENT_SUCCEEDED, payment, new_id(), now)
    work.notices.add_receipt(receipt)


def payment_failed(payment: PaymentFact, *, work: Work, new_id: NewId, now: datetime) -> None:
    """Queues the message that the payment failed, once for each payment."""
    receipt = _receipt(NoticeType.PAYMENT_FAILED, reasons.PAYMENT_FAILED, payment, new_id(), now)
    work.notices.add_receipt(receipt)


def _receipt(type: NoticeType, reason: str, payment: PaymentFact, notice_id: str, now: datetime) -> Notice:
    return Notice(
        notice_id=notice_id,
        type=type,
        organization_id=payment.organization_id,
        invoice_id=payment.invoice_id,
        invoice_number=payment.invoice_number,
        threshold=0,
        due_on=None,
        state=State.QUEUED,
        reason=reason,
        decided_at=now,
        payment=payment,
    )


def message_sent(notice_id: str, message_id: str, *, work: Work, now: datetime) -> None:
    """Marks the notice as sent, whatever was decided in the meantime: the mail is out."""
    notice = _notice(notice_id, work)
    if notice is None or notice.state is State.SENT:
        return
    sent = Change(notice_id, State.SENT, reasons.ACCEPTED_BY_SMTP_SERVER, message_id=message_id)
    work.notices.change([sent], now)
    if notice.type is NoticeType.DUE_NOTICE:
        work.rules.note_sent(notice.threshold, now)


def message_failed(notice_id: str, why: str, *, work: Work, now: datetime) -> None:
    """Marks the notice as failed, unless it was sent or has given way to a larger threshold."""
    notice = _notice(notice_id, work)
    if notice is None or notice.state in (State.SENT, State.FAILED, State.SUPERSEDED):
        return
    work.notices.change([Change(notice_id, State.FAILED, reasons.MAILER_GAVE_UP, detail=why)], now)


def _notice(notice_id: str, work: Work) -> Notice | None:
    notice = work.notices.get([notice_id]).get(notice_id)
    if notice is None:
        log.warning("fact about an unknown notice", notice_id=notice_id)
    return notice

"""Why and why not: the notices, and what is behind one invoice."""

from datetime import datetime, timedelta
from typing import NamedTuple

from services.scheduler.domain.explaining import Explanation, what_next, what_now
from services.scheduler.domain.notice import Notice, NoticeFilter, NoticeType
from services.scheduler.ports import Ledger, Store
from services.shared.clock import Clock
from services.shared.errors import Missing, invalid_field
from services.shared.paging import decode_token, encode_token, page_size

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


class InvoiceMissing(Missing):
    """The ledger does not know the invoice."""

    reason = "INVOICE_MISSING"


class NoticePage(NamedTuple):
    """A page of notices and the token of the next one, empty on the last."""

    notices: list[Notice]
    next_page_token: str


def list_notices(only: NoticeFilter, size: int, token: str, *, store: Store) -> NoticePage:
    """A page of the notices that pass the filter, the newest decision first."""
    query = f"notices {only}"
    limit = page_size(size, 100, 1000)
    before = _key(decode_token(query, token))
    with store.read() as work:
        found = work.notices.page(only, before, limit + 1)
    page = found[:limit]
    if len(found) <= limit:
        return NoticePage(page, "")
    last = page[-1]
    return NoticePage(page, encode_token(query, (last.decided_at - _EPOCH) // _MICROSECOND, last.notice_id))


def _key(parts: tuple[str | int, ...]) -> tuple[datetime, str] | None:
    """The decision and id that a page token names; tokens come from outside and may say anything."""
    if not parts:
        return None
    try:
        microseconds, notice_id = parts
        return _EPOCH + int(microseconds) * _MICROSECOND, str(notice_id)
    except (ValueError, OverflowError):
        raise invalid_field("page_token", "PAGE_TOKEN_INVALID", "This page token is damaged.") from None


def explain_invoice(invoice_id: int, *, store: Store, ledger: Ledger, clock: Clock) -> Explanation:
    """Every decision on the invoice, what a tick would do now, and what comes next. `InvoiceMissing`."""
    subject = ledger.subjects([invoice_id]).get(invoice_id)
    if subject is None:
        raise InvoiceMissing(f"The books have no invoice with the ID {invoice_id}.")
    with store.read() as work:
        today = work.calendar.get().date_at(clock.now())
        thresholds = [rule.threshold for rule in work.rules.all() if rule.enabled]
        known = {
            row.threshold: row
            for row in work.notices.known([invoice_id])
            if row.due_on == subject.invoice.due_on
        }
        organization_id = subject.invoice.organization_id
        excluded = bool(work.exclusions.among(NoticeType.DUE_NOTICE, [organization_id]))
        return Explanation(
            invoice_id,
            tuple(work.notices.of_invoice(invoice_id)),
            tuple(work.notices.decisions_on_invoice(invoice_id)),
            what_now(subject, thresholds, today, known, excluded=excluded),
            what_next(subject, thresholds, today),
        )

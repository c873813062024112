"""Why and why not: the notices, and what is behind one invoice."""

from typing import NamedTuple

from services.scheduler.domain.explaining import Explanation, what_next, what_now
from services.scheduler.domain.notice import Notice, NoticeFilter, NoticeType
from services.scheduler.domain.pauses import Paused
from services.scheduler.ports import Store
from services.scheduler.ports_peers import Ledger
from services.scheduler.use_cases.newest_first import place_of, token_after
from services.scheduler.use_cases.whom import not_told
from services.shared.clock import Clock
from services.shared.errors import Missing
from services.shared.paging import page_size


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
    before = place_of(query, token)
    with store.read() as work:
        found = work.notices.page(only, before, limit + 1)
    page = found[:limit]
    if len(found) <= limit:
        return NoticePage(page, "")
    last = page[-1]
    return NoticePage(page, token_after(query, (last.decided_at, last.notice_id)))


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
        paused = Paused(work.pauses.live([organization_id]))
        untold = not_told(NoticeType.DUE_NOTICE, {invoice_id: subject.addressees}, work).get(invoice_id, "")
        until = paused.until(NoticeType.DUE_NOTICE, organization_id, invoice_id, today)
        return Explanation(
            invoice_id,
            tuple(work.notices.of_invoice(invoice_id)),
            tuple(work.notices.decisions_on_invoice(invoice_id)),
            what_now(
                subject,
                thresholds,
                today,
                known,
                excluded=excluded,
                paused=until is not None,
                untold=untold,
            ),
            what_next(subject, thresholds, today, known, paused_until=until),
        )

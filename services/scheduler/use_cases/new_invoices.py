"""New invoices: what a sync brought is noted when its fact comes in, and decided on a batch at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from services.scheduler.domain import occurrences, reasons
from services.scheduler.domain.books import Subject
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.hours import Hours, not_before
from services.scheduler.domain.new_invoices import why_not
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.occurrences import Candidate
from services.scheduler.ports import Work
from services.scheduler.ports_emails import RecordedInvoice
from services.scheduler.use_cases.telling import Telling
from services.scheduler.use_cases.ticking import Ticking

BATCH = 500
"""As many as the ledger tells of at once."""


def invoices_recorded(recorded: Sequence[RecordedInvoice], *, work: Work) -> None:
    """Notes new invoices, if they bring anything: what comes in while they do not is not told later."""
    if _brings(work.email_types.get(NoticeType.ACCOUNT_SUMMARY)) is not OnNewInvoice.NOTHING:
        work.recorded.add(recorded)


def tell_of_new_invoices(*, ticking: Ticking) -> bool:
    """Decides on a batch of new invoices, as the settings are by then; whether there was one.

    The books are read first, outside of the transaction in which the decisions are made and the invoices are
    no longer noted; if that never commits, they are decided on again. `Busy` while the ledger is away.
    """
    with ticking.store.read() as work:
        waiting = work.recorded.waiting(BATCH)
    if not waiting:
        return False
    subjects = ticking.ledger.subjects({one.invoice_id for one in waiting})
    now = ticking.clock.now()
    with ticking.store.write() as work:
        taken = work.recorded.take([one.recorded_id for one in waiting])
        calendar, types = work.calendar.get(), work.email_types.all()
        summary, newest_days = types[NoticeType.ACCOUNT_SUMMARY], types[NoticeType.INVOICE].newest_days
        found = [_Found(one, subjects.get(one.invoice_id), calendar, newest_days) for one in taken]
        telling = Telling(ticking.new_id, not_before=not_before(calendar, Hours.BUSINESS, now))
        match _brings(summary):
            case OnNewInvoice.INVOICES:
                telling.decide(NoticeType.INVOICE, list(_invoices(found)), work, now)
            case OnNewInvoice.SUMMARY:
                telling.decide(NoticeType.ACCOUNT_SUMMARY, list(_summaries(found, summary)), work, now)
    ticking.wake()
    return True


def _brings(summary: EmailType) -> OnNewInvoice:
    return summary.on_new_invoice if summary.enabled else OnNewInvoice.NOTHING


class _Found:
    """A new invoice as the books have it by now, and why it is not told, if so."""

    def __init__(
        self, recorded: RecordedInvoice, subject: Subject | None, calendar: Calendar, newest_days: int
    ) -> None:
        self.recorded = recorded
        self.time_zone = subject.time_zone if subject else ""
        self.reachable = bool(subject and subject.addressees)
        self.number = subject.invoice.number if subject else ""
        came_on = calendar.date_at(recorded.came_at, self.time_zone)
        self.barred = why_not(subject.invoice, came_on, newest_days) if subject else reasons.INVOICE_MISSING


def _invoices(found: Sequence[_Found]) -> Iterator[Candidate]:
    """One for each invoice."""
    for one in {one.recorded.invoice_id: one for one in found}.values():
        yield Candidate(
            one.recorded.organization_id,
            occurrences.of_new_invoice(one.recorded.invoice_id),
            reasons.NEW_INVOICE,
            one.reachable,
            one.time_zone,
            invoice_id=one.recorded.invoice_id,
            invoice_number=one.number,
            barred=one.barred,
        )


def _summaries(found: Sequence[_Found], settings: EmailType) -> Iterator[Candidate]:
    """One for each organization and sync, told if any of its invoices is.

    A sync may take several batches. The mail reads the books when it leaves, so the first batch suffices, and
    a later one changes only what was skipped.
    """
    of_sync: defaultdict[tuple[str, str], list[_Found]] = defaultdict(list)
    for one in found:
        of_sync[one.recorded.organization_id, one.recorded.sync_id].append(one)
    for (organization_id, sync_id), invoices in of_sync.items():
        # The first that may be told, or else the first.
        best = min(invoices, key=lambda one: bool(one.barred))
        yield Candidate(
            organization_id,
            occurrences.of_new_invoices(organization_id, sync_id),
            reasons.NEW_INVOICE,
            # Whether contacts with the chosen client profiles can be told is for the second look.
            best.reachable or bool(settings.profile_ids),
            best.time_zone,
            barred=best.barred,
        )

"""Taking in the books."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from services.paynow.domain.books import TooMany
from services.paynow.domain.lines import InvoiceLine, SyncRecord
from services.paynow.domain.recorded import invoices_recorded
from services.paynow.domain.repeats import ToldLine, sample, told
from services.paynow.domain.sync import Sync, SyncReport, SyncUndone
from services.paynow.ports import BooksWriter, Ledger
from services.shared.clock import Clock

MOST_RECORDS = 1000
"""Records in one batch."""


def sync_books(batches: Iterable[Sequence[SyncRecord]], *, ledger: Ledger, clock: Clock) -> SyncReport:
    """Takes in the batches, each in a transaction of its own, and reports line by line.

    A stream that breaks off, or a batch that is too large, leaves what came before it applied. `SyncUndone`
    if the database was killed on the way and has forgotten a batch; the same list can be sent again. A line
    that another sync had just brought, and that was lost with that one, counts as unchanged here.
    """
    with ledger.write() as books:
        sync_id = books.start_sync(clock.now())
    sync, taken = Sync(), 0
    for records in batches:
        _must_fit(records)
        told_lines = [told(record) for record in records]
        rest = sync.sift(told_lines, _repeated(told_lines, ledger))
        if lines := sync.check(rest):
            _take_in(lines, sync, ledger, clock, sync_id)
            taken += 1
    report = sync.report()
    with ledger.write() as books:
        books.lock()
        books.drop_addresses(sync.stale_addresses())
        _tell_of_new_invoices(books, sync_id, clock.now())
        if books.finish_sync(sync_id, clock.now(), report) != taken:
            raise SyncUndone("The database was away, and has lost a part of the list; send the list again.")
    return report


def _repeated(lines: Sequence[ToldLine], ledger: Ledger) -> Collection[str]:
    """The imprints of lines that say what the books say already.

    Asked without a lock: if another sync changes an invoice after this, its line came after ours.
    """
    with ledger.read() as books:
        return books.repeated(lines) if books.repeated(sample(lines)) else ()


def _take_in(lines: Sequence[InvoiceLine], sync: Sync, ledger: Ledger, clock: Clock, sync_id: int) -> None:
    # The end of the sync makes all its batches last; until then a database that is killed may forget the
    # newest, and goes on without them. By their count in the run's own row the end knows.
    with ledger.write(lasting=False) as books:
        books.lock()
        known = books.known(
            {line.invoice.organization_id for line in lines},
            [(line.invoice.organization_id, line.invoice.number) for line in lines],
        )
        if any(line.contact and line.contact.profile for line in lines):
            known = replace(known, profiles=books.profiles())
        books.apply(sync.plan(lines, known), clock.now())
        books.count_batch(sync_id)


def _tell_of_new_invoices(books: BooksWriter, sync_id: int, now: datetime) -> None:
    """Tells the others what is new, also of syncs that were cut short before they could.

    Only here, where the whole list is in the books: who hears of an invoice reads what else its organization
    owes. And of what the database may still forget nobody must hear.
    """
    while recorded := books.take_untold(MOST_RECORDS):
        for fact in invoices_recorded(sync_id, recorded):
            books.announce("invoices_recorded", fact, now)


def _must_fit(records: Sequence[SyncRecord]) -> None:
    if len(records) > MOST_RECORDS:
        raise TooMany(
            f"A batch of {len(records)} records is too large; send at most {MOST_RECORDS} at a time.",
            metadata={"most": str(MOST_RECORDS)},
        )

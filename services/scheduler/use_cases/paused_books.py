"""Which open invoices have paused reminders, for those who count what is to come."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import TypeVar

from services.scheduler.domain.books import Invoice
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.pauses import Live, Paused
from services.scheduler.use_cases.ticking import Ticking

MOST_ACCOUNTS, MOST_SUBJECTS = 200, 500
"""The ledger tells of no more at once."""

T = TypeVar("T")


def paused_by_due_date(
    live: Sequence[Live], *, ticking: Ticking, wanted: Callable[[], bool]
) -> Mapping[date, Sequence[date]] | None:
    """The dates on which reminders of the paused invoices go again, by the invoices' due dates.

    Of an organization with more than 200 open invoices only those that are due first are known. `wanted` is
    asked after each look into the books; None once it says no.
    """
    paused, ends = Paused(live), defaultdict[date, list[date]](list)
    for invoices in _open_invoices(live, ticking):
        for invoice in invoices:
            end = paused.until(NoticeType.DUE_NOTICE, invoice.organization_id, invoice.invoice_id, date.min)
            if invoice.due_on is not None and end is not None:
                ends[invoice.due_on].append(end)
        if not wanted():
            return None
    return ends


def _open_invoices(live: Sequence[Live], ticking: Ticking) -> Iterator[list[Invoice]]:
    whole = {one.organization_id for one in live if not one.invoice_id}
    for some in _in_parts(whole, MOST_ACCOUNTS):
        accounts = ticking.accounts.accounts(some).values()
        yield [invoice for account in accounts for invoice in account.invoices]
    single = {one.invoice_id for one in live if one.invoice_id and one.organization_id not in whole}
    for some_invoices in _in_parts(single, MOST_SUBJECTS):
        found = [subject.invoice for subject in ticking.ledger.subjects(some_invoices).values()]
        yield [invoice for invoice in found if invoice.status == "open" and invoice.balance_minor > 0]


def _in_parts(items: Collection[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some

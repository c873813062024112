"""Totals over all the books, of which there may be a million invoices."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from services.paynow.domain.aging import aging
from services.paynow.domain.books import BooksSummary
from services.paynow.ports import BooksReader, Ledger
from services.shared.clock import Clock

log = structlog.get_logger()

SUMMED_AT_ONCE = 20_000
"""So many open invoices are summed up for each question; it takes some tens of milliseconds."""

FRESH = timedelta(seconds=30)
"""Larger books are summed up again after this time, or so many times that it took:"""

REST = 10
"""It takes an eleventh of a processor at most."""

OLDEST = timedelta(minutes=10)
"""An older sum is not told; who asks then waits for a new one."""


@dataclass(frozen=True)
class _Known:
    today: date
    summary: BooksSummary
    took: timedelta

    @property
    def is_large(self) -> bool:
        return sum(total.open_invoices for total in self.summary.totals) > SUMMED_AT_ONCE


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="books-summary", daemon=True).start()


class Summaries:
    """Answers what is open; safe from any thread.

    Of one organization, and of small books, it is as of this moment. Of larger books it is the newest sum,
    which tells its time; an old one is renewed behind the answer.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, *, behind: Callable[[Callable[[], None]], None] = _in_thread
    ) -> None:
        """`behind` does work beside the answer."""
        self._ledger = ledger
        self._clock = clock
        self._behind = behind
        self._known: _Known | None = None
        self._summing = threading.Lock()

    def of(self, organization_id: str, today: date) -> BooksSummary:
        """Totals and aging of one organization, or of all if it is empty; the most used currency first."""
        if not organization_id:
            return self._of_all(today)
        with self._ledger.read() as books:
            return _summary(books, today, self._clock.now(), organization_id)

    def _of_all(self, today: date) -> BooksSummary:
        known = self._known
        if known is None or known.today != today or not known.is_large or self._age(known) > OLDEST:
            return self._sum(today)
        if self._age(known) > max(FRESH, REST * known.took) and self._summing.acquire(blocking=False):
            self._behind(lambda: self._renew(today))
        return known.summary

    def _age(self, known: _Known) -> timedelta:
        return self._clock.now() - known.summary.counted_at

    def _sum(self, today: date) -> BooksSummary:
        asked_at = self._clock.now()
        with self._summing:
            # Whoever waited for another one's sum of large books takes that.
            known = self._known
            if known and known.today == today and known.is_large and known.summary.counted_at >= asked_at:
                return known.summary
            return self._read(today)

    def _renew(self, today: date) -> None:
        try:
            self._read(today)
        except Exception as error:  # the end of a thread: whatever it was, the next question tries again
            log.warning("books not summed up", error=str(error))
        finally:
            self._summing.release()

    def _read(self, today: date) -> BooksSummary:
        began = self._clock.now()
        with self._ledger.read() as books:
            summary = _summary(books, today, began)
        self._known = _Known(today, summary, self._clock.now() - began)
        return summary


def _summary(books: BooksReader, today: date, now: datetime, organization_id: str = "") -> BooksSummary:
    of = [organization_id] if organization_id else None
    found = books.totals(today, of).get(organization_id, ())
    totals = tuple(sorted(found, key=lambda total: (-total.open_invoices, total.currency)))
    sums = books.aged_sums(today, organization_id)
    return BooksSummary(
        totals,
        aging(sums, [total.currency for total in totals]),
        0 if organization_id else books.count_organizations(),
        books.last_synced_at(),
        now,
    )

"""What due notices an invoice list must bring, told from the words of the rule alone.

Nothing here is imported from the product, so that a misreading there is not repeated here.

The rule: days = today - due date. A threshold of -N applies while -N <= days <= 0, a threshold of
N >= 1 applies from days >= N on. Of the enabled thresholds that apply, the largest is the candidate.
Smaller thresholds past due that were not sent become superseded. A threshold is sent at most once,
and once one has been sent, smaller ones never are: such a candidate is superseded, too, because each
decision not to send has a row. Only what is known and unpaid counts.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Bill:
    """One invoice with its whole life: nothing is owed on it before `issued` or from `settled` on."""

    customer: str
    number: str
    issued: date
    due: date
    settled: date

    def owed_on(self, today: date) -> bool:
        return self.issued <= today < self.settled


class Row(NamedTuple):
    """One notice as it must be in the ledger, with the day on which it was first decided so."""

    number: str
    threshold: int
    state: str
    on: date


def applies(threshold: int, days: int) -> bool:
    """Whether a rule's threshold applies on a day that lies `days` after the due date."""
    if threshold < 0:
        return threshold <= days <= 0
    return days >= threshold


class Oracle:
    """Runs ticks in its head. Feed it the days in order; it remembers what was sent and superseded."""

    def __init__(self, bills: Iterable[Bill]) -> None:
        self._bills = list(bills)
        self._rows: dict[str, dict[int, Row]] = {bill.number: {} for bill in self._bills}

    def tick(self, today: date, enabled: Collection[int]) -> list[Row]:
        """The rows that a tick on this day adds."""
        added: list[Row] = []
        for bill in self._bills:
            if bill.owed_on(today):
                added += self._decide(bill, today, enabled)
        return added

    def _decide(self, bill: Bill, today: date, enabled: Collection[int]) -> list[Row]:
        known = self._rows[bill.number]
        reached = [threshold for threshold in enabled if applies(threshold, (today - bill.due).days)]
        if not reached:
            return []
        candidate = max(reached)
        largest_sent = max((row.threshold for row in known.values() if row.state == "sent"), default=None)
        added = [
            Row(bill.number, threshold, "superseded", today)
            for threshold in reached
            if 0 < threshold < candidate and threshold not in known
        ]
        if largest_sent is None or largest_sent < candidate:
            added.append(Row(bill.number, candidate, "sent", today))
        elif candidate not in known:
            # A larger threshold was sent, though its rule is off by now: this one never is.
            added.append(Row(bill.number, candidate, "superseded", today))
        known.update((row.threshold, row) for row in added)
        return added

    def rows(self) -> set[Row]:
        """Every row so far."""
        return {row for rows in self._rows.values() for row in rows.values()}


def read_bills(path: Path) -> list[Bill]:
    """The real list: 2,466 invoices of 100 customers, dates as month/day/year."""

    def day(text: str) -> date:
        return datetime.strptime(text, "%m/%d/%Y").date()

    with path.open(newline="") as file:
        return [
            Bill(
                customer=line["customerID"],
                number=line["invoiceNumber"],
                issued=day(line["InvoiceDate"]),
                due=day(line["DueDate"]),
                settled=day(line["SettledDate"]),
            )
            for line in csv.DictReader(file)
        ]

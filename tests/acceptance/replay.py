"""Plays the history of a real invoice list against running programs, day by day, beside the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2
from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.imports import PRESETS, read_invoice_list, sync
from tests.acceptance.oracle import Bill, Oracle, Row, applies

ZONE = ZoneInfo("America/Chicago")
STATES = {
    notices_pb2.NOTICE_STATE_SENT: "sent",
    notices_pb2.NOTICE_STATE_SUPERSEDED: "superseded",
}

# The thresholds that are enabled on a day.
Rules = Callable[[date], Collection[int]]


@dataclass
class Replay:
    """One company that lives through the history of the list. `drain` waits for mails under way."""

    ledger: LedgerServiceStub
    scheduler: SchedulerServiceStub
    drain: Callable[[], None]
    list_path: Path
    bills: list[Bill]
    enabled: set[int] = field(default_factory=set)
    seconds: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.bills)
        self._bills = {bill.number: bill for bill in self.bills}

    def prepare(self, further_rules: Collection[int] = ()) -> None:
        """A company in Chicago, in sandbox mode, whose clock only the replay moves; all rules off."""
        self.scheduler.UpdateCalendar(
            scheduler_pb2.UpdateCalendarRequest(
                calendar=scheduler_pb2.Calendar(
                    time_zone=str(ZONE), send_at="09:00", sandbox=True, automatic=False
                )
            )
        )
        for threshold in further_rules:
            self.scheduler.AddRule(scheduler_pb2.AddRuleRequest(threshold_days=threshold))
        for rule in self.scheduler.ListRules(scheduler_pb2.ListRulesRequest()).rules:
            self._switch(rule.threshold_days, on=False)

    def days(self, step: int = 1) -> Iterator[date]:
        """From the first issue to the last settlement, which is always the last day."""
        day, last = min(bill.issued for bill in self.bills), max(bill.settled for bill in self.bills)
        while day < last:
            yield day
            day += timedelta(days=step)
        yield last

    def live_through(self, days: Iterable[date], rules: Rules) -> None:
        """Syncs and ticks on each of the days. Each tick must decide as many notices as the oracle."""
        under_way: list[Row] = []
        for today in days:
            switched = self.enabled ^ set(rules(today))
            if switched or self._would_be_withheld(under_way, today):
                self._timed("drain", self.drain)
                under_way = []
            for threshold in switched:
                self._switch(threshold, on=threshold not in self.enabled)
            self._timed("sync", lambda today=today: self._sync(today))
            expected = self.oracle.tick(today, self.enabled)
            counts = self._timed("tick", lambda today=today: self._tick(today))
            states = Counter(row.state for row in expected)
            assert (counts.queued, counts.held, counts.skipped) == (states["sent"], 0, 0), (
                f"{today}: {counts}"
            )
            # What was superseded before may be superseded again for another reason.
            assert counts.superseded >= states["superseded"], f"on {today}: {counts}"
            under_way += [row for row in expected if row.state == "sent"]
        self._timed("drain", self.drain)

    def _would_be_withheld(self, under_way: list[Row], today: date) -> bool:
        """Whether a mail that may still be queued has to leave before today's list and tick are known.

        Mails need not have left before the next day begins, but then what was settled meanwhile is withheld,
        and what a larger threshold overtakes is superseded.
        """
        for row in under_way:
            bill = self._bills[row.number]
            days = (today - bill.due).days
            overtaken = any(other > row.threshold and applies(other, days) for other in self.enabled)
            if overtaken or bill.settled <= today:
                return True
        return False

    def notices(self) -> list[notices_pb2.Notice]:
        """Every notice in the ledger."""
        found: list[notices_pb2.Notice] = []
        token = ""
        while True:
            page = self.scheduler.ListNotices(
                scheduler_pb2.ListNoticesRequest(page_size=1000, page_token=token)
            )
            found += page.notices
            token = page.next_page_token
            if not token:
                return found

    def rows(self, notices: Iterable[notices_pb2.Notice]) -> set[Row]:
        """The notices as the oracle tells them, with the day that their deciding row is dated to."""
        notices = list(notices)
        invoices = sorted({notice.invoice_id for notice in notices})
        decided: dict[str, list[date]] = {}
        with ThreadPoolExecutor(4) as readers:
            for days in readers.map(self._days_of, invoices):
                decided |= days
        rows = set()
        for notice in notices:
            days = decided[notice.notice_id]
            state = STATES.get(notice.state, f"{notice.state} {notice.reason}")
            again = len(days) > 1 and state == "sent"
            assert not again, f"{notice.invoice_number} {notice.threshold_days} was decided on {days}"
            rows.add(Row(notice.invoice_number, notice.threshold_days, state, days[0]))
        return rows

    def _days_of(self, invoice_id: int) -> dict[str, list[date]]:
        """For each notice of the invoice the days for which it was queued or superseded."""
        explained = self.scheduler.ExplainInvoice(scheduler_pb2.ExplainInvoiceRequest(invoice_id=invoice_id))
        days: dict[str, list[date]] = {notice.notice_id: [] for notice in explained.notices}
        for decision in explained.decisions:
            if decision.state in (notices_pb2.NOTICE_STATE_QUEUED, notices_pb2.NOTICE_STATE_SUPERSEDED):
                as_of = decision.as_of.ToDatetime(UTC).astimezone(ZONE)
                days[decision.notice_id].append(as_of.date())
        return days

    def _sync(self, today: date) -> None:
        with self.list_path.open("rb") as stream:
            invoice_list = read_invoice_list(stream, PRESETS["ibm-late-payments"], as_of=today)
            report = sync(self.ledger, invoice_list)
        assert report.refused == 0, report.refusals[:3]

    def _tick(self, today: date) -> scheduler_pb2.TickCounts:
        as_of = Timestamp()
        as_of.FromDatetime(datetime.combine(today, time(12), ZONE).astimezone(UTC))
        progress = list(self.scheduler.RunTick(scheduler_pb2.RunTickRequest(as_of=as_of), timeout=60))
        assert progress[-1].done
        assert progress[-1].today == today.isoformat()
        return progress[-1].counts

    def _switch(self, threshold: int, *, on: bool) -> None:
        self.scheduler.SetRuleEnabled(
            scheduler_pb2.SetRuleEnabledRequest(threshold_days=threshold, enabled=on)
        )
        (self.enabled.add if on else self.enabled.discard)(threshold)

    def _timed(self, what: str, act: Callable[[], object]) -> object:
        started = datetime.now(UTC)
        result = act()
        self.seconds[what] += (datetime.now(UTC) - started).total_seconds()
        return result

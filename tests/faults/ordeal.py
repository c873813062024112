"""A company whose programs are killed while it writes to its clients and takes their payments."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from dunlin.paynow.v1 import ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2

from tests.e2e.acts import drain, email_of, record, set_calendar, set_rules, sync, tick, wait_until
from tests.e2e.company import Company, pause
from tests.faults import evidence
from tests.faults.aftermath import Charge, LedgerPayment, OwedInvoice
from tests.faults.insist import insist
from tests.faults.killer import Killer
from tests.faults.payers import Intent, pay
from tests.faults.sizes import FULL, SIZE

AMOUNT = 500_00
FIRST_DAY = date(2025, 3, 3)
THRESHOLD = 15
DAYS = 12 if SIZE is FULL else 6


@dataclass
class Ordeal:
    """Notices spread over DAYS, payments of parts of them, and a seed for the moments of the kills."""

    company: Company
    notices: int
    payments: int
    seed: int
    killed: dict[str, int] = field(default_factory=dict)
    told: list[set[str]] = field(default_factory=list)
    """For each confirmation the payment ids that its payer was told."""
    seconds_to_idle: float = 0.0
    """From the end of the fault until no work was left."""
    _fault_ended: float = 0.0

    def prepare(self) -> None:
        set_calendar(self.company.clients)
        set_rules(self.company.clients, THRESHOLD)
        report = sync(self.company.clients, *map(self._record, range(self.notices)))
        assert report.added == self.notices

    def go_through(self, victims: Sequence[str]) -> None:
        """Ticks day by day and lets people pay, while each of the victims dies once a day."""
        killer = Killer(self.company, victims, random.Random(self.seed))
        intents = self._intents()
        with ThreadPoolExecutor(2 * self.payments) as payers:
            paid: list[Future[set[str]]] = []
            for day in range(DAYS):
                kills = killer.round()
                paid += [self._begin(payers, intent) for intent in intents[day::DAYS]]
                today = FIRST_DAY + timedelta(days=day)
                insist(lambda today=today: tick(self.company.clients, today), seconds=120)
                kills.join()
                self._fault_ended = time.monotonic()
            self.told = [payment.result() for payment in paid]
        self.killed = dict(killer.killed)

    def go_through_harm(self, harm: Callable[[], None]) -> None:
        """Ticks day by day and lets people pay, while `harm` is done to the company."""

        def tick_all() -> None:
            for day in range(DAYS):
                today = FIRST_DAY + timedelta(days=day)
                insist(lambda today=today: tick(self.company.clients, today), seconds=120)

        with ThreadPoolExecutor(2 * self.payments) as others:
            ticks = others.submit(tick_all)
            paid = [self._begin(others, intent) for intent in self._intents()]
            harm()
            self._fault_ended = time.monotonic()
            ticks.result()
            self.told = [payment.result() for payment in paid]

    def pay_while_paynow_dies(self, rounds: int) -> None:
        """Kills paynow in the midst of the confirmations of each round, and lets the payers insist."""
        rng = random.Random(self.seed)
        intents = self._intents()
        with ThreadPoolExecutor(2 * self.payments) as payers:
            for turn in range(rounds):
                paid = [self._begin(payers, intent) for intent in intents[turn::rounds]]
                pause(rng.uniform(0.02, 0.2))
                wait_until(lambda: self.company.kill("paynow"), what="paynow can be killed")
                self._fault_ended = time.monotonic()
                self.told += [payment.result() for payment in paid]
        self.killed = {"paynow": rounds}

    def come_to_rest(self) -> None:
        """Waits until every program is back, every payment is final, and no work is left."""
        insist(self.ledger_payments, seconds=60)
        wait_until(
            lambda: all(p.state in ("SUCCEEDED", "FAILED") for p in insist(self.ledger_payments)),
            what="all payments become final",
            seconds=120,
        )
        insist(lambda: drain(self.company.clients, 120), seconds=120)
        self.seconds_to_idle = round(time.monotonic() - self._fault_ended, 1)

    def ledger_payments(self) -> list[LedgerPayment]:
        return evidence.ledger_payments(self.company.clients)

    def charges(self) -> list[Charge]:
        """The provider's own books, read behind everybody's back."""
        with closing(sqlite3.connect(self.company.home.root / "db" / "sandbox.sqlite")) as books:
            rows = books.execute(
                "SELECT key, amount_minor, verdict, settles_reason FROM sandbox_charges"
                " WHERE verdict <> 'closed'"
            ).fetchall()
        return [
            Charge(key, amount, taken=verdict == "approved" or (verdict == "pending" and not returned))
            for key, amount, verdict, returned in rows
        ]

    def invoices(self) -> list[OwedInvoice]:
        return evidence.invoices(self.company.clients)

    def ledger_notices(self) -> list[notices_pb2.Notice]:
        return evidence.notices(self.company.clients)

    def numbers(self) -> list[str]:
        return [f"N/{at:04}" for at in range(self.notices)]

    def _record(self, at: int) -> ledger_pb2.SyncRecord:
        due = FIRST_DAY + timedelta(days=at % DAYS - THRESHOLD)
        amount = f"{AMOUNT // 100}.00"
        return record(self._organization(at), f"N/{at:04}", due, amount=amount, balance=amount)

    @staticmethod
    def _organization(at: int) -> str:
        return f"Org{at % 40:02}"

    def _intents(self) -> list[Intent]:
        offered = self.company.clients.paynow.ListPaymentMethods(paynow_pb2.ListPaymentMethodsRequest())
        methods = [method.method_token for method in offered.methods]
        chosen = range(0, self.notices, self.notices // self.payments)[: self.payments]
        return [
            Intent(email_of(self._organization(at)), f"N/{at:04}", f"{10 + turn}.{turn:02}", method)
            for turn, at in enumerate(chosen)
            for method in [methods[turn % len(methods)]]
        ]

    def _begin(self, payers: ThreadPoolExecutor, intent: Intent) -> Future[set[str]]:
        key = f"confirm {intent.invoice} {datetime.now(UTC):%H%M%S%f}"
        return payers.submit(pay, self.company.clients.paynow, intent, key=key)

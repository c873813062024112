"""Work in flight on a fleet: notices over four days, payments, exclusions, invoices that are closed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta

from dunlin.mailer.v1 import messages_pb2
from dunlin.paynow.v1 import ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from tests.e2e.acts import record, set_calendar, set_rules, sync, tick, wait_until
from tests.e2e.company import pause
from tests.faults import evidence
from tests.faults.aftermath import Delivery, History, extra_copies
from tests.faults.fleet import Fleet
from tests.faults.insist import insist
from tests.faults.payers import Intent, pay
from tests.faults.results import IDLE_SECONDS, Result
from tests.faults.sizes import FULL, SIZE

FIRST_DAY = date(2025, 3, 3)
THRESHOLD = 15
DAYS = 4
ORGANIZATIONS = 40
EXCLUDED = (7, 23)
AMOUNT = "500.00"
PAYERS = 16
CLOSED = "closed invoices"
PATIENCE = 1200.0 if SIZE is FULL else 300.0
"""Seconds for which a careful caller insists. Each death in a tick costs it the twenty of a dead lease."""
_SENT_MESSAGE = messages_pb2.MESSAGE_STATE_SENT
_EVENTS = {
    kind: name.removeprefix("MESSAGE_EVENT_KIND_") for name, kind in messages_pb2.MessageEventKind.items()
}


@dataclass
class Campaign:
    """One fault scenario's work, apart from that of others by the names of its organizations."""

    fleet: Fleet
    name: str
    notices: int
    payments: int
    seed: int
    local_parts: dict[int, str] = field(default_factory=dict)
    """What an organization's address begins with, where the mail server is to treat it in its own way."""
    methods: Sequence[str] = ()
    """How people pay; in every way that the sandbox has, if empty."""
    lasting: float = 0.0
    """Seconds over which people come to pay, so that a payment is always on its way; 0 is all at once."""
    patience: float = IDLE_SECONDS
    """Seconds from the fault's end, beside what the mails left take, after which the test fails.

    The report goes by IDLE_SECONDS and nothing beside."""

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(PAYERS + 8, thread_name_prefix=self.name)
        self.paid: list[Future[set[str]]] = []
        """For each confirmation the payment ids that its payer is told."""
        self.bans: dict[str, float] = {}
        """When what was forbidden had been answered: an organization's id, or CLOSED for invoices."""
        self.before: list[History] = []
        """The histories as they were when it was asked to remember them; they may only grow."""
        self._others: list[Future[None]] = []
        self._killed = Counter(self.fleet.killed)
        self._began_at = self._fault_at = self._fault_ended = 0.0
        self._out_at_fault = self._out_at_end = 0
        self._rng = random.Random(self.seed)

    # Doing

    def prepare(self) -> None:
        """The company's calendar and rule, and the invoices."""
        clients = self.fleet.clients
        set_calendar(clients)
        set_rules(clients, THRESHOLD)
        report = sync(clients, *map(self._record, range(self.notices)))
        assert report.added == self.notices, report

    def begin(self) -> None:
        """Ticks day by day, lets people pay and staff exclude; returns at once."""
        self._began_at = time.monotonic()
        # Before those who pay, since they may be more than can be served at once.
        self._others.append(self._pool.submit(self._tick_all))
        self._others.append(self._pool.submit(self._forbid_while_mails_go_out))
        intents = self._intents(range(self.payments))
        self.paid = [
            self._pool.submit(self._pay, intent, self._began_at + self.lasting * turn / len(intents))
            for turn, intent in enumerate(intents)
        ]

    def pay_once_more(self) -> None:
        """Lets one more person pay, once those before have been told, while there are invoices to pay."""
        if all(payment.done() for payment in self.paid):
            turn = len(self.paid)
            self.paid += [self._pool.submit(self._pay, i, 0.0) for i in self._intents(range(turn, turn + 1))]

    def reach(self, share: float) -> None:
        """Returns once this share of the mails is out."""

        def is_reached() -> bool:
            for work in (*self._others, *self.paid):
                if work.done():
                    work.result()
            return self.share_out() >= share

        wait_until(
            is_reached,
            what=f"{share:.0%} of the mails of {self.name} are out",
            seconds=PATIENCE,
        )

    def share_out(self) -> float:
        """How much of the mails is out."""
        return len(self.deliveries()) / self.notices

    def breaks(self) -> None:
        """The fault begins now."""
        self._out_at_fault, self._fault_at = len(self.deliveries()), time.monotonic()
        self.remember()

    def remember(self) -> None:
        """Keeps the histories as they are now. Mails must be out, and every one of them has its history."""
        out = {delivery.message_id for delivery in self.deliveries()}
        found = insist(self.histories, seconds=PATIENCE)
        untold = out - {history.message_id for history in found if history.events}
        assert out, "nothing is out that could be rewritten"
        assert not untold, f"{len(untold)} of {len(out)} mails that are out have no history"
        self.before += found

    def heals(self) -> None:
        """The fault has ended now."""
        self._fault_ended = time.monotonic()
        self._out_at_end = len({delivery.message_id for delivery in self.deliveries()})

    def finish(self, result: Result) -> None:
        """Waits until nothing is left to do, and says how long that took and what is wrong."""
        for work in (*self._others, *self.paid):
            work.result(PATIENCE)
        wait_until(self.fleet.is_idle, what="nothing is left to do", seconds=PATIENCE)
        result.seconds_to_idle = round(time.monotonic() - self._fault_ended, 1)
        delivered = [delivery.message_id for delivery in self.deliveries()]
        result.mails, result.copies = len(delivered), extra_copies(delivered)
        pace = self._out_at_fault / max(0.1, self._fault_at - self._began_at)
        result.left = len(set(delivered)) - self._out_at_end
        result.backlog_seconds = round(result.left / pace, 1) if pace else 0.0
        late = result.seconds_to_idle - result.backlog_seconds - self.patience
        if late > 0:
            result.complaints.append(f"idle {late:.0f} s too late")
        result.kills = {name: self.fleet.killed[name] - self._killed[name] for name in self.fleet.processes}

    # Looking

    def deliveries(self) -> list[Delivery]:
        """What the mail server took of this campaign's mails."""
        mine = f"@{self.name}-"
        return [
            Delivery(mail.message_id, mail.connection, mail.begun_at)
            for mail in self.fleet.mail.accepted[:]
            if mine in mail.recipients[0]
        ]

    def histories(self) -> list[History]:
        """What the mailer says of this campaign's messages."""
        return [
            History(m.message_id, m.state == _SENT_MESSAGE, tuple(_EVENTS[event.kind] for event in m.events))
            for m in evidence.messages(self.fleet.clients)
            if m.invoice_number.startswith(self.name)
        ]

    # Within

    def organization(self, at: int) -> str:
        """The id of an invoice's organization."""
        return f"{self.name}-{at % ORGANIZATIONS:02}"

    def _email(self, at: int) -> str:
        local = self.local_parts.get(at % ORGANIZATIONS, "accounts")
        return f"{local}@{self.organization(at)}.test"

    def number(self, at: int) -> str:
        """The number of an invoice."""
        return f"{self.name}/{at:05}"

    def _record(self, at: int, **others: object) -> ledger_pb2.SyncRecord:
        due = FIRST_DAY + timedelta(days=at % DAYS - THRESHOLD)
        values = {"amount": AMOUNT, "balance": AMOUNT, "contact_emails": [self._email(at)], **others}
        return record(self.organization(at), self.number(at), due, **values)

    def _tick_all(self) -> None:
        for day in range(DAYS):
            today = FIRST_DAY + timedelta(days=day)
            insist(lambda today=today: tick(self.fleet.clients, today), seconds=PATIENCE)

    def _chosen(self) -> range:
        return range(1, self.notices, self.notices // self.payments)[: self.payments]

    def closed(self) -> set[str]:
        """Invoices that the list says are paid, in the middle of it all."""
        chosen = set(self._chosen())
        return {self.number(at) for at in range(5, self.notices, 12) if at not in chosen}

    def _payable(self) -> list[int]:
        """The invoices in the order in which they get payers: first those chosen, then all that stay open."""
        chosen, closed = self._chosen(), self.closed()
        others = (at for at in range(self.notices) if at not in chosen and self.number(at) not in closed)
        return [*chosen, *others]

    def _intents(self, turns: range) -> list[Intent]:
        payable = self._payable()
        request = paynow_pb2.ListPaymentMethodsRequest()
        offered = insist(lambda: self.fleet.clients.paynow.ListPaymentMethods(request), seconds=PATIENCE)
        methods = list(self.methods) or [method.method_token for method in offered.methods]
        return [
            Intent(self._email(at), self.number(at), f"{10 + turn % 400}.{turn % 100:02}", method)
            for turn in turns[: max(0, len(payable) - turns.start)]
            for at, method in [(payable[turn], methods[turn % len(methods)])]
        ]

    def _pay(self, intent: Intent, comes_at: float) -> set[str]:
        pause(max(0.0, comes_at - time.monotonic()))
        return pay(self.fleet.clients.paynow, intent, key=f"confirm {intent.invoice}", seconds=PATIENCE)

    def _forbid_while_mails_go_out(self) -> None:
        """Excludes two organizations and closes some invoices; notes when each of that had been answered."""
        clients = self.fleet.clients
        for at, share in zip(EXCLUDED, (0.05, 0.3), strict=True):
            self.reach(share)
            request = scheduler_pb2.AddExclusionRequest(
                type=notices_pb2.NOTICE_TYPE_DUE_NOTICE, organization_id=self.organization(at)
            )
            insist(lambda request=request: clients.scheduler.AddExclusion(request), seconds=PATIENCE)
            self.bans[self.organization(at)] = time.time()
        closed = self.closed()
        lines = [
            self._record(at, balance="0.00", status="paid")
            for at in range(self.notices)
            if self.number(at) in closed
        ]
        insist(lambda: sync(clients, *lines), seconds=PATIENCE)
        self.bans[CLOSED] = time.time()

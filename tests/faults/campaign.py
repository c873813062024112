"""Work in flight on a fleet: notices over four days, payments, exclusions, and what must come of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import grpc
import psycopg
from dunlin.mailer.v1 import messages_pb2
from dunlin.operations.v1 import operations_pb2
from dunlin.paynow.v1 import ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from tests.e2e.acts import record, set_calendar, set_rules, sync, tick, wait_until
from tests.e2e.company import pause
from tests.faults import evidence
from tests.faults.aftermath import (
    Ban,
    Charge,
    Delivery,
    History,
    balance_complaints,
    ban_complaints,
    charge_complaints,
    extra_copies,
    history_complaints,
    mail_complaints,
    receipt_complaints,
    rewritten_histories,
    unexplained_copies,
    unknowable,
)
from tests.faults.fleet import Fleet
from tests.faults.insist import insist
from tests.faults.payers import Intent, pay
from tests.faults.results import IDLE_SECONDS, UNFINISHED, Result, write
from tests.faults.sizes import SEED, SIZE

FIRST_DAY = date(2025, 3, 3)
THRESHOLD = 15
DAYS = 4
ORGANIZATIONS = 40
EXCLUDED = (7, 23)
AMOUNT = "500.00"
PAYERS = 16
PATIENCE = 300.0
"""Seconds for which a careful caller insists."""
REVIEW_HOLDS = 1.5
"""How old the mailer's second look may be when a mail is begun: a second, and what clocks and threads add."""

_SENT_MESSAGE = messages_pb2.MESSAGE_STATE_SENT
_EVENTS = {
    kind: name.removeprefix("MESSAGE_EVENT_KIND_") for name, kind in messages_pb2.MessageEventKind.items()
}

BY_DECISION = {"ORGANIZATION_EXCLUDED", "NOT_OPEN", "NOTHING_LEFT_TO_PAY"}
"""Why a notice of these campaigns may stay unsent, beside what the mail server itself refused."""


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
    patience: float = IDLE_SECONDS
    """Seconds from the fault's end, beside what the mails left take, after which the test fails.

    The report goes by IDLE_SECONDS and nothing beside."""

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(PAYERS + 8, thread_name_prefix=self.name)
        self._paid: list[Future[set[str]]] = []
        self._others: list[Future[None]] = []
        self._bans: dict[str, float] = {}
        self._before: list[History] = []
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
        self._others.append(self._pool.submit(self._tick_all))
        self._paid = [self._pool.submit(self._pay, intent) for intent in self._intents()]
        self._others.append(self._pool.submit(self._forbid_while_mails_go_out))

    def reach(self, share: float) -> None:
        """Returns once this share of the mails is out."""

        def is_reached() -> bool:
            for work in (*self._others, *self._paid):
                if work.done():
                    work.result()
            return len(self.deliveries()) >= share * self.notices

        wait_until(
            is_reached,
            what=f"{share:.0%} of the mails of {self.name} are out",
            seconds=PATIENCE,
        )

    def breaks(self) -> None:
        """The fault begins now."""
        self._out_at_fault, self._fault_at = len(self.deliveries()), time.monotonic()
        with suppress(grpc.RpcError):
            self._before = self.histories()

    def heals(self) -> None:
        """The fault has ended now."""
        self._fault_ended = time.monotonic()
        self._out_at_end = len({delivery.message_id for delivery in self.deliveries()})

    def finish(self, result: Result) -> None:
        """Waits until nothing is left to do, and says how long that took and what is wrong."""
        for work in (*self._others, *self._paid):
            work.result(PATIENCE)
        wait_until(self._is_idle, what="nothing is left to do", seconds=PATIENCE)
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

    # Checking

    def check(self, result: Result, *, copies_allowed: int) -> None:
        """Invariants 1 to 6, all complaints at once."""
        clients, deliveries = self.fleet.clients, self.deliveries()
        payments = [p for p in evidence.ledger_payments(clients) if p.invoice.startswith(self.name)]
        notices = [n for n in evidence.notices(clients) if n.invoice_number.startswith(self.name)]
        invoices = [i for i in evidence.invoices(clients) if i.number.startswith(self.name)]
        histories = self.histories()
        delivered = [delivery.message_id for delivery in deliveries]
        sent = {n.message_id: f"{n.invoice_number} {n.notice_id}" for n in notices if n.message_id}
        # A mail may have gone out unknown to all, and then have been forbidden before it was tried again.
        unknown = unknowable(deliveries, self.fleet.mail.orderly) - set(sent)
        keys = {payment.payment_id for payment in payments}
        result.complaints += [
            *mail_complaints(sent, [m for m in delivered if m not in unknown], copies_allowed=copies_allowed),
            *self._notice_complaints(notices),
            *unexplained_copies(deliveries, self.fleet.mail.orderly),
            *ban_complaints(deliveries, self._banned(notices), holds=REVIEW_HOLDS),
            *history_complaints(histories, delivered, unknown),
            *rewritten_histories(self._before, histories),
            *charge_complaints(payments, [charge for charge in self._charges() if charge.key in keys]),
            *balance_complaints([i for i in invoices if i.number not in self._closed()], payments),
            *receipt_complaints(payments, self._receipts(notices)),
            *[f"one confirmation became {paid.result()}" for paid in self._paid if len(paid.result()) != 1],
        ]
        if len(payments) != self.payments:
            result.complaints.append(f"{len(payments)} payments of {self.payments} confirmations")
        write(result)

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

    def _organization(self, at: int) -> str:
        return f"{self.name}-{at % ORGANIZATIONS:02}"

    def _email(self, at: int) -> str:
        local = self.local_parts.get(at % ORGANIZATIONS, "accounts")
        return f"{local}@{self._organization(at)}.test"

    def _number(self, at: int) -> str:
        return f"{self.name}/{at:05}"

    def _record(self, at: int, **others: object) -> ledger_pb2.SyncRecord:
        due = FIRST_DAY + timedelta(days=at % DAYS - THRESHOLD)
        values = {"amount": AMOUNT, "balance": AMOUNT, "contact_emails": [self._email(at)], **others}
        return record(self._organization(at), self._number(at), due, **values)

    def _tick_all(self) -> None:
        for day in range(DAYS):
            today = FIRST_DAY + timedelta(days=day)
            insist(lambda today=today: tick(self.fleet.clients, today), seconds=PATIENCE)

    def _chosen(self) -> range:
        return range(1, self.notices, self.notices // self.payments)[: self.payments]

    def _closed(self) -> set[str]:
        """Invoices that the list says are paid, in the middle of it all."""
        chosen = set(self._chosen())
        return {self._number(at) for at in range(5, self.notices, 12) if at not in chosen}

    def _intents(self) -> list[Intent]:
        offered = self.fleet.clients.paynow.ListPaymentMethods(paynow_pb2.ListPaymentMethodsRequest())
        methods = list(self.methods) or [method.method_token for method in offered.methods]
        return [
            Intent(self._email(at), self._number(at), f"{10 + turn % 400}.{turn % 100:02}", method)
            for turn, at in enumerate(self._chosen())
            for method in [methods[turn % len(methods)]]
        ]

    def _pay(self, intent: Intent) -> set[str]:
        return pay(self.fleet.clients.paynow, intent, key=f"confirm {intent.invoice}", seconds=PATIENCE)

    def _forbid_while_mails_go_out(self) -> None:
        """Excludes two organizations and closes some invoices; notes when each of that had been answered."""
        clients = self.fleet.clients
        for at, share in zip(EXCLUDED, (0.05, 0.3), strict=True):
            self.reach(share)
            request = scheduler_pb2.AddExclusionRequest(
                type=notices_pb2.NOTICE_TYPE_DUE_NOTICE, organization_id=self._organization(at)
            )
            insist(lambda request=request: clients.scheduler.AddExclusion(request), seconds=PATIENCE)
            self._bans[self._organization(at)] = time.time()
        closed = self._closed()
        lines = [
            self._record(at, balance="0.00", status="paid")
            for at in range(self.notices)
            if self._number(at) in closed
        ]
        insist(lambda: sync(clients, *lines), seconds=PATIENCE)
        self._bans["paid"] = time.time()

    def _banned(self, notices: Sequence[notices_pb2.Notice]) -> list[Ban]:
        closed, bans = self._closed(), []
        for what, since in self._bans.items():
            messages = frozenset(
                n.message_id
                for n in notices
                if n.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE
                and (n.invoice_number in closed if what == "paid" else n.organization_id == what)
            )
            bans.append(Ban(what, since, messages))
        return bans

    def _notice_complaints(self, notices: Sequence[notices_pb2.Notice]) -> list[str]:
        """One due notice for each invoice, sent or with a reason that is one here."""
        due = Counter(n.invoice_number for n in notices if n.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE)
        complaints = [f"{number}: {times} notices" for number, times in due.items() if times > 1]
        missing = {self._number(at) for at in range(self.notices)} - set(due) - self._closed()
        complaints += [f"{number}: no notice" for number in sorted(missing)]
        refused = {
            self._organization(at)
            for at, local in self.local_parts.items()
            if local.startswith(("never-", "data-5"))
        }
        for notice in notices:
            if notice.state == notices_pb2.NOTICE_STATE_SENT:
                continue
            due_notice = notice.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE
            decided = due_notice and notice.reason in BY_DECISION
            failed = notice.reason == "MAILER_GAVE_UP" and notice.organization_id in refused
            if not decided and not failed:
                complaints.append(f"{notice.invoice_number} is unsent: {notice.reason or 'no reason'}")
        return complaints

    @staticmethod
    def _receipts(notices: Sequence[notices_pb2.Notice]) -> list[tuple[str, str]]:
        return [
            (n.payment_id, notices_pb2.NoticeType.Name(n.type).removeprefix("NOTICE_TYPE_"))
            for n in notices
            if n.payment_id
        ]

    def _charges(self) -> list[Charge]:
        """The provider's own books, read behind everybody's back."""
        statement = (
            "SELECT key, amount_minor, verdict, settles_reason FROM sandbox_charges WHERE verdict <> 'closed'"
        )
        return [
            Charge(
                str(key),
                int(str(amount)),
                taken=verdict == "approved" or (verdict == "pending" and not returned),
            )
            for key, amount, verdict, returned in self.fleet.query("sandbox", statement)
        ]

    def _backlogs(self) -> dict[str, tuple[int, int, int, int]]:
        request = operations_pb2.GetBacklogRequest()
        looks = {name: stub.GetBacklog(request) for name, stub in self.fleet.clients.operations.items()}
        return {name: (b.outbox, b.inbox, b.queue, b.activity) for name, b in looks.items()}

    def _is_idle(self) -> bool:
        """Whether two looks in a row show no work, no open payment, and nothing that happened in between."""
        try:
            first = self._backlogs()
            (open_payments,) = self.fleet.query(
                "paynow", "SELECT count(*) FROM payments WHERE ended_at IS NULL"
            )[0]
            pause(0.3)
            second = self._backlogs()
        except (grpc.RpcError, psycopg.Error):
            return False
        nothing_left = all(not any(backlog[:3]) for backlog in second.values())
        return nothing_left and open_payments == 0 and first == second


def prepared(fleet: Fleet, name: str, **options: Any) -> tuple[Campaign, Result]:
    """A campaign of the size that was asked for, its invoices in the books, and the paper for its result."""
    campaign = Campaign(fleet, name, SIZE.notices, SIZE.payments, SEED, **options)
    campaign.prepare()
    write(Result(name, SIZE.name, SEED, SIZE.notices, SIZE.payments, complaints=[UNFINISHED]))
    return campaign, Result(name, SIZE.name, SEED, SIZE.notices, SIZE.payments)


def go_through(
    fleet: Fleet, name: str, harm: Callable[[], object], copies_allowed: Callable[[], int], **options: Any
) -> Result:
    """A campaign in the midst of which `harm` is done; ends when nothing is left to do and all is checked."""
    campaign, result = prepared(fleet, name, **options)
    campaign.begin()
    campaign.reach(0.1)
    campaign.breaks()
    harm()
    campaign.heals()
    campaign.finish(result)
    campaign.check(result, copies_allowed=copies_allowed())
    assert result.complaints == []
    return result

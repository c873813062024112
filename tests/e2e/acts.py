"""What tests do over gRPC, in the words of the story: sync a list, tick, pay, look at notices."""

from __future__ import annotations

import os
import signal
import time as clock
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from email.message import EmailMessage
from typing import TYPE_CHECKING

from dunlin.operations.v1 import operations_pb2
from dunlin.paynow.v1 import books_pb2, ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.e2e.company import Company, pause

if TYPE_CHECKING:
    from gateway.clients import Clients

APPROVE = "sandbox_approve"
DECLINE = "sandbox_decline"
BANK_RETURNS = "sandbox_ach_returns"


def record(organization: str, number: str, due: date, **values: object) -> ledger_pb2.SyncRecord:
    """A line about an open invoice of 250.00 USD; `values` replace what a test is about."""
    good: dict[str, object] = {
        "line": 2,
        "organization_id": organization,
        "organization_name": f"{organization} Ltd",
        "contact_name": "Ana Costa",
        "contact_emails": [email_of(organization)],
        "invoice_number": number,
        "issued_on": "2025-01-01",
        "due_on": due.isoformat(),
        "currency": "USD",
        "amount": "250.00",
        "balance": "250.00",
        "status": "open",
    }
    return ledger_pb2.SyncRecord(**(good | values))  # type: ignore[arg-type]


def email_of(organization: str) -> str:
    return f"accounts@{organization.lower()}.test"


def sync(clients: Clients, *records: ledger_pb2.SyncRecord) -> ledger_pb2.SyncReport:
    """Sends the lines; any number of them."""
    batches = [
        ledger_pb2.SyncBooksRequest(records=records[at : at + 1000]) for at in range(0, len(records), 1000)
    ]
    return clients.ledger.SyncBooks(iter(batches), timeout=120)


def noon(day: date) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.combine(day, time(12), UTC))
    return stamp


def tick(clients: Clients, day: date, *, dry_run: bool = False) -> scheduler_pb2.TickProgress:
    """Runs a tick as of noon UTC; its last word."""
    request = scheduler_pb2.RunTickRequest(as_of=noon(day), dry_run=dry_run)
    return list(clients.scheduler.RunTick(request, timeout=60))[-1]


def set_rules(clients: Clients, *thresholds: int) -> None:
    """Turns exactly these rules on, all others off."""
    rules = clients.scheduler.ListRules(scheduler_pb2.ListRulesRequest()).rules
    assert set(thresholds) <= {rule.threshold_days for rule in rules}
    for rule in rules:
        clients.scheduler.SetRuleEnabled(
            scheduler_pb2.SetRuleEnabledRequest(
                threshold_days=rule.threshold_days, enabled=rule.threshold_days in thresholds
            )
        )


def set_calendar(clients: Clients, *, sandbox: bool = True) -> None:
    """UTC, and no ticks but those that a test runs."""
    calendar = scheduler_pb2.Calendar(time_zone="UTC", send_at="09:00", sandbox=sandbox, automatic=False)
    clients.scheduler.UpdateCalendar(scheduler_pb2.UpdateCalendarRequest(calendar=calendar))


def today_of(clients: Clients) -> date:
    """The company's date. A test asks once: midnight may come before it ends."""
    return date.fromisoformat(clients.scheduler.GetCalendar(scheduler_pb2.GetCalendarRequest()).today)


def invoice(clients: Clients, number: str) -> books_pb2.Invoice:
    """The one invoice with this number."""
    (found,) = clients.ledger.ListInvoices(ledger_pb2.ListInvoicesRequest(number=number)).invoices
    return found


def notices(clients: Clients, number: str, kind: str = "") -> list[tuple[int, str, str]]:
    """(threshold, state, reason) of the invoice's notices, smallest threshold first."""
    page = clients.scheduler.ListNotices(scheduler_pb2.ListNoticesRequest(invoice_number=number))
    wanted = notices_pb2.NoticeType.Value(f"NOTICE_TYPE_{kind or 'DUE_NOTICE'}")
    return sorted(
        (
            notice.threshold_days,
            notices_pb2.NoticeState.Name(notice.state).removeprefix("NOTICE_STATE_").lower(),
            notice.reason,
        )
        for notice in page.notices
        if notice.type == wanted
    )


def quote(clients: Clients, email: str, number: str, amount: str, link: str = "") -> paynow_pb2.Quote:
    return clients.paynow.Validate(
        paynow_pb2.ValidateRequest(email=email, invoice_number=number, amount=amount, link_token=link)
    )


def confirm(clients: Clients, quote_id: str, method: str = APPROVE, key: str = "") -> paynow_pb2.Payment:
    return clients.paynow.ConfirmPayment(
        paynow_pb2.ConfirmPaymentRequest(
            quote_id=quote_id, method_token=method, idempotency_key=key or str(uuid.uuid4())
        )
    )


def pay(
    clients: Clients, organization: str, number: str, amount: str, method: str = APPROVE
) -> paynow_pb2.Payment:
    """Validates and confirms in one go."""
    return confirm(clients, quote(clients, email_of(organization), number, amount).quote_id, method)


def state_of(payment: paynow_pb2.Payment) -> str:
    return paynow_pb2.PaymentState.Name(payment.state).removeprefix("PAYMENT_STATE_").lower()


def wait_until(true: Callable[[], bool], *, what: str, seconds: float = 60) -> None:
    """Waits for a condition; AssertionError names it when it does not come true."""
    until = clock.monotonic() + seconds
    while not true():
        assert clock.monotonic() < until, f"{what}: not within {seconds:g} s"
        pause(0.02)


def drain(clients: Clients, seconds: float = 60) -> None:
    """What `dunlin drain` does, without the start of a process: waits until no work is left anywhere."""
    seen: list[dict[str, tuple[int, int]]] = []

    def is_at_rest() -> bool:
        looks = {name: stub.GetBacklog(operations_pb2.GetBacklogRequest()) for name, stub in operations}
        seen.append({name: (b.outbox + b.inbox + b.queue, b.activity) for name, b in looks.items()})
        nothing_left = all(left == 0 for left, _ in seen[-1].values())
        return nothing_left and len(seen) > 1 and seen[-1] == seen[-2]

    operations = sorted(clients.operations.items())
    wait_until(is_at_rest, what="all programs come to rest", seconds=seconds)


@contextmanager
def frozen(company: Company, program: str) -> Iterator[None]:
    """Stops a program in its tracks, as a machine under load does, and lets it go on afterwards."""
    pid = company.pid(program)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def mails_to(company: Company, address: str) -> list[EmailMessage]:
    """The mails in the sink that went to the address, in the order of arrival."""
    return [mail for mail in company.mails() if address in mail["To"]]


def text_of(mail: EmailMessage) -> str:
    """The plain text part."""
    body = mail.get_body(("plain",))
    assert body is not None, "every mail has a text part"
    return str(body.get_content())

"""What the services say about themselves, read page by page for the checks in aftermath.py."""

from __future__ import annotations

from dunlin.mailer.v1 import mailer_pb2, messages_pb2
from dunlin.paynow.v1 import ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from gateway.clients import Clients
from tests.e2e.acts import state_of
from tests.faults.aftermath import LedgerPayment, OwedInvoice


def wire_payments(clients: Clients) -> list[paynow_pb2.Payment]:
    """All payments."""
    found: list[paynow_pb2.Payment] = []
    request = paynow_pb2.ListPaymentsRequest(page_size=1000)
    while True:
        page = clients.paynow.ListPayments(request)
        found += page.payments
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def ledger_payments(clients: Clients) -> list[LedgerPayment]:
    """All payments, as the checks want them."""
    return [
        LedgerPayment(p.payment_id, p.invoice_number, p.amount_minor, state_of(p).upper())
        for p in wire_payments(clients)
    ]


def invoices(clients: Clients) -> list[OwedInvoice]:
    """All invoices."""
    found: list[OwedInvoice] = []
    request = ledger_pb2.ListInvoicesRequest(page_size=200)
    while True:
        page = clients.ledger.ListInvoices(request)
        found += [
            OwedInvoice(i.number, i.amount_minor, i.balance_minor, i.reserved_minor) for i in page.invoices
        ]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def notices(clients: Clients) -> list[notices_pb2.Notice]:
    """All notices."""
    found: list[notices_pb2.Notice] = []
    request = scheduler_pb2.ListNoticesRequest(page_size=1000)
    while True:
        page = clients.scheduler.ListNotices(request)
        found += page.notices
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def messages(clients: Clients) -> list[messages_pb2.Message]:
    """All messages with their histories."""
    found: list[messages_pb2.Message] = []
    request = mailer_pb2.ListMessagesRequest(page_size=200)
    while True:
        page = clients.mailer.ListMessages(request)
        found += page.messages
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found

"""`dunlin notices` and `dunlin why`: what was decided, and why."""

from collections.abc import Iterator
from typing import Any

import click
from dunlin.paynow.v1 import books_pb2, ledger_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from gateway.cli.company import Company, open_company
from gateway.cli.output import days_in_words, json_option, name_of, print_json, print_table, say, utc
from services.shared.errors import Missing
from services.shared.money import to_decimal
from services.shared.wire import instant

_STATES = ("sent", "queued", "held", "skipped", "superseded", "failed")


class NoSuchNumber(Missing):
    """No invoice has the number that was asked for."""

    reason = "INVOICE_MISSING"


@click.command()
@click.option("--invoice", default="", metavar="NUMBER", help="Only invoices with exactly this number.")
@click.option("--organization", default="", metavar="ID", help="Only this organization.")
@click.option("--state", type=click.Choice(_STATES), help="Only this state.")
@json_option
def notices(invoice: str, organization: str, state: str | None, *, as_json: bool) -> None:
    """List notices, the newest decision first."""
    request = scheduler_pb2.ListNoticesRequest(
        invoice_number=invoice, organization_id=organization, page_size=1000
    )
    if state is not None:
        request.state = notices_pb2.NoticeState.Value(f"NOTICE_STATE_{state.upper()}")
    found = _all_notices(open_company(), request)
    if as_json:
        for notice in found:
            print_json(_notice(notice))
        return
    rows = [
        (
            f"{instant(notice.decided_at):%Y-%m-%d %H:%M}",
            notice.organization_id,
            notice.invoice_number,
            _about(notice),
            name_of(notices_pb2.NoticeState, notice.state, "NOTICE_STATE_"),
            notice.explanation or notice.reason,
        )
        for notice in found
    ]
    if not rows:
        say("No notices.")
        return
    print_table(("Decided (UTC)", "Organization", "Invoice", "About", "State", "Why"), rows)


def _all_notices(company: Company, request: scheduler_pb2.ListNoticesRequest) -> Iterator[notices_pb2.Notice]:
    while True:
        page = company.scheduler.ListNotices(request, timeout=60)
        yield from page.notices
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _notice(notice: notices_pb2.Notice) -> dict[str, Any]:
    return {
        "notice_id": notice.notice_id,
        "type": name_of(notices_pb2.NoticeType, notice.type, "NOTICE_TYPE_"),
        "organization_id": notice.organization_id,
        "invoice_number": notice.invoice_number,
        "threshold_days": notice.threshold_days,
        "state": name_of(notices_pb2.NoticeState, notice.state, "NOTICE_STATE_"),
        "reason": notice.reason,
        "decided_at": utc(notice.decided_at),
        "message_id": notice.message_id,
    }


def _about(notice: notices_pb2.Notice) -> str:
    if notice.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE:
        return days_in_words(notice.threshold_days)
    return name_of(notices_pb2.NoticeType, notice.type, "NOTICE_TYPE_").replace("_", " ")


@click.command()
@click.argument("number", metavar="INVOICE")
@click.option(
    "--organization", default="", metavar="ID", help="Where several organizations have that number."
)
@json_option
def why(number: str, organization: str, *, as_json: bool) -> None:
    """Show every decision on INVOICE with its reason, and what comes next.

    Where several organizations have an invoice with that number, all of them are shown.
    """
    company = open_company()
    invoices = list(_invoices(company, number, organization))
    if not invoices:
        where = f" of organization {organization!r}" if organization else ""
        raise NoSuchNumber(f"No invoice{where} has the number {number!r}; numbers match exactly.")
    for invoice in invoices:
        request = scheduler_pb2.ExplainInvoiceRequest(invoice_id=invoice.invoice_id)
        explanation = company.scheduler.ExplainInvoice(request)
        if as_json:
            print_json(_explanation(invoice, explanation))
        else:
            _tell(invoice, explanation)


def _invoices(company: Company, number: str, organization: str) -> Iterator[books_pb2.Invoice]:
    request = ledger_pb2.ListInvoicesRequest(number=number, organization_id=organization, page_size=200)
    while True:
        page = company.ledger.ListInvoices(request)
        yield from page.invoices
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _explanation(invoice: books_pb2.Invoice, explanation: scheduler_pb2.Explanation) -> dict[str, Any]:
    thresholds = {notice.notice_id: notice.threshold_days for notice in explanation.notices}
    types = {notice.notice_id: notice.type for notice in explanation.notices}
    coming = explanation.next if explanation.HasField("next") else None
    return {
        "organization_id": invoice.organization_id,
        "organization_name": invoice.organization_name,
        "invoice_number": invoice.number,
        "due_on": invoice.due_on,
        "currency": invoice.currency,
        "balance": to_decimal(invoice.balance_minor, invoice.currency),
        "status": name_of(books_pb2.InvoiceStatus, invoice.status, "INVOICE_STATUS_"),
        "decisions": [
            {
                "notice_id": decision.notice_id,
                "type": name_of(notices_pb2.NoticeType, types.get(decision.notice_id, 0), "NOTICE_TYPE_"),
                "threshold_days": thresholds.get(decision.notice_id, 0),
                "state": name_of(notices_pb2.NoticeState, decision.state, "NOTICE_STATE_"),
                "reason": decision.reason,
                "explanation": decision.explanation,
                "decided_at": utc(decision.decided_at),
                "as_of": utc(decision.as_of) if decision.HasField("as_of") else None,
            }
            for decision in explanation.decisions
        ],
        "now": explanation.now,
        "next": {"threshold_days": coming.threshold_days, "on": coming.on} if coming else None,
    }


def _tell(invoice: books_pb2.Invoice, explanation: scheduler_pb2.Explanation) -> None:
    status = name_of(books_pb2.InvoiceStatus, invoice.status, "INVOICE_STATUS_").replace("_", " ")
    due = f"due {invoice.due_on}" if invoice.due_on else "without due date"
    say(f"Invoice {invoice.number} of {invoice.organization_name} ({invoice.organization_id})")
    balance = to_decimal(invoice.balance_minor, invoice.currency)
    say(f"{status}, {due}, {balance} {invoice.currency} left to pay")
    about = {notice.notice_id: _about(notice) for notice in explanation.notices}
    rows = [
        (
            f"{instant(decision.decided_at):%Y-%m-%d %H:%M}",
            about.get(decision.notice_id, ""),
            name_of(notices_pb2.NoticeState, decision.state, "NOTICE_STATE_"),
            decision.explanation or decision.reason,
            f"{instant(decision.as_of):%Y-%m-%d %H:%M}" if decision.HasField("as_of") else "",
        )
        for decision in explanation.decisions
    ]
    if rows:
        print_table(("Decided (UTC)", "About", "State", "Why", "As of (UTC)"), rows)
    else:
        say("Nothing has been decided on it yet.")
    say(f"Now: {explanation.now}")
    if explanation.HasField("next"):
        coming = explanation.next
        say(f"Next: {days_in_words(coming.threshold_days)}, on {coming.on}")
    else:
        say("Next: nothing")
    say("")

"""Organizations and their invoices: what is owed, whom it is sent to, what was sent, and why."""

import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import grpc
from dunlin.mailer.v1.mailer_pb2 import ListMessagesRequest, ListMessagesResponse
from dunlin.paynow.v1.books_pb2 import Invoice, InvoiceStatus
from dunlin.paynow.v1.ledger_pb2 import (
    GetBooksSummaryRequest,
    GetInvoiceRequest,
    GetOrganizationRequest,
    ListInvoicesRequest,
    ListOrganizationsRequest,
)
from dunlin.scheduler.v1.notices_pb2 import NoticeState
from dunlin.scheduler.v1.scheduler_pb2 import ExplainInvoiceRequest, Explanation
from flask import Blueprint, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from gateway.clients import clients
from gateway.organizations.on_file import read_on_file
from gateway.organizations.paused import standing_of
from gateway.organizations.stars import stars_of
from gateway.site.company_time import calendar_or_none
from gateway.site.listing import page_links
from gateway.site.words import Label, count

blueprint = Blueprint("organizations", __name__)

PAGE = 50
MESSAGES = 20


class ExactText(BaseConverter):
    """A whole id in a path, slashes and all.

    Browsers fold "." and ".." between slashes away, percent-encoded too, so a tilde goes before them.
    """

    regex = ".+"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """The id as it stands in a link."""
        return super().to_url(re.sub(r"(?<![^/])(?=~*\.{1,2}(?![^/]))", "~", value))

    def to_python(self, value: str) -> str:
        """The id that the link was made for."""
        return re.sub(r"(?<![^/])~(?=~*\.{1,2}(?![^/]))", "", value)


@blueprint.record_once
def _know_exact_text(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["exact"] = ExactText


def today() -> date:
    """The company's date; while the scheduler is away the date in UTC, which is at most a day off."""
    calendar = calendar_or_none()
    return date.fromisoformat(calendar.today) if calendar else datetime.now(UTC).date()


def due_label(invoice: Invoice, on: date) -> Label | None:
    """How far an invoice is from its due date, in words; None if nothing is owed by a date."""
    is_owed = invoice.status == InvoiceStatus.INVOICE_STATUS_OPEN and invoice.balance_minor > 0
    if not invoice.due_on or not is_owed:
        return None
    days = (on - date.fromisoformat(invoice.due_on)).days
    if days > 0:
        return f"{count(days, 'day')} past due", "bad"
    if days == 0:
        return "due today", "wait"
    return f"due in {count(-days, 'day')}", "quiet"


@blueprint.get("/organizations")
def index() -> ResponseReturnValue:
    """All organizations, or those that a search finds."""
    query = request.args.get("q", "").strip()[:200]
    found = clients().ledger.ListOrganizations(
        ListOrganizationsRequest(
            query=query,
            page_size=PAGE,
            page_token=request.args.get("page", ""),
            today=today().isoformat(),
        )
    )
    return render_template(
        "organizations/index.html",
        found=found,
        query=query,
        links=page_links(found.next_page_token),
    )


@blueprint.get("/organizations/<exact:organization_id>", merge_slashes=False)
def detail(organization_id: str) -> ResponseReturnValue:
    """One organization: facts and contacts, invoices, and the mails it was sent."""
    ledger = clients().ledger
    organization = ledger.GetOrganization(GetOrganizationRequest(organization_id=organization_id))
    shows_all = request.args.get("invoices") == "all"
    invoices = ledger.ListInvoices(
        ListInvoicesRequest(
            organization_id=organization_id,
            status=InvoiceStatus.INVOICE_STATUS_UNSPECIFIED
            if shows_all
            else InvoiceStatus.INVOICE_STATUS_OPEN,
            page_size=PAGE,
            page_token=request.args.get("page", ""),
        )
    )
    on = today()
    summary = ledger.GetBooksSummary(
        GetBooksSummaryRequest(today=on.isoformat(), organization_id=organization_id)
    )
    messages = _messages(organization_id)
    on_file = read_on_file(organization_id, on)
    return render_template(
        "organizations/detail.html",
        organization=organization,
        paused=standing_of(organization_id),
        stars=stars_of(organization),
        new_request_id=lambda: uuid4().hex,
        methods=on_file.methods,
        plans=on_file.plans,
        profiles=on_file.profiles,
        summary=summary,
        invoices=[(invoice, due_label(invoice, on)) for invoice in invoices.invoices],
        shows_all=shows_all,
        invoice_links=page_links(invoices.next_page_token),
        messages=messages,
        message_links=page_links(messages.next_page_token, "mails") if messages else None,
    )


def _messages(organization_id: str) -> ListMessagesResponse | None:
    """The newest mails; None while the mailer is away, which is no reason to hide the rest."""
    try:
        return clients().mailer.ListMessages(
            ListMessagesRequest(
                organization_id=organization_id,
                page_size=MESSAGES,
                page_token=request.args.get("mails", ""),
            )
        )
    except grpc.RpcError:
        return None


@blueprint.get("/invoices/<int64:invoice_id>")
def invoice(invoice_id: int) -> ResponseReturnValue:
    """One invoice: its facts, and why each mail about it was sent or was not."""
    found = clients().ledger.GetInvoice(GetInvoiceRequest(invoice_id=invoice_id))
    explanation = _explanation(invoice_id)
    return render_template(
        "organizations/invoice.html",
        invoice=found,
        paused=standing_of(found.organization_id, invoice_id),
        due=due_label(found, today()),
        explanation=explanation,
        story=_story(explanation) if explanation else (),
    )


def _explanation(invoice_id: int) -> Explanation | None:
    """Why and why not; None while the scheduler is away."""
    try:
        return clients().scheduler.ExplainInvoice(ExplainInvoiceRequest(invoice_id=invoice_id))
    except grpc.RpcError:
        return None


def _story(explanation: Explanation) -> list[dict[str, Any]]:
    """Every decision, the newest first, each with its notice, and with whether a mail came of it."""
    notices = {notice.notice_id: notice for notice in explanation.notices}
    return [
        {
            "decision": decision,
            "notice": notices.get(decision.notice_id),
            "has_mail": decision.state == NoticeState.NOTICE_STATE_SENT,
        }
        for decision in reversed(explanation.decisions)
    ]

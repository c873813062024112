"""The portal behind its door: what an organization owes, and the way to pay it."""

from dataclasses import dataclass
from datetime import date

from dunlin.paynow.v1.accounts_pb2 import Account, ReadAccountsRequest
from dunlin.paynow.v1.books_pb2 import INVOICE_STATUS_OPEN, Invoice
from dunlin.paynow.v1.ledger_pb2 import GetInvoiceRequest, GetOrganizationRequest, ListInvoicesRequest
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.pay.forms import PayForm, typed_amount
from gateway.pay.pages import form_page
from gateway.portal import desk, session
from gateway.portal.desk import Access
from gateway.portal.guard import HOME, guard, signed_in
from gateway.site import languages
from gateway.site.client_pages import dead_end, take_strays
from gateway.site.errors import refusals
from gateway.site.languages import N_
from gateway.site.listing import page_links
from services.shared.errors import Invalid, Missing

blueprint = Blueprint("portal", __name__, url_prefix="/portal")
guard(blueprint)
take_strays(blueprint)

PAGE = 100
"""Invoices on a page of all open ones."""


@dataclass(frozen=True)
class Line:
    """An open invoice as its client sees it."""

    invoice: Invoice
    days_past_due: int | None
    """Negative before the due date; None if it has none."""

    @property
    def payable_minor(self) -> int:
        """What may be paid now: the balance less what is being charged at this moment."""
        return max(0, self.invoice.balance_minor - self.invoice.reserved_minor)

    @property
    def is_past_due(self) -> bool:
        """Whether the due date is over."""
        return self.days_past_due is not None and self.days_past_due > 0


@blueprint.get("", strict_slashes=False)
@signed_in
def home(found: list[Access]) -> str:
    """What is open of the organization, the earliest due of it by name, and what will be paid by itself."""
    here = found[0]
    account, today = _account(here) if here.profile.sees_invoices else (Account(), date.min)
    return render_template(
        "portal/home.html",
        here=here,
        others=found[1:],
        news=session.take_news(),
        account=account,
        lines=[_line(invoice, today) for invoice in account.invoices],
        plans=_plans(account),
    )


@blueprint.get("/invoices")
@signed_in
def invoices(found: list[Access]) -> ResponseReturnValue:
    """Everything open, page by page, for accounts with more of it than `home` names."""
    here = found[0]
    if not here.profile.sees_invoices:
        return redirect(url_for("portal.home", contact=here.contact.contact_id))
    asked = ListInvoicesRequest(
        organization_id=here.contact.organization_id,
        status=INVOICE_STATUS_OPEN,
        page_size=PAGE,
        page_token=request.args.get("page", ""),
    )
    try:
        with refusals():
            listed = clients().ledger.ListInvoices(asked)
    except Invalid:
        # A token of another list, or half of one.
        return redirect(url_for("portal.invoices", contact=here.contact.contact_id))
    whose = GetOrganizationRequest(organization_id=here.contact.organization_id)
    today = desk.local_date(clients().ledger.GetOrganization(whose).time_zone)
    lines = [_line(invoice, today) for invoice in listed.invoices if invoice.balance_minor]
    links = page_links(listed.next_page_token)
    return render_template("portal/invoices.html", here=here, lines=lines, links=links)


@blueprint.get("/pay/<int64:invoice_id>")
@signed_in
def pay(found: list[Access], invoice_id: int) -> ResponseReturnValue:
    """Pay Now with its three fields filled in. Nothing is made or charged by it.

    What is not open, and what is not the contact's to pay, get the same answer.
    """
    try:
        with refusals():
            line = Line(clients().ledger.GetInvoice(GetInvoiceRequest(invoice_id=invoice_id)), None)
    except Missing:
        return _not_open()
    invoice = line.invoice
    payers = (one for one in found if one.may_pay)
    here = next((one for one in payers if one.contact.organization_id == invoice.organization_id), None)
    if here is None or invoice.status != INVOICE_STATUS_OPEN or not invoice.balance_minor:
        return _not_open()
    languages.speak(here.contact.language)
    if not line.payable_minor:
        words = N_("There is nothing to do; please do not pay again.")
        return dead_end(HOME, 409, N_("A payment is under way"), words)
    amount = typed_amount(line.payable_minor, invoice.currency)
    return form_page(PayForm(here.email, invoice.number, amount))


def _not_open() -> ResponseReturnValue:
    words = N_("Perhaps it has been paid meanwhile. Your account shows what is open now.")
    return dead_end(HOME, 404, N_("This invoice is not open any more"), words)


def _account(here: Access) -> tuple[Account, date]:
    """The account and its local date, which decides what of it is past due."""
    today = desk.local_date("")
    account = _read(here, today)
    there = desk.local_date(account.organization.time_zone)
    return (account, today) if there == today else (_read(here, there), there)


def _read(here: Access, today: date) -> Account:
    asked = ReadAccountsRequest(organization_ids=[here.contact.organization_id], today=today.isoformat())
    accounts = clients().accounts.ReadAccounts(asked).accounts
    return accounts[0] if accounts else Account()


def _line(invoice: Invoice, today: date) -> Line:
    due = date.fromisoformat(invoice.due_on) if invoice.due_on else None
    return Line(invoice, (today - due).days if due else None)


def _plans(account: Account) -> list[tuple[object, Invoice]]:
    """Payments that will be made by themselves, each with its invoice."""
    known = {one.invoice_id: one for one in (*account.invoices, *account.planned_invoices)}
    return [(plan, known.get(plan.invoice_id, Invoice())) for plan in account.plans]

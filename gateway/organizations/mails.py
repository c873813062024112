"""Mails that staff send by hand to one organization or contact: asked first, then what became of it is said.

Each form carries a request id, so that a double click sends one mail.
"""

from collections.abc import Callable, Iterable
from uuid import uuid4

from dunlin.paynow.v1.accounts_pb2 import (
    Account,
    BatchGetContactsRequest,
    ContactProfile,
    ReadAccountsRequest,
    SetProfilesRequest,
)
from dunlin.paynow.v1.books_pb2 import Contact, Invoice, InvoiceStatus
from dunlin.paynow.v1.ledger_pb2 import GetInvoiceRequest, ReadSubjectsRequest
from dunlin.scheduler.v1.emails_pb2 import (
    CheckAddressesRequest,
    SendInvoiceRequest,
    SendPasswordResetRequest,
    SendSummaryRequest,
    SendWelcomeRequest,
)
from dunlin.scheduler.v1.notices_pb2 import (
    NOTICE_STATE_HELD,
    NOTICE_STATE_QUEUED,
    NOTICE_STATE_SENT,
    NOTICE_TYPE_ACCOUNT_SUMMARY,
    NOTICE_TYPE_INVOICE,
    NOTICE_TYPE_PASSWORD_RESET,
    NOTICE_TYPE_WELCOME,
    Notice,
    NoticeType,
)
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.client_emails.counts import settings_of
from gateway.client_emails.kinds import KINDS
from gateway.clients import clients
from gateway.organizations.pages import due_label, today
from gateway.organizations.paused import standing_of
from gateway.site import words
from gateway.site.client_profiles import all_profiles, names_by_id
from gateway.site.errors import refusals, words_of
from gateway.site.flashes import say
from gateway.site.listing import names_of
from gateway.site.security import is_safe_path
from services.shared.errors import Missing, WrongState

_SUPPRESSED = "Will not get it: this address is suppressed, since emails to it come back or staff said so."
_FOR_NOTHING = "The email would ask for money that is not owed."
_NOT_OWED: dict[int, str] = {
    InvoiceStatus.INVOICE_STATUS_PAID: f"This invoice is paid. {_FOR_NOTHING}",
    InvoiceStatus.INVOICE_STATUS_CANCELLED: f"This invoice was cancelled. {_FOR_NOTHING}",
    InvoiceStatus.INVOICE_STATUS_THIRD_PARTY: (
        "This invoice is with a third party, who collects it. The email would ask for it beside them."
    ),
}

blueprint = Blueprint("organization_mails", __name__, url_prefix="/send")


def _outcome(notice: Notice, what: str, who: str) -> None:
    """Says what has become of it, which for a form that is sent again may be anything."""
    if notice.state == NOTICE_STATE_QUEUED:
        say(f"{what} is on its way to {who}. The history shows when it has left.")
    elif notice.state == NOTICE_STATE_SENT:
        say(f"{what} has left already to {who}. A form sends it once, so it was not sent again.", "note")
    elif notice.state == NOTICE_STATE_HELD:
        say(f"{what} waits to be sent. {notice.explanation or notice.reason}", "note")
    else:
        say(f"{what} was not sent. {notice.explanation or notice.reason}", "bad")


def _not_reached(type_: NoticeType.ValueType, emails: Iterable[str]) -> dict[str, str]:
    """Why no mail of the type leaves for an address, by the addresses of which that is so."""
    order = CheckAddressesRequest(type=type_, emails=list(emails))
    found = clients().emails.CheckAddresses(order)
    unsubscribed = f"Will not get it: has unsubscribed from “{words.notice_type(type_).lower()}”."
    return dict.fromkeys(found.unsubscribed, unsubscribed) | dict.fromkeys(found.suppressed, _SUPPRESSED)


def _organization_page(organization_id: str) -> ResponseReturnValue:
    return redirect(url_for("organizations.detail", organization_id=organization_id), 303)


def _account(organization_id: str) -> Account:
    """The organization with what is open and whom its summary goes to."""
    found = clients().accounts.ReadAccounts(
        ReadAccountsRequest(
            organization_ids=[organization_id],
            profile_ids=settings_of(KINDS["account-summary"]).profile_ids,
            today=today().isoformat(),
        )
    )
    if not found.accounts:
        raise Missing("There is no such organization.", reason="ORGANIZATION_MISSING")
    return found.accounts[0]


@blueprint.get("/summary")
def ask_summary() -> str:
    """Who would get the account summary and what it would say; changes nothing."""
    account = _account(request.args.get("organization", ""))
    return render_template(
        "organizations/send_summary.html",
        books=account,
        not_reached=_not_reached(NOTICE_TYPE_ACCOUNT_SUMMARY, (one.email for one in account.addressees)),
        paused=standing_of(account.organization.organization_id),
        request_id=uuid4().hex,
    )


@blueprint.post("/summary")
def send_summary() -> ResponseReturnValue:
    """Sends it."""
    organization_id = request.form.get("organization", "")
    notice = clients().emails.SendSummary(
        SendSummaryRequest(request_id=request.form.get("request_id", ""), organization_id=organization_id)
    )
    name = names_of([organization_id]).get(organization_id, organization_id)
    _outcome(notice, "The account summary", name)
    return _organization_page(organization_id)


def why_not_mailed(invoice: Invoice) -> str:
    """Why this invoice is not emailed, in words; empty if it can be.

    The email asks for what is owed and leads to Pay Now; Dunlin does not hold the document itself. So of an
    invoice on which nobody owes anything there is nothing to send.
    """
    if invoice.status in _NOT_OWED:
        return _NOT_OWED[invoice.status]
    if invoice.balance_minor <= 0:
        return _NOT_OWED[InvoiceStatus.INVOICE_STATUS_PAID]
    if invoice.reserved_minor >= invoice.balance_minor:
        return "A payment that covers the balance is under way. The email would ask for it once more."
    return ""


@blueprint.get("/invoice/<int64:invoice_id>")
def ask_invoice(invoice_id: int) -> str:
    """Who would get an invoice; changes nothing."""
    invoice = clients().ledger.GetInvoice(GetInvoiceRequest(invoice_id=invoice_id))
    found = clients().ledger.ReadSubjects(
        ReadSubjectsRequest(invoice_ids=[invoice_id], today=today().isoformat())
    )
    addressees = found.subjects[0].addressees if found.subjects else ()
    return render_template(
        "organizations/send_invoice.html",
        paused=standing_of(invoice.organization_id, invoice_id),
        invoice=invoice,
        due=due_label(invoice, today()),
        addressees=addressees,
        not_reached=_not_reached(NOTICE_TYPE_INVOICE, (one.email for one in addressees)),
        why_not=why_not_mailed(invoice),
        request_id=uuid4().hex,
    )


@blueprint.post("/invoice/<int64:invoice_id>")
def send_invoice(invoice_id: int) -> ResponseReturnValue:
    """Sends it."""
    notice = clients().emails.SendInvoice(
        SendInvoiceRequest(request_id=request.form.get("request_id", ""), invoice_id=invoice_id)
    )
    _outcome(notice, f"Invoice {notice.invoice_number}", "the default contacts")
    return redirect(url_for("organizations.invoice", invoice_id=invoice_id), 303)


def _contact(contact_id: int) -> Contact:
    found = clients().accounts.BatchGetContacts(BatchGetContactsRequest(contact_ids=[contact_id])).contacts
    if not found:
        abort(404)
    return found[0]


def _ask_contact(contact_id: int, type_: NoticeType.ValueType, template: str) -> str:
    profiles = names_by_id(all_profiles())
    contact = _contact(contact_id)
    return render_template(
        template,
        contact=contact,
        profile=profiles.get(contact.profile_id, ""),
        profiles=profiles,
        chosen=request.args.get("email", ""),
        not_reached=_not_reached(type_, contact.emails),
        request_id=uuid4().hex,
    )


def _send_to_contact(contact_id: int, what: str, send: Callable[[str, str], Notice]) -> ResponseReturnValue:
    """Sends to the address chosen; back to the organization with what became of it."""
    contact, email = _contact(contact_id), request.form.get("email", "")
    try:
        with refusals():
            notice = send(request.form.get("request_id", ""), email)
    except WrongState as refusal:
        say(f"{what} was not sent. {words_of(refusal)}", "bad")
    else:
        _outcome(notice, what, f"{contact.name or 'the contact'} at {email}")
    return _organization_page(contact.organization_id)


@blueprint.post("/profile/<int64:contact_id>")
def give_profile(contact_id: int) -> ResponseReturnValue:
    """Gives a contact that has none a client profile, and leads on to the mail that needs one."""
    contact, names = _contact(contact_id), names_by_id(all_profiles())
    profile_id, back = request.form.get("profile", ""), request.form.get("back", "")
    who = contact.name or "The contact"
    if contact.profile_id:
        has = names.get(contact.profile_id, contact.profile_id)
        say(f"{who} has the client profile “{has}” already. Nothing was changed.", "note")
    elif profile_id not in names:
        abort(404)
    else:
        given = ContactProfile(contact_id=contact_id, profile_id=profile_id)
        clients().accounts.SetProfiles(SetProfilesRequest(contacts=[given]))
        say(f"{who} has the client profile “{names[profile_id]}” now.")
    is_ours = back.startswith("/send/") and is_safe_path(back)
    return redirect(
        back if is_ours else url_for("organization_mails.ask_welcome", contact_id=contact_id), 303
    )


@blueprint.get("/welcome/<int64:contact_id>")
def ask_welcome(contact_id: int) -> str:
    """At which address a contact would be invited, and to what; changes nothing."""
    return _ask_contact(contact_id, NOTICE_TYPE_WELCOME, "organizations/send_welcome.html")


@blueprint.post("/welcome/<int64:contact_id>")
def send_welcome(contact_id: int) -> ResponseReturnValue:
    """Invites the contact."""

    def send(request_id: str, email: str) -> Notice:
        return clients().emails.SendWelcome(
            SendWelcomeRequest(request_id=request_id, contact_id=contact_id, email=email)
        )

    return _send_to_contact(contact_id, "The invitation", send)


@blueprint.get("/password-reset/<int64:contact_id>")
def ask_password_reset(contact_id: int) -> str:
    """At which address a contact would get a link for a new password; changes nothing."""
    return _ask_contact(contact_id, NOTICE_TYPE_PASSWORD_RESET, "organizations/send_password_reset.html")


@blueprint.post("/password-reset/<int64:contact_id>")
def send_password_reset(contact_id: int) -> ResponseReturnValue:
    """Sends the link."""

    def send(request_id: str, email: str) -> Notice:
        return clients().emails.SendPasswordReset(
            SendPasswordResetRequest(request_id=request_id, contact_id=contact_id, email=email)
        )

    return _send_to_contact(contact_id, "The link for a new password", send)

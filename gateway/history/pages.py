"""History: every mail, what happened to it, and the mail itself exactly as it was sent."""

import grpc
from dunlin.mailer.v1.mailer_pb2 import GetMessageBodyRequest, GetMessageRequest, ListMessagesRequest
from dunlin.mailer.v1.messages_pb2 import Message, MessageBody, MessageState
from dunlin.paynow.v1.ledger_pb2 import ListInvoicesRequest
from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.history.mail_links import links_of
from gateway.history.mail_pictures import with_pictures
from gateway.site.errors import refusals
from gateway.site.listing import chosen, names_of, page_links
from gateway.site.security import MAIL_POLICY
from gateway.site.words import MESSAGE_STATES
from services.shared.errors import WrongState

blueprint = Blueprint("history", __name__, url_prefix="/history")

PAGE = 50
# A click in the frame may open a new window, and the page in it is then as free as any other.
FRAME_RIGHTS = "allow-popups allow-popups-to-escape-sandbox"
BODY_POLICY = MAIL_POLICY.replace("sandbox;", f"sandbox {FRAME_RIGHTS};")
VIEWS = {"": "Email", "text": "Plain text", "source": "Source"}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """All messages, the newest first, by state and search."""
    query = request.args.get("q", "").strip()[:200]
    state = chosen(MESSAGE_STATES, MessageState.MESSAGE_STATE_UNSPECIFIED)
    found = clients().mailer.ListMessages(
        ListMessagesRequest(
            state=state,
            query=query,
            page_size=PAGE,
            page_token=request.args.get("page", ""),
        )
    )
    return render_template(
        "history/index.html",
        messages=found.messages,
        names=names_of(message.organization_id for message in found.messages),
        query=query,
        state=state,
        states=MESSAGE_STATES,
        links=page_links(found.next_page_token),
    )


@blueprint.get("/<notice_id>")
def message(notice_id: str) -> ResponseReturnValue:
    """One message: facts and events at the left, the mail at the right."""
    found = clients().mailer.GetMessage(GetMessageRequest(notice_id=notice_id))
    body = _body(notice_id)
    view = request.args.get("view", "")
    return render_template(
        "history/message.html",
        message=found,
        organization_name=names_of([found.organization_id]).get(found.organization_id, ""),
        invoice_id=_invoice_id(found),
        body=body,
        source=body.mime.decode("utf-8", "replace") if body else "",
        mail_links=links_of(body.html) if body else (),
        view=view if view in VIEWS else "",
        views=VIEWS,
        frame_rights=FRAME_RIGHTS,
    )


def _invoice_id(found: Message) -> int:
    """The invoice that the message is about; 0 if there is none, or while the ledger is away."""
    if not found.invoice_number:
        return 0
    wanted = ListInvoicesRequest(organization_id=found.organization_id, number=found.invoice_number)
    try:
        invoices = clients().ledger.ListInvoices(wanted).invoices
    except grpc.RpcError:
        return 0
    return invoices[0].invoice_id if invoices else 0


def _body(notice_id: str) -> MessageBody | None:
    """The mail as it was sent; None before there is one."""
    try:
        with refusals():
            return clients().mailer.GetMessageBody(GetMessageBodyRequest(notice_id=notice_id))
    except WrongState:
        return None


@blueprint.get("/<notice_id>/body")
def body(notice_id: str) -> ResponseReturnValue:
    """The HTML part as it was sent, for the frame of the message's page; its own pictures are put in place.

    Its policy lets it load nothing and run nothing, also when the address is opened by itself.
    """
    mail = clients().mailer.GetMessageBody(GetMessageBodyRequest(notice_id=notice_id))
    response = Response(with_pictures(mail.html, mail.mime), mimetype="text/html")
    response.headers["Content-Security-Policy"] = BODY_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/<notice_id>.eml")
def source(notice_id: str) -> ResponseReturnValue:
    """The whole message as it was handed to the SMTP server, for a mail program."""
    mail = clients().mailer.GetMessageBody(GetMessageBodyRequest(notice_id=notice_id))
    response = Response(mail.mime, mimetype="message/rfc822")
    name = "".join(c for c in notice_id if c.isascii() and (c.isalnum() or c == "-"))
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.eml"'
    return response

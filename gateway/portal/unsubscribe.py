"""Links that take an address off one type of mail (RFC 8058), and back on again.

A GET acts on nothing: mail scanners follow links. A mail program's one click is a POST with a body of its
own, which needs no token of ours: whoever has the link may use it anyhow.
"""

from collections.abc import Callable
from functools import wraps

from dunlin.mailer.v1.mailer_pb2 import GetMessageRequest
from dunlin.scheduler.v1.emails_pb2 import ResubscribeRequest, UnsubscribeRequest
from dunlin.scheduler.v1.notices_pb2 import NoticeType
from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.identity.portal import normal_address
from gateway.portal import mails
from gateway.site import client_pages
from gateway.site.client_pages import LINK_KEY, Home, check_form_token, problem, without_form_token
from gateway.site.errors import refusals
from gateway.site.languages import N_
from gateway.site.security import limiter, public
from services.shared import unsubscribe_links
from services.shared.errors import Invalid, Missing
from services.shared.unsubscribe_links import UnsubscribeLink

blueprint = Blueprint("unsubscribe", __name__, url_prefix="/unsubscribe")
client_pages.guard(blueprint, Home("pay.start", N_("Pay an invoice")))
client_pages.explain_trouble(
    blueprint, lambda: url_for("unsubscribe.ask", token=(request.view_args or {})["token"])
)

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
"""The whole body of a mail program's POST."""
OF_VISITOR = "120 per minute"
"""Large, since a mail provider clicks for all its users from a few addresses."""
OF_LINK = "10 per minute"

NAMES: dict[int, str] = {
    NoticeType.NOTICE_TYPE_ACCOUNT_SUMMARY: N_("account summaries"),
    NoticeType.NOTICE_TYPE_UPCOMING_PAYMENTS: N_("reminders of upcoming payments"),
    NoticeType.NOTICE_TYPE_WELCOME: N_("invitations to the customer portal"),
}
"""What clients call the types that they may do without."""

View = Callable[[str, UnsubscribeLink], ResponseReturnValue]


def _token() -> str:
    return f"unsubscribe {(request.view_args or {}).get('token', '')[:400]}"


def with_link(view: View) -> Callable[[str], ResponseReturnValue]:
    """Gives the view what the link says; whatever is not ours gets one and the same answer."""

    @wraps(view)
    def opened(token: str) -> ResponseReturnValue:
        try:
            link = unsubscribe_links.read(token, current_app.config[LINK_KEY])
        except Invalid:
            return _broken()
        if link.notice_type not in NAMES:
            return _broken()
        if not _is_one_click():
            mails.speak_as(link.notice_id)
        return view(token, link)

    return limiter.limit(OF_VISITOR)(limiter.limit(OF_LINK, key_func=_token)(public(opened)))


def _broken() -> ResponseReturnValue:
    lines = (N_("Perhaps it was cut off. Open it from the email again; nothing was changed."),)
    return problem(N_("This link is not complete"), lines, 404)


def _is_one_click() -> bool:
    return request.form.to_dict() == ONE_CLICK


def _page(
    token: str, link: UnsubscribeLink, *, done: str = "", back: str = "", error: str = ""
) -> ResponseReturnValue:
    page = render_template(
        "portal/unsubscribe.html",
        token=token,
        name=NAMES[link.notice_type],
        addresses=_addresses(link),
        done=done,
        back=back,
        error=error,
    )
    return page, 400 if error else 200


def _addresses(link: UnsubscribeLink) -> list[str]:
    """Whom the mail went to."""
    if link.email:
        return [link.email]
    try:
        with refusals():
            message = clients().mailer.GetMessage(GetMessageRequest(notice_id=link.notice_id))
    except Missing:
        return []
    return list(message.recipients)


def _chosen(link: UnsubscribeLink) -> str:
    """The address of the form, which must be one that the mail went to; empty if it is none."""
    typed = normal_address(request.form.get("address", ""))
    return next((one for one in _addresses(link) if normal_address(one) == typed), "")


@blueprint.get("/<token>")
@with_link
def ask(token: str, link: UnsubscribeLink) -> ResponseReturnValue:
    """Says what the link is for, with the button that does it."""
    return _page(token, link)


@without_form_token
@blueprint.post("/<token>")
@with_link
def unsubscribe(token: str, link: UnsubscribeLink) -> ResponseReturnValue:
    """Takes the address off; a repeat changes nothing."""
    is_one_click = _is_one_click()
    if not is_one_click:
        check_form_token()
    email = link.email if is_one_click else _chosen(link)
    if not email:
        return _page(token, link, error=N_("Choose the address that is yours."))
    asked = UnsubscribeRequest(type=_type(link), email=email, notice_id=link.notice_id)
    clients().emails.Unsubscribe(asked)
    return _page(token, link, done=email)


@blueprint.post("/<token>/undo")
@with_link
def resubscribe(token: str, link: UnsubscribeLink) -> ResponseReturnValue:
    """Puts the address back; one that is on already stays."""
    email = _chosen(link)
    if not email:
        return _page(token, link, error=N_("Choose the address that is yours."))
    try:
        with refusals():
            clients().emails.Resubscribe(ResubscribeRequest(type=_type(link), email=email))
    except Missing:
        pass
    return _page(token, link, back=email)


def _type(link: UnsubscribeLink) -> NoticeType.ValueType:
    return NoticeType.ValueType(link.notice_type)

"""Settings: addresses that have unsubscribed from a kind of mail."""

from dunlin.scheduler.v1.emails_pb2 import ListUnsubscriptionsRequest, ResubscribeRequest, UnsubscribeRequest
from dunlin.scheduler.v1.notices_pb2 import NoticeType
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.site import words
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.listing import page_links
from services.shared.errors import Missing

PAGE = 50

blueprint = Blueprint("unsubscribed", __name__, url_prefix="/settings/sending/unsubscribed")


@blueprint.get("")
def index() -> str:
    """Who has unsubscribed, the newest first."""
    found = clients().emails.ListUnsubscriptions(
        ListUnsubscriptionsRequest(page_size=PAGE, page_token=request.args.get("page", ""))
    )
    return render_template("company/unsubscribed.html", found=found, links=page_links(found.next_page_token))


def _type() -> NoticeType.ValueType:
    given = request.form.get("type", "")
    return next((one for one in words.NOTICE_TYPES if str(one) == given), NoticeType.NOTICE_TYPE_UNSPECIFIED)


@blueprint.post("/resubscribe")
def resubscribe() -> ResponseReturnValue:
    """Undoes it, for somebody who asked for it; the next page offers to take it back."""
    email, type_ = request.form.get("email", ""), _type()
    try:
        with refusals():
            clients().emails.Resubscribe(ResubscribeRequest(type=type_, email=email))
    except Missing:
        say("This address gets these emails already.", "note")
    else:
        say(
            f"{email} gets “{words.notice_type(type_)}” again.",
            undo="Undo",
            url=url_for("unsubscribed.unsubscribe"),
            fields={"email": email, "type": str(type_)},
        )
    return redirect(url_for("unsubscribed.index"), 303)


@blueprint.post("/unsubscribe")
def unsubscribe() -> ResponseReturnValue:
    """Takes a resubscription back."""
    email, type_ = request.form.get("email", ""), _type()
    clients().emails.Unsubscribe(UnsubscribeRequest(type=type_, email=email))
    say(f"{email} gets no “{words.notice_type(type_)}” any more.")
    return redirect(url_for("unsubscribed.index"), 303)

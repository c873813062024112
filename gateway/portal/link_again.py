"""A new link for who comes with one that has grown too old."""

import time
from datetime import UTC, datetime
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from dunlin.scheduler.v1.emails_pb2 import SendPasswordResetRequest, SendWelcomeRequest
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_WELCOME
from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from gateway.clients import Clients, clients
from gateway.portal import mails
from gateway.portal.access import ONE_MAIL_SECONDS
from gateway.portal.guard import guard
from gateway.portal.invitations import notice_of
from gateway.site.client_pages import LINK_KEY
from gateway.site.errands import errands
from gateway.site.security import limiter, public
from services.shared import portal_links
from services.shared.errors import Invalid
from services.shared.portal_links import PortalLinkExpired

blueprint = Blueprint("portal_link_again", __name__, url_prefix="/portal")
guard(blueprint)

OF_VISITOR = "3 per minute;10 per hour"
OF_NOTICE = "2 per minute;3 per hour"
"""However many visitors come with links of the same mail."""


def _notice_here() -> str:
    """What the second limit counts by."""
    token = request.form.get("token", "")
    return f"portal link again {expired_notice(token, current_app.config[LINK_KEY]) or token[:400]}"


@blueprint.post("/link-again")
@limiter.limit(OF_VISITOR)
@limiter.limit(OF_NOTICE, key_func=_notice_here)
@public
def send_again() -> ResponseReturnValue:
    """Has a new link mailed to where an old one of ours went; answers the same whatever comes of it."""
    notice_id = expired_notice(request.form.get("token", ""), current_app.config[LINK_KEY])
    if notice_id:
        mails.speak_as(notice_id)
        errands().run("link again", partial(send_new_link, clients(), notice_id))
    return render_template("portal/link.html", why="sent", token="")


def expired_notice(token: str, key: str) -> str:
    """The notice of a link that is ours and has only grown too old; empty for any other."""
    try:
        portal_links.read(token, key, datetime.now(UTC))
    except PortalLinkExpired as expired:
        return expired.metadata["notice_id"]
    except Invalid:
        pass
    return ""


def send_new_link(stubs: Clients, notice_id: str) -> None:
    """Sends what the notice brought once more; the links of several old mails bring one within a span."""
    notice = notice_of(stubs, notice_id)
    if notice is None:
        return
    span = int(time.time()) // ONE_MAIL_SECONDS
    name = f"dunlin:again:{notice.type}:{notice.contact_id}:{notice.email}:{span}"
    asked = str(uuid5(NAMESPACE_URL, name))
    if notice.type == NOTICE_TYPE_WELCOME:
        stubs.emails.SendWelcome(
            SendWelcomeRequest(request_id=asked, contact_id=notice.contact_id, email=notice.email)
        )
    else:
        stubs.emails.SendPasswordReset(
            SendPasswordResetRequest(request_id=asked, contact_id=notice.contact_id, email=notice.email)
        )

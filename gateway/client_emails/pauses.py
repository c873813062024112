"""The pauses of reminders, of all organizations: which hold, and which promises to pay were broken."""

from dunlin.scheduler.v1.pauses_pb2 import ListPausesRequest, PauseState, PauseView
from flask import Blueprint, render_template, request

from gateway.clients import clients
from gateway.site.listing import names_of, page_links
from gateway.site.words import PAUSE_REASONS, PAUSE_STATES

VIEWS: dict[str, tuple[str, PauseView.ValueType]] = {
    "": ("Paused now", PauseView.PAUSE_VIEW_IN_FORCE),
    "broken": ("Broken promises", PauseView.PAUSE_VIEW_BROKEN_PROMISES),
    "all": ("All", PauseView.PAUSE_VIEW_UNSPECIFIED),
}
PAGE = 50

blueprint = Blueprint("pauses", __name__, url_prefix="/client-emails/pauses")


@blueprint.get("")
def index() -> str:
    """The pauses that hold, the promises that were broken, or all, the newest first."""
    shown = request.args.get("show", "")
    shown = shown if shown in VIEWS else ""
    found = clients().pauses.ListPauses(
        ListPausesRequest(view=VIEWS[shown][1], page_size=PAGE, page_token=request.args.get("page", ""))
    )
    return render_template(
        "client_emails/pauses.html",
        found=found,
        shown=shown,
        views=VIEWS,
        names=names_of(pause.organization_id for pause in found.pauses),
        reasons=PAUSE_REASONS,
        states=PAUSE_STATES,
        in_force=PauseState.PAUSE_STATE_IN_FORCE,
        links=page_links(found.next_page_token),
    )

"""Settings: organizations that could not be told something, since no address of theirs can be used."""

from dunlin.scheduler.v1.emails_pb2 import ListUnreachableRequest
from flask import Blueprint, render_template, request

from gateway.clients import clients
from gateway.site.listing import names_of, page_links

PAGE = 50

blueprint = Blueprint("unreachable", __name__, url_prefix="/settings/sending/unreachable")


@blueprint.get("")
def index() -> str:
    """The organizations, the newest first, each with the way to mend it."""
    found = clients().emails.ListUnreachable(
        ListUnreachableRequest(page_size=PAGE, page_token=request.args.get("page", ""))
    )
    return render_template(
        "company/unreachable.html",
        found=found,
        names=names_of(one.organization_id for one in found.organizations),
        links=page_links(found.next_page_token),
    )

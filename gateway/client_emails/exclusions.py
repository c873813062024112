"""Which organizations never get a kind of mail. Each list stands alone.

Emails of new invoices have none of their own: they follow that of the account summary.
"""

from dunlin.paynow.v1.ledger_pb2 import ListOrganizationsRequest
from dunlin.scheduler.v1.scheduler_pb2 import (
    AddExclusionRequest,
    ListExclusionsRequest,
    RemoveExclusionRequest,
)
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.client_emails.kinds import EXCLUDABLE, KINDS, one_of
from gateway.clients import clients
from gateway.site import company_time
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.listing import names_of
from services.shared.errors import Missing

PAGE_SIZE = 100
MOST_FOUND = 20
LONGEST_QUERY = 200

PLURALS = {
    "account-summary": "account summaries",
    "upcoming-payments": "emails about upcoming payments",
    "due-notices": "due notices",
}

NEW_INVOICES = "emails of new invoices"

blueprint = Blueprint("exclusions", __name__, url_prefix="/client-emails")


def _kept_back(slug: str) -> list[str]:
    """All that a list keeps from an organization."""
    return [PLURALS[slug], *([NEW_INVOICES] if slug == "account-summary" else [])]


def _name(organization_id: str) -> str:
    return names_of([organization_id]).get(organization_id, organization_id)


@blueprint.get(f"/{one_of(EXCLUDABLE)}/exclusions")
def index(slug: str) -> str:
    """The list, and what a search by name finds to put on it."""
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    listed = clients().scheduler.ListExclusions(
        ListExclusionsRequest(
            type=KINDS[slug].type, page_size=PAGE_SIZE, page_token=request.args.get("page", "")
        )
    )
    found = None
    if query:
        today = company_time.calendar().today
        found = clients().ledger.ListOrganizations(
            ListOrganizationsRequest(query=query, page_size=MOST_FOUND, today=today)
        )
    excluded_ids = [exclusion.organization_id for exclusion in listed.exclusions]
    return render_template(
        "client_emails/exclusions.html",
        kind=KINDS[slug],
        plural=PLURALS[slug],
        new_invoices=NEW_INVOICES if slug == "account-summary" else "",
        query=query,
        listed=listed,
        names=names_of(excluded_ids),
        found=found,
        excluded_ids=set(excluded_ids),
    )


def _back(slug: str) -> ResponseReturnValue:
    query = request.form.get("q", "")[:LONGEST_QUERY]
    return redirect(url_for("exclusions.index", slug=slug, q=query or None), 303)


@blueprint.post(f"/{one_of(EXCLUDABLE)}/exclusions/add")
def add(slug: str) -> ResponseReturnValue:
    """Puts an organization on the list; it holds from now on, also for mails in the queue."""
    organization_id = request.form.get("organization_id", "")
    clients().scheduler.AddExclusion(
        AddExclusionRequest(type=KINDS[slug].type, organization_id=organization_id)
    )
    say(
        f"{_name(organization_id)} gets no {' and no '.join(_kept_back(slug))} from now on, "
        "also none that are waiting to be sent."
    )
    return _back(slug)


@blueprint.post(f"/{one_of(EXCLUDABLE)}/exclusions/remove")
def remove(slug: str) -> ResponseReturnValue:
    """Takes an organization off the list; the next page offers to put it back."""
    organization_id = request.form.get("organization_id", "")
    try:
        with refusals():
            clients().scheduler.RemoveExclusion(
                RemoveExclusionRequest(type=KINDS[slug].type, organization_id=organization_id)
            )
    except Missing:
        say("This organization was not on the list any more.", "note")
        return _back(slug)
    say(
        f"{_name(organization_id)} gets {' and '.join(_kept_back(slug))} again, from the next run on.",
        undo="Exclude it again",
        url=url_for("exclusions.add", slug=slug),
        fields={"organization_id": organization_id},
    )
    return _back(slug)

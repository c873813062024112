"""Which organizations never get due notices."""

from dunlin.paynow.v1.ledger_pb2 import BatchGetOrganizationsRequest, ListOrganizationsRequest
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_DUE_NOTICE
from dunlin.scheduler.v1.scheduler_pb2 import (
    AddExclusionRequest,
    ListExclusionsRequest,
    RemoveExclusionRequest,
)
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway import company_time
from gateway.clients import clients
from gateway.errors import refusals
from gateway.flashes import say
from services.shared.errors import Missing

PAGE_SIZE = 100
MOST_FOUND = 20
LONGEST_QUERY = 200

blueprint = Blueprint("exclusions", __name__, url_prefix="/client-emails/due-notices/exclusions")


def _names(organization_ids: list[str]) -> dict[str, str]:
    if not organization_ids:
        return {}
    answer = clients().ledger.BatchGetOrganizations(
        BatchGetOrganizationsRequest(organization_ids=organization_ids)
    )
    return {organization.organization_id: organization.name for organization in answer.organizations}


def _name(organization_id: str) -> str:
    return _names([organization_id]).get(organization_id, organization_id)


@blueprint.get("")
def index() -> str:
    """The list, and what a search by name finds to put on it."""
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    listed = clients().scheduler.ListExclusions(
        ListExclusionsRequest(
            type=NOTICE_TYPE_DUE_NOTICE, page_size=PAGE_SIZE, page_token=request.args.get("page", "")
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
        query=query,
        listed=listed,
        names=_names(excluded_ids),
        found=found,
        excluded_ids=set(excluded_ids),
    )


def _back() -> ResponseReturnValue:
    query = request.form.get("q", "")[:LONGEST_QUERY]
    return redirect(url_for("exclusions.index", q=query or None), 303)


@blueprint.post("/add")
def add() -> ResponseReturnValue:
    """Puts an organization on the list; it holds from now on, also for mails in the queue."""
    organization_id = request.form.get("organization_id", "")
    clients().scheduler.AddExclusion(
        AddExclusionRequest(type=NOTICE_TYPE_DUE_NOTICE, organization_id=organization_id)
    )
    say(f"{_name(organization_id)} gets no due notices from now on, also none that are waiting to be sent.")
    return _back()


@blueprint.post("/remove")
def remove() -> ResponseReturnValue:
    """Takes an organization off the list; the next page offers to put it back."""
    organization_id = request.form.get("organization_id", "")
    try:
        with refusals():
            clients().scheduler.RemoveExclusion(
                RemoveExclusionRequest(type=NOTICE_TYPE_DUE_NOTICE, organization_id=organization_id)
            )
    except Missing:
        say("This organization was not on the list any more.", "note")
        return _back()
    say(
        f"{_name(organization_id)} gets due notices again, from the next run on.",
        undo="Exclude it again",
        url=url_for("exclusions.add"),
        fields={"organization_id": organization_id},
    )
    return _back()

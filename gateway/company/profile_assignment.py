"""Client profiles for many contacts at once: whom, what that changes, doing it, and taking it back.

Contacts are taken in batches of `BATCH`, each all or none. What they had before is kept with the job, so
that it can be undone from its page by anybody, at any time.
"""

from collections.abc import Iterator

from dunlin.paynow.v1.accounts_pb2 import (
    ContactProfile,
    CountContactsRequest,
    ListContactsRequest,
    SetProfilesRequest,
    SetProfilesResponse,
)
from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub
from dunlin.paynow.v1.books_pb2 import Contact
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from google.protobuf.json_format import ParseDict
from werkzeug.datastructures import MultiDict

from gateway.clients import clients
from gateway.site import jobs
from gateway.site.client_profiles import all_profiles, names_by_id
from gateway.site.flashes import say
from gateway.site.organization_filters import STATUSES, organization_types

KIND = "client-profiles"
BATCH = 1000
SHOWN = 50
NEWEST = 5

blueprint = Blueprint("profile_assignment", __name__, url_prefix="/settings/profiles/assign")


def _filter(given: "MultiDict[str, str]") -> ListContactsRequest:
    """Whom it is about: default contacts alone, unless all are asked for."""
    return ListContactsRequest(
        organization_type=given.get("type", "")[:200],
        organization_status=given.get("status", "")[:40],
        only_default=given.get("whom", "default") != "all",
        batch_size=BATCH,
    )


def _batches(stub: AccountsServiceStub, wanted: ListContactsRequest) -> Iterator[tuple[list[Contact], int]]:
    """Batches of contacts, and how many there are in all."""
    order = ListContactsRequest()
    order.CopyFrom(wanted)
    total = 0
    while True:
        answer = stub.ListContacts(order)
        total = total or answer.total
        if answer.contacts:
            yield list(answer.contacts), total
        if len(answer.contacts) < order.batch_size:
            return
        order.after_contact_id = answer.contacts[-1].contact_id


def give(
    stub: AccountsServiceStub, wanted: ListContactsRequest, profile_id: str, progress: jobs.Progress
) -> SetProfilesResponse:
    """Gives the profile to every contact that has another one; returns what they had."""
    before, done = SetProfilesResponse(), 0
    for contacts, total in _batches(stub, wanted):
        changes = [
            ContactProfile(contact_id=one.contact_id, profile_id=profile_id)
            for one in contacts
            if one.profile_id != profile_id
        ]
        if changes:
            before.before.extend(stub.SetProfiles(SetProfilesRequest(contacts=changes)).before)
        done += len(contacts)
        progress(done, total)
    return before


def give_back(
    stub: AccountsServiceStub, before: list[ContactProfile], progress: jobs.Progress
) -> SetProfilesResponse:
    """Gives contacts what they had; returns what that replaced."""
    replaced = SetProfilesResponse()
    for at in range(0, len(before), BATCH):
        part = before[at : at + BATCH]
        replaced.before.extend(stub.SetProfiles(SetProfilesRequest(contacts=part)).before)
        progress(at + len(part), len(before))
    return replaced


@blueprint.get("")
def index() -> str:
    """Whom and which profile; with both in the address, what it would change."""
    profiles = all_profiles()
    names = names_by_id(profiles)
    target = request.args.get("profile", "")
    plan = None
    if "profile" in request.args and (target in names or not target):
        plan = _plan(_filter(request.args), target)
    return render_template(
        "company/assign_profiles.html",
        profiles=profiles,
        names=names,
        types=organization_types(),
        statuses=STATUSES,
        chosen=request.args,
        target=target,
        plan=plan,
        newest=jobs.job_log(KIND).newest(NEWEST),
    )


def _plan(wanted: ListContactsRequest, target: str) -> dict[str, object]:
    """How many contacts would change, from which profiles, and the first of them."""
    counts = clients().accounts.CountContacts(CountContactsRequest(listed=wanted)).counts
    by_profile = {one.profile_id: one.contacts for one in counts}
    unchanged = by_profile.pop(target, 0)
    first = ListContactsRequest()
    first.CopyFrom(wanted)
    first.other_profile_than, first.batch_size = target, SHOWN
    return {
        "changes": sum(by_profile.values()),
        "unchanged": unchanged,
        "from": by_profile.items(),
        "shown": clients().accounts.ListContacts(first).contacts,
    }


@blueprint.post("")
def assign() -> ResponseReturnValue:
    """Begins it and leads to its report."""
    target, wanted = request.form.get("profile", ""), _filter(request.form)
    names = names_by_id(all_profiles())
    if target and target not in names:
        abort(404)
    stub = clients().accounts
    job_id = jobs.start(
        KIND,
        names.get(target, ""),
        0,
        lambda told: give(stub, wanted, target, told),
        "The books could not be changed to the end.",
    )
    return redirect(url_for("profile_assignment.show", job_id=job_id), 303)


@blueprint.get("/<job_id>")
def show(job_id: str) -> ResponseReturnValue:
    """What was changed; while it is under way, how far it has come."""
    found = jobs.job_log(KIND).find(job_id)
    if found is None:
        abort(404)
    page = render_template("company/assigned.html", found=found, changed=len(_before(found)))
    return jobs.page_of(found, page)


def _before(job: jobs.Job) -> list[ContactProfile]:
    return list(ParseDict(job.outcome, SetProfilesResponse()).before) if job.state == jobs.DONE else []


@blueprint.post("/<job_id>/undo")
def undo(job_id: str) -> ResponseReturnValue:
    """Gives the contacts of a job the profiles that they had before it."""
    found = jobs.job_log(KIND).find(job_id)
    before = _before(found) if found else []
    if not before:
        say("There is nothing to undo.", "note")
        return redirect(url_for("profile_assignment.index"), 303)
    stub = clients().accounts
    undone = jobs.start(
        KIND,
        "as before",
        len(before),
        lambda told: give_back(stub, before, told),
        "The books could not be changed to the end.",
    )
    return redirect(url_for("profile_assignment.show", job_id=undone), 303)

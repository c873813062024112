"""Client profiles for many contacts at once: whom, what that changes, doing it, and taking it back.

Contacts are taken in batches of `BATCH`, each all or none. What they had before is kept with the job, of each
batch before it is changed, so that all of it can be undone from the job's page by anybody, at any time, also
where the job failed or was cut short.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc
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
from services.shared.grpc_errors import refusal_of

KIND = "client-profiles"
BATCH = 1000
SHOWN = 50
NEWEST = 5
SORRY = "The books could not be changed to the end."
CUT_SHORT = "It was cut short, most likely because Dunlin was stopped."

blueprint = Blueprint("profile_assignment", __name__, url_prefix="/settings/profiles/assign")


class Change(NamedTuple):
    """One contact's profile, before and after; empty for none."""

    contact_id: int
    before: str
    after: str


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
    stub: AccountsServiceStub, wanted: ListContactsRequest, profile_id: str, told: jobs.Pulse
) -> SetProfilesResponse:
    """Gives the profile to every contact that has another one."""
    done = 0
    for number, (contacts, total) in enumerate(_batches(stub, wanted)):
        changes = [
            Change(one.contact_id, one.profile_id, profile_id)
            for one in contacts
            if one.profile_id != profile_id
        ]
        if changes:
            _make(stub, changes, number, told)
        done += len(contacts)
        told(done, total)
    return SetProfilesResponse()


def make_all(stub: AccountsServiceStub, changes: list[Change], told: jobs.Pulse) -> SetProfilesResponse:
    """Makes these changes, whatever the contacts have by now."""
    for number, at in enumerate(range(0, len(changes), BATCH)):
        part = changes[at : at + BATCH]
        _make(stub, part, number, told)
        told(at + len(part), len(changes))
    return SetProfilesResponse()


def _make(stub: AccountsServiceStub, changes: list[Change], number: int, told: jobs.Pulse) -> None:
    """Makes a batch of changes. What undoes it is there before it is made, and exact once it has been."""
    told.keep(number, _as_part(changes, made=False))
    after = {one.contact_id: one.after for one in changes}
    before = _set(stub, [ContactProfile(contact_id=key, profile_id=given) for key, given in after.items()])
    made = [Change(one.contact_id, one.profile_id, after[one.contact_id]) for one in before]
    told.keep(number, _as_part(made, made=True))


def _set(stub: AccountsServiceStub, wanted: list[ContactProfile]) -> list[ContactProfile]:
    """Gives the profiles; returns what the contacts had. One that is gone keeps nobody else from theirs."""
    try:
        return list(stub.SetProfiles(SetProfilesRequest(contacts=wanted)).before)
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        if refusal is None or refusal.reason != "CONTACT_MISSING":
            raise
    half = len(wanted) // 2
    return [*_set(stub, wanted[:half]), *_set(stub, wanted[half:])] if half else []


def _as_part(changes: list[Change], *, made: bool) -> dict[str, Any]:
    return {"changes": [list(one) for one in changes], "made": made}


class Changed(NamedTuple):
    """What a job has changed, as far as is known."""

    changes: list[Change]
    made: int
    """How many of them were made for certain; of the others, the batch that it died in, nobody knows."""


def changed_by(job: jobs.Job) -> Changed:
    """What a job has changed, however it ended."""
    parts = jobs.job_log(KIND).kept(job.job_id)
    if not parts and "before" in job.outcome:  # of a release that kept it in the report alone
        had = ParseDict(job.outcome, SetProfilesResponse()).before
        return Changed([Change(one.contact_id, one.profile_id, one.profile_id) for one in had], len(had))
    changes = [Change(*one) for part in parts for one in part["changes"]]
    return Changed(changes, sum(len(part["changes"]) for part in parts if part["made"]))


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
        SORRY,
    )
    return redirect(url_for("profile_assignment.show", job_id=job_id), 303)


@blueprint.get("/<job_id>")
def show(job_id: str) -> ResponseReturnValue:
    """What was changed; while it is under way, how far it has come."""
    found = jobs.job_log(KIND).find(job_id)
    if found is None:
        abort(404)
    changed = changed_by(found) if found.state != jobs.RUNNING else Changed([], 0)
    page = render_template(
        "company/assigned.html",
        found=found,
        made=changed.made,
        uncertain=len(changed.changes) - changed.made,
    )
    return jobs.page_of(found, page)


@blueprint.post("/<job_id>/undo")
def undo(job_id: str) -> ResponseReturnValue:
    """Gives the contacts of a job that has ended, well or not, the profiles that they had before it."""
    log = jobs.job_log(KIND)
    found = log.find(job_id)
    if found is not None and found.state == jobs.CUT_SHORT:
        log.give_up(job_id, CUT_SHORT)
    changes = changed_by(found).changes if found is not None and found.state != jobs.RUNNING else []
    if not changes:
        say("There is nothing to undo.", "note")
        return redirect(url_for("profile_assignment.index"), 303)
    stub, back = clients().accounts, [Change(one.contact_id, one.after, one.before) for one in changes]
    undone = jobs.start(KIND, "as before", len(back), lambda told: make_all(stub, back, told), SORRY)
    return redirect(url_for("profile_assignment.show", job_id=undone), 303)

"""Stars: staff say who gets an organization's mails, or leave it to what the imports say.

Each form carries a request id, so that a double click changes one thing once and offers the same undo.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dunlin.paynow.v1.accounts_pb2 import StarContactsRequest, StarContactsResponse, StarredContacts
from dunlin.paynow.v1.books_pb2 import (
    DEFAULT_BY_CRM,
    DEFAULT_BY_HAND,
    DEFAULT_BY_PRIMARY,
    Contact,
    Organization,
)
from dunlin.paynow.v1.ledger_pb2 import GetOrganizationRequest
from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.site.errors import refusals, words_of
from gateway.site.flashes import say
from gateway.site.numbers import LARGEST_INT64
from services.shared.errors import WrongState

REASONS = {
    DEFAULT_BY_HAND: "Starred by hand",
    DEFAULT_BY_CRM: "From the CRM",
    DEFAULT_BY_PRIMARY: "Primary contact of the accounting system",
}
MOST_NAMED = 3
MOST_UNDONE = 100
"""Stars that an undo gives back: a cookie carries their ids."""

_IDS = re.compile(r"([0-9]{1,19}(,[0-9]{1,19})*)?", re.ASCII)

blueprint = Blueprint("stars", __name__, url_prefix="/stars")


@dataclass(frozen=True)
class Stars:
    """What an organization's page says about stars."""

    by_hand: bool
    """Whether staff have set them, so that imports change nothing."""
    reasons: dict[int, str]
    """Why each default contact is one, by contact id."""
    imported: str
    """Who would be starred if the imports decided, in words; empty for nobody."""
    imported_count: int
    """How many that are."""


def stars_of(organization: Organization) -> Stars:
    """How an organization with its contacts stands."""
    imported = [one for one in organization.contacts if one.default_by_imports]
    return Stars(
        by_hand=any(one.default_by == DEFAULT_BY_HAND for one in organization.contacts),
        reasons={one.contact_id: REASONS[one.default_by] for one in organization.contacts if one.default_by},
        imported=_named(imported),
        imported_count=len(imported),
    )


def _name(contact: Contact) -> str:
    return contact.name or (contact.emails[0] if contact.emails else "a contact without a name")


def _named(contacts: Sequence[Contact]) -> str:
    """Their names as they stand in a sentence: "Ann, Bob and 2 others"."""
    names = [_name(one) for one in contacts]
    if len(names) > MOST_NAMED + 1:
        names[MOST_NAMED:] = [f"{len(names) - MOST_NAMED} others"]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


@blueprint.post("/<int64:contact_id>/star")
def star(contact_id: int) -> ResponseReturnValue:
    """Has the contact get the organization's mails as well."""
    return _change(f"{_asked_name()} is starred.", star=contact_id)


@blueprint.post("/<int64:contact_id>/unstar")
def unstar(contact_id: int) -> ResponseReturnValue:
    """Has the contact get none of them any more."""
    return _change(f"{_asked_name()} is not starred any more.", unstar=contact_id)


@blueprint.post("/back")
def back() -> ResponseReturnValue:
    """Leaves it to the imports again."""
    return _change("The imports decide about stars again.", exactly=StarredContacts())


@blueprint.post("/as-before")
def undo() -> ResponseReturnValue:
    """Stars exactly those who were starred by hand before a change."""
    asked = request.form.get("contacts", "")
    if not _IDS.fullmatch(asked):
        abort(404)
    ids = [int(one) for one in asked.split(",") if one]
    if max(ids, default=0) > LARGEST_INT64:
        abort(404)
    return _change("The stars are as they were before.", exactly=StarredContacts(contact_ids=ids))


def _asked_name() -> str:
    return request.form.get("name", "")[:200] or "The contact"


def _change(done: str, **change: Any) -> ResponseReturnValue:
    """Makes the change; back on the organization's page it says who gets the mails now, or why not."""
    organization_id = request.form.get("organization", "")
    order = StarContactsRequest(
        request_id=request.form.get("request_id", ""), organization_id=organization_id, **change
    )
    try:
        with refusals():
            stars = clients().accounts.StarContacts(order)
    except WrongState as refusal:
        say(f"Nothing was changed. {words_of(refusal)}", "bad")
    else:
        _tell(done, organization_id, stars)
    return redirect(url_for("organizations.detail", organization_id=organization_id), 303)


def _tell(done: str, organization_id: str, stars: StarContactsResponse) -> None:
    contacts = (
        clients().ledger.GetOrganization(GetOrganizationRequest(organization_id=organization_id)).contacts
    )
    before, by_hand = list(stars.before.contact_ids), list(stars.by_hand.contact_ids)
    if [one.contact_id for one in contacts if one.default_by == DEFAULT_BY_HAND] != by_hand:
        say("This was done before, and the stars have changed since. They stay as you see them here.", "note")
        return
    words = [done, _who_gets_mails(contacts, stars)]
    if by_hand and not before:
        words.append("Imports change nothing about it from now on.")
    can_undo = before != by_hand and len(before) <= MOST_UNDONE
    fields = {
        "organization": organization_id,
        "contacts": ",".join(map(str, before)),
        "request_id": uuid4().hex,
    }
    say(
        " ".join(words),
        "good" if stars.reachable else "bad",
        undo="Undo",
        url=url_for("stars.undo") if can_undo else "",
        fields=fields,
    )


def _who_gets_mails(contacts: Sequence[Contact], stars: StarContactsResponse) -> str:
    if not stars.reachable:
        return "Nobody who is starred now has an email address, so nothing can be sent."
    defaults = [one for one in contacts if one.contact_id in stars.default_contact_ids]
    words = f"Notices and receipts now go to {_named([one for one in defaults if one.emails])}."
    if silent := [one for one in defaults if not one.emails]:
        words += f" {_named(silent)} {'has' if len(silent) == 1 else 'have'} no email address."
    return words

"""Settings: client profiles, which say what a contact sees and may do in the portal."""

import re
from collections.abc import Collection
from uuid import uuid4

from dunlin.paynow.v1.accounts_pb2 import (
    Profile,
    RemoveProfileRequest,
    SaveProfileRequest,
)
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, StringField
from wtforms.validators import DataRequired, Length

from gateway.client_emails.counts import settings_of
from gateway.client_emails.kinds import KINDS
from gateway.clients import clients
from gateway.site.client_profiles import all_profiles
from gateway.site.errors import beside_fields, refusals
from gateway.site.flashes import say
from gateway.site.settings_form import SettingsForm, Values
from services.shared.errors import Conflict, Invalid, Missing, WrongState

blueprint = Blueprint("client_profiles", __name__, url_prefix="/settings/profiles")


class ProfileForm(SettingsForm):
    """A client profile."""

    name = StringField(
        "Name", [DataRequired("Enter a name."), Length(max=60, message="At most 60 characters.")]
    )
    sees_invoices = BooleanField("Sees the organization’s invoices and balance", default=True)
    may_pay = BooleanField("May pay them", default=True)

    def moot(self, values: Values) -> Collection[str]:
        """Who sees no invoices cannot pay them."""
        return () if values["sees_invoices"] else {"may_pay"}


def _list(form: ProfileForm, status: int = 200) -> ResponseReturnValue:
    return render_template("company/profiles.html", profiles=all_profiles(), form=form), status


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The profiles with how many contacts have each."""
    return _list(ProfileForm())


def _id_for(name: str) -> str:
    """A readable id that no other profile is likely to have; it stays when the name changes."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:31]
    return f"{slug}-{uuid4().hex[:8]}" if slug else uuid4().hex


def _save(form: ProfileForm, profile_id: str) -> bool:
    """Saves what was typed; what is wrong stands beside its field."""
    profile = Profile(
        profile_id=profile_id,
        name=form.name.data.strip(),
        sees_invoices=form.sees_invoices.data,
        may_pay=form.may_pay.data and form.sees_invoices.data,
    )
    try:
        with refusals():
            clients().accounts.SaveProfile(SaveProfileRequest(profile=profile))
    except Conflict:
        form.name.errors = ["Another client profile has this name."]
    except Invalid as refusal:
        form.name.errors = [*form.name.errors, *beside_fields(form, refusal)]
    return not form.errors


def _restored() -> str:
    """The id of a profile that was removed a moment ago and is added again; empty for a new one."""
    given = request.form.get("restored", "")
    is_free = all(one.profile_id != given for one in all_profiles()) if given else False
    return given if is_free and re.fullmatch(r"[a-z0-9-]{1,40}", given) else ""


@blueprint.post("")
def add() -> ResponseReturnValue:
    """Adds a profile."""
    form = ProfileForm()
    if not form.validate() or not _save(form, _restored() or _id_for(form.name.data)):
        return _list(form, 400)
    say(f"The client profile “{form.name.data.strip()}” has been added. Nobody has it yet.")
    return redirect(url_for("client_profiles.index"), 303)


@blueprint.route("/<profile_id>", methods=["GET", "POST"])
def edit(profile_id: str) -> ResponseReturnValue:
    """Renames a profile, or changes what it allows; that holds at once for all contacts that have it."""
    found = next((one for one in all_profiles() if one.profile_id == profile_id), None)
    if found is None:
        abort(404)
    form = ProfileForm(name=found.name, sees_invoices=found.sees_invoices, may_pay=found.may_pay)
    if form.may_save() and _save(form, profile_id):
        say(f"The client profile “{form.name.data.strip()}” has been saved. It holds at once.")
        return redirect(url_for("client_profiles.index"), 303)
    return render_template("company/profile.html", profile=found, form=form), form.status()


@blueprint.post("/<profile_id>/remove")
def remove(profile_id: str) -> ResponseReturnValue:
    """Removes a profile that nobody has; the next page offers to add it again."""
    if profile_id in settings_of(KINDS["account-summary"]).profile_ids:
        say("The account summary goes to contacts with this client profile. Choose others there.", "bad")
        return redirect(url_for("client_profiles.index"), 303)
    try:
        with refusals():
            gone = clients().accounts.RemoveProfile(RemoveProfileRequest(profile_id=profile_id))
    except Missing:
        say("This client profile had been removed before.", "note")
    except WrongState:
        say("Contacts have this client profile. Give them another one first, then remove it.", "bad")
    else:
        allowed = {name: "y" for name in ("sees_invoices", "may_pay") if getattr(gone, name)}
        say(
            f"The client profile “{gone.name}” has been removed.",
            undo="Add it again",
            url=url_for("client_profiles.add"),
            fields={"name": gone.name, "restored": gone.profile_id, **allowed},
        )
    return redirect(url_for("client_profiles.index"), 303)

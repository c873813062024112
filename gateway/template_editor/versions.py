"""Versions of a text: each as it was, two beside each other, and an older one taken up again."""

from dunlin.mailer.v1.mailer_pb2 import SaveTemplateRequest
from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import IntegerField
from wtforms.validators import InputRequired
from wtforms.widgets import HiddenInput

from gateway.clients import clients
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.numbers import FITS_INT32
from gateway.template_editor.compare import compare
from gateway.template_editor.texts import AREAS, asked_text
from services.shared.errors import Conflict

blueprint = Blueprint("template_versions", __name__, url_prefix="/client-emails/templates")


class RestoreForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """An older version to save again."""

    base_version = IntegerField(widget=HiddenInput(), validators=[InputRequired(), FITS_INT32])


@blueprint.get("/<slug>/versions/<int32:version>")
def show(slug: str, version: int) -> str:
    """One version as it was."""
    text = asked_text(slug)
    if not version:
        abort(404)
    return render_template(
        "template_editor/version.html",
        text=text,
        template=text.version(version),
        newest=text.newest(),
    )


@blueprint.get("/<slug>/compare")
def side_by_side(slug: str) -> str:
    """Two versions beside each other, with what differs marked; by default the newest two."""
    text = asked_text(slug)
    versions = {one.version: one for one in text.versions()}
    if not versions:
        abort(404)
    numbers = sorted(versions, reverse=True)
    newer = request.args.get("newer", numbers[0], type=int)
    older = request.args.get("older", numbers[1] if len(numbers) > 1 else numbers[0], type=int)
    if older not in versions or newer not in versions:
        abort(404)
    return render_template(
        "template_editor/compare.html",
        text=text,
        versions=list(versions.values()),
        older=versions[older],
        newer=versions[newer],
        areas=[
            (area.capitalize(), *compare(*(getattr(versions[one].areas, area) for one in (older, newer))))
            for area in AREAS
        ],
    )


@blueprint.post("/<slug>/versions/<int32:version>/restore")
def restore(slug: str, version: int) -> ResponseReturnValue:
    """Saves an older text again, as a new version."""
    form = RestoreForm()
    if not form.validate() or not version:
        abort(400)
    text = asked_text(slug)
    key, older = text.key, text.version(version)
    try:
        with refusals():
            saved = clients().mailer.SaveTemplate(
                SaveTemplateRequest(
                    type=key.type,
                    language=key.language,
                    threshold_days=key.threshold_days,
                    areas=older.areas,
                    base_version=form.base_version.data,
                    saved_by=current_user.email,
                )
            )
    except Conflict:
        say("Somebody else has saved this text meanwhile. Look at the versions again, then decide.", "bad")
    else:
        say(f"Version {version} has been saved again as version {saved.version}.")
    return redirect(text.url(), 303)

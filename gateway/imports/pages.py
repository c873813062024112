"""Uploading a list of invoices, methods or plans, and the report of what it did."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import PurePath
from typing import IO, Any, BinaryIO, cast

from dunlin.paynow.v1.ledger_pb2 import SyncReport
from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from google.protobuf.json_format import ParseDict
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from gateway.clients import clients
from gateway.imports import (
    METHODS,
    PLANS,
    PRESETS,
    InvoiceList,
    InvoiceListRefused,
    Preset,
    fits,
    read_invoice_list,
    sync,
    sync_methods,
    sync_plans,
)
from gateway.site import company_time, jobs
from gateway.site.security import takes_up_to

KIND = "import"
MOST_BYTES = 50 * 1024 * 1024
ROOM_FOR_FORM = 64 * 1024
NEWEST = 10

FORMATS: Mapping[str, Preset[Any]] = {**PRESETS, METHODS.name: METHODS, PLANS.name: PLANS}
"""What a file may be."""

blueprint = Blueprint("imports_page", __name__, url_prefix="/import")


class UploadForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A file and how to read it."""

    file = FileField("CSV file", [FileRequired("Choose a file.")])
    preset = SelectField("Format")
    as_of = DateField("As known on", [Optional()])


def _form() -> UploadForm:
    form = UploadForm()
    form.preset.choices = [SelectChoice(name, preset.title) for name, preset in FORMATS.items()]
    return form


def _page(
    form: UploadForm, refused: InvoiceListRefused | None = None, status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "imports/index.html",
        form=form,
        refused=refused,
        own=[PRESETS["dunlin"], METHODS, PLANS],
        newest=jobs.job_log(KIND).newest(NEWEST),
        any_dated=any(preset.dated for preset in FORMATS.values()),
    )
    return page, status


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The form, and the last imports."""
    return _page(_form())


@blueprint.post("")
@takes_up_to(MOST_BYTES + ROOM_FOR_FORM)
def upload() -> ResponseReturnValue:
    """Checks the whole file, then takes it in; a file that is malformed changes nothing."""
    form = _form()
    if not form.validate():
        return _page(form, status=400)
    as_of: date | None = form.as_of.data
    # The request's own copy goes with the request; the import may take longer.
    kept = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115  # the import closes it
    shutil.copyfileobj(form.file.data.stream, kept)
    kept.seek(0)
    try:
        preset = _preset_of(cast(BinaryIO, kept), FORMATS[form.preset.data])
        if preset.dated and as_of is None:
            as_of = company_time.today()
        listed = read_invoice_list(cast(BinaryIO, kept), preset, as_of=as_of)
    except InvoiceListRefused as refusal:
        kept.close()
        return _page(form, refusal, 400)
    # Some browsers send a path; only its last part is of use.
    name = PurePath(form.file.data.filename.replace("\\", "/")).name or "upload.csv"
    send = _sender(preset)

    def take_in(progress: jobs.Progress) -> SyncReport:
        with kept:
            return send(listed, progress)

    import_id = jobs.start(KIND, name, listed.total, take_in, "The ledger could not take it in.")
    return redirect(url_for("imports_page.show", import_id=import_id), 303)


def _preset_of(stream: BinaryIO, chosen: Preset[Any]) -> Preset[Any]:
    """The format that was chosen; of Dunlin's own formats, the one whose columns the file has."""
    own = (PRESETS["dunlin"], METHODS, PLANS)
    if chosen in own and not fits(stream, chosen):
        return next((preset for preset in own if fits(stream, preset)), chosen)
    return chosen


def _sender(preset: Preset[Any]) -> Callable[[InvoiceList[Any], jobs.Progress], SyncReport]:
    """What sends a list of that format."""
    called = clients()
    if preset is METHODS:
        return partial(sync_methods, called.accounts)
    return partial(sync_plans, called.accounts) if preset is PLANS else partial(sync, called.ledger)


@blueprint.get("/<import_id>")
def show(import_id: str) -> ResponseReturnValue:
    """The report; while it runs, how far it has come."""
    found = jobs.job_log(KIND).find(import_id)
    if found is None:
        abort(404)
    report = ParseDict(found.outcome, SyncReport()) if found.state == jobs.DONE else None
    return jobs.page_of(found, render_template("imports/show.html", found=found, report=report))

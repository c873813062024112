"""Uploading an invoice list, and the report of what it did."""

import shutil
import tempfile
import threading
import time
from contextvars import copy_context
from datetime import date
from pathlib import PurePath
from typing import IO, BinaryIO, cast

import grpc
import structlog
from dunlin.paynow.v1.ledger_pb2 import SyncReport
from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub
from flask import Blueprint, abort, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from google.protobuf.json_format import MessageToDict, ParseDict
from wtforms import DateField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from gateway.clients import clients
from gateway.errors import words_of
from gateway.import_log import DONE, RUNNING, ImportLog, import_log
from gateway.imports import PRESETS, InvoiceList, InvoiceListRefused, read_invoice_list, sync
from gateway.security import takes_up_to
from services.shared.grpc_errors import refusal_of

log = structlog.get_logger()

MOST_BYTES = 50 * 1024 * 1024
ROOM_FOR_FORM = 64 * 1024
PATIENCE_SECONDS = 2.0
"""An import that is done within this goes straight to its report."""
PROGRESS_SECONDS = 0.5
"""How often an import says how far it has come."""
NEWEST = 10

blueprint = Blueprint("imports_page", __name__, url_prefix="/import")


class UploadForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A file and how to read it."""

    file = FileField("CSV file", [FileRequired("Choose a file.")])
    preset = SelectField("Format")
    as_of = DateField("As known on", [Optional()])


def _form() -> UploadForm:
    form = UploadForm()
    form.preset.choices = [SelectChoice(name, preset.title) for name, preset in PRESETS.items()]
    return form


def _page(
    form: UploadForm, refused: InvoiceListRefused | None = None, status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "imports/index.html",
        form=form,
        refused=refused,
        preset=PRESETS["dunlin"],
        newest=import_log().newest(NEWEST),
        any_dated=any(preset.dated for preset in PRESETS.values()),
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
    # The request's own copy goes with the request; the import may take longer.
    kept = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115  # the import closes it
    shutil.copyfileobj(form.file.data.stream, kept)
    kept.seek(0)
    as_of: date | None = form.as_of.data
    try:
        invoice_list = read_invoice_list(cast(BinaryIO, kept), PRESETS[form.preset.data], as_of=as_of)
    except InvoiceListRefused as refusal:
        kept.close()
        return _page(form, refusal, 400)
    # Some browsers send a path; only its last part is of use.
    name = PurePath(form.file.data.filename.replace("\\", "/")).name or "upload.csv"
    import_id = import_log().begin(current_user.staff_id, name, form.preset.data, invoice_list.total)
    _start(import_id, invoice_list, kept).join(PATIENCE_SECONDS)
    return redirect(url_for("imports_page.show", import_id=import_id), 303)


def _start(import_id: str, invoice_list: InvoiceList, file: IO[bytes]) -> threading.Thread:
    context = copy_context()  # for the request id in the log and in the calls
    arguments = (_take_in, import_id, invoice_list, file, import_log(), clients().ledger)
    thread = threading.Thread(target=context.run, args=arguments, name=f"import-{import_id}", daemon=True)
    thread.start()
    return thread


def _take_in(
    import_id: str, invoice_list: InvoiceList, file: IO[bytes], entries: ImportLog, ledger: LedgerServiceStub
) -> None:
    said_at = time.monotonic()

    def progress(done: int, _total: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= PROGRESS_SECONDS:
            said_at = time.monotonic()
            entries.progress(import_id, done)

    try:
        with file:
            report = sync(ledger, invoice_list, progress)
        entries.finish(import_id, MessageToDict(report))
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        log.error("import failed", import_id=import_id, error=str(error))
        entries.fail(import_id, words_of(refusal) if refusal else "The ledger could not take it in.")
    except Exception as error:
        # Nobody else would see it: this is the end of a thread, and the page must not wait for ever.
        log.error("import failed", import_id=import_id, exc_info=error)
        entries.fail(import_id, "It stopped because of a fault of ours, which was written down.")


@blueprint.get("/<import_id>")
def show(import_id: str) -> ResponseReturnValue:
    """The report; while it runs, how far it has come."""
    found = import_log().find(import_id)
    if found is None:
        abort(404)
    report = ParseDict(found.outcome, SyncReport()) if found.state == DONE else None
    response = make_response(render_template("imports/show.html", found=found, report=report))
    if found.state == RUNNING:
        response.headers["Refresh"] = "1"
    return response

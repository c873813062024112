"""Pausing reminders to an organization, or about an invoice: asked first, changed, ended, and undone.

Each form carries the id of the pause that it makes, so that a double click makes one.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from dunlin.paynow.v1.ledger_pb2 import GetInvoiceRequest, GetOrganizationRequest
from dunlin.scheduler.v1.pauses_pb2 import (
    AddPauseRequest,
    EndPauseRequest,
    Pause,
    PauseReason,
    PauseState,
    PauseView,
)
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from gateway.clients import clients
from gateway.organizations.paused import listed, promised_on, standing_of
from gateway.site import company_time
from gateway.site.errors import beside_fields, refusals, words_of
from gateway.site.flashes import say
from gateway.site.formats import day
from gateway.site.numbers import LARGEST_INT64
from gateway.site.words import PAUSE_REASONS
from services.shared.errors import Conflict, Invalid, Missing, WrongState

IN_FORCE = PauseState.PAUSE_STATE_IN_FORCE
PROMISE = PauseReason.PAUSE_REASON_PROMISE_TO_PAY
LONGEST_NOTE = 1000
MOST_DAYS = 366

blueprint = Blueprint("pausing", __name__, url_prefix="/pause")


@dataclass(frozen=True)
class Subject:
    """What a page is about to pause: an organization, or one invoice of it."""

    organization_id: str
    name: str
    invoice_id: int = 0
    number: str = ""

    @property
    def words(self) -> str:
        """In a sentence: "to Acme", "about invoice 7"."""
        return f"about invoice {self.number}" if self.invoice_id else f"to {self.name}"

    @property
    def url(self) -> str:
        """Its page."""
        if self.invoice_id:
            return url_for("organizations.invoice", invoice_id=self.invoice_id)
        return url_for("organizations.detail", organization_id=self.organization_id)


class PauseForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Why, until when, and what staff should know. The service says what is wrong."""

    reason = SelectField(
        "Reason",
        choices=[SelectChoice("", "Choose …"), *(SelectChoice(str(k), v) for k, v in PAUSE_REASONS.items())],
    )
    resumes_on = StringField("Reminders go again on")
    note = TextAreaField("Note")


def _subject() -> Subject:
    """What the form or address names. Raises `grpc.RpcError` if the books do not know it."""
    invoice_id = request.values.get("invoice", "")
    if invoice_id:
        if not invoice_id.isascii() or not invoice_id.isdigit() or int(invoice_id) > LARGEST_INT64:
            abort(404)
        invoice = clients().ledger.GetInvoice(GetInvoiceRequest(invoice_id=int(invoice_id)))
        name = invoice.organization_name or invoice.organization_id
        return Subject(invoice.organization_id, name, invoice.invoice_id, invoice.number)
    found = clients().ledger.GetOrganization(
        GetOrganizationRequest(organization_id=request.values.get("organization", ""))
    )
    return Subject(found.organization_id, found.name or found.organization_id)


def _page(subject: Subject, form: PauseForm, problems: list[str], status: int = 200) -> ResponseReturnValue:
    present = standing_of(subject.organization_id, subject.invoice_id).own
    return _rendered(subject, form, problems, present, request.form.get("pause_id", "")), status


def _used_up(subject: Subject, form: PauseForm) -> ResponseReturnValue:
    """The form again, for another pause: its own was made before, and is not what the form says now."""
    present = standing_of(subject.organization_id, subject.invoice_id).own
    words = "The pause that this form made does not hold any more. Save again to pause anew."
    if present is not None:
        words = (
            f"Reminders {subject.words} are paused until {day(present.resumes_on)} by now."
            " Save again to change that pause."
        )
    return _rendered(subject, form, [words], present, ""), 409


def _rendered(
    subject: Subject, form: PauseForm, problems: list[str], present: Pause | None, pause_id: str
) -> str:
    today = company_time.today()
    return render_template(
        "organizations/pause.html",
        subject=subject,
        form=form,
        problems=problems,
        present=present,
        reasons=PAUSE_REASONS,
        promise=PROMISE,
        pause_id=pause_id or uuid4().hex,
        first=today + timedelta(days=1),
        last=today + timedelta(days=MOST_DAYS),
        longest_note=LONGEST_NOTE,
    )


@blueprint.get("")
def ask() -> ResponseReturnValue:
    """What a pause would stop and until when it can last; a pause that holds is shown to be changed."""
    subject = _subject()
    form, present = PauseForm(), standing_of(subject.organization_id, subject.invoice_id).own
    if present is not None:
        form.reason.data, form.resumes_on.data = str(present.reason), present.resumes_on
        form.note.data = present.note
    return _page(subject, form, [])


@blueprint.post("")
def add() -> ResponseReturnValue:
    """Pauses; the next page offers to undo it."""
    subject, form = _subject(), PauseForm()
    try:
        with refusals():
            made = _add(
                subject,
                AddPauseRequest(
                    pause_id=request.form.get("pause_id", ""),
                    reason=_reason(form.reason.data),
                    note=form.note.data or "",
                    resumes_on=(form.resumes_on.data or "").strip(),
                    replaces=request.form.get("replaces", ""),
                ),
            )
    except Invalid as refusal:
        return _page(subject, form, beside_fields(form, refusal), 400)
    except Conflict:
        return _used_up(subject, form)
    except WrongState as refusal:
        return _page(subject, form, [words_of(refusal)], 409)
    if made.state != IN_FORCE:
        return _used_up(subject, form)
    _say_paused(subject, made, request.form.get("replaces", ""))
    return redirect(subject.url, 303)


def _add(subject: Subject, order: AddPauseRequest) -> Pause:
    order.added_by = current_user.email
    if subject.invoice_id:
        order.invoice_id = subject.invoice_id
    else:
        order.organization_id = subject.organization_id
    return clients().pauses.AddPause(order)


def _reason(text: str | None) -> PauseReason.ValueType:
    return next(
        (value for value in PAUSE_REASONS if str(value) == text), PauseReason.PAUSE_REASON_UNSPECIFIED
    )


def _say_paused(subject: Subject, made: Pause, replaced: str) -> None:
    words = (
        f"Reminders {subject.words} are paused; from {day(made.resumes_on)} on they go again by themselves."
    )
    if replaced:
        url, fields = url_for("pausing.again"), _fields(subject, replaced) | {"replaces": made.pause_id}
    else:
        url, fields = url_for("pausing.end"), _fields(subject, made.pause_id)
    say(words, undo="Undo", url=url, fields=fields)


def _fields(subject: Subject, pause_id: str) -> dict[str, str]:
    """What a button that is about a pause sends."""
    named = {"invoice": str(subject.invoice_id)} if subject.invoice_id else {}
    return {"pause": pause_id, "organization": subject.organization_id, "new": uuid4().hex} | named


@blueprint.post("/end")
def end() -> ResponseReturnValue:
    """Ends a pause at once; the next page offers to pause again."""
    subject, pause_id = _subject(), request.form.get("pause", "")
    try:
        with refusals():
            ended = clients().pauses.EndPause(EndPauseRequest(pause_id=pause_id, ended_by=current_user.email))
    except Missing:
        say("There is no such pause any more.", "note")
        return redirect(subject.url, 303)
    if ended.state == PauseState.PAUSE_STATE_ENDED:
        say(
            f"Reminders {subject.words} go again, from the next run on: "
            "of each invoice at most the latest rule that it has reached.",
            undo="Pause again",
            url=url_for("pausing.again"),
            fields=_fields(subject, pause_id),
        )
    else:
        say("This pause did not hold any more.", "note")
    return redirect(subject.url, 303)


@blueprint.post("/again")
def again() -> ResponseReturnValue:
    """Pauses as an earlier pause did: the way back from ending or changing it."""
    subject, pause_id = _subject(), request.form.get("pause", "")
    known = listed(subject.organization_id, PauseView.PAUSE_VIEW_UNSPECIFIED)
    before = next((one for one in known if one.pause_id == pause_id), None)
    if before is None:
        abort(404)
    replaces = request.form.get("replaces", "")
    order = AddPauseRequest(
        pause_id=request.form.get("new", ""),
        reason=before.reason,
        note=before.note,
        resumes_on=before.resumes_on,
        replaces=replaces,
    )
    try:
        with refusals():
            made = _add(subject, order)
    except (Invalid, WrongState) as refusal:
        say(words_of(refusal), "bad")
    else:
        if made.state == IN_FORCE:
            _say_paused(subject, made, replaces)
        else:
            say("This was done before, and that pause does not hold any more.", "note")
    return redirect(subject.url, 303)


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    """For the parts of other pages that show a pause."""
    return {"pause_reasons": PAUSE_REASONS, "promised_on": promised_on}

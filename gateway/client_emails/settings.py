"""Settings of the kinds of mail that have any; what they mean is said before they are saved."""

from collections.abc import Sequence

from dunlin.paynow.v1.accounts_pb2 import Profile
from dunlin.scheduler.v1.emails_pb2 import EmailType, OnNewInvoice, UpdateEmailTypeRequest
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.client_emails.counts import COUNTS, by_staff_member, count, settings_of
from gateway.client_emails.kinds import KINDS, SET, EmailKind, one_of
from gateway.client_emails.saving import Question, question
from gateway.client_emails.settings_forms import FORMS, SummaryForm, TypeForm
from gateway.client_emails.wording import (
    INVOICE,
    SUMMARY,
    day_words,
    left_out_words,
    next_words,
    recipients_words,
    schedule_words,
)
from gateway.clients import clients
from gateway.site import company_time
from gateway.site.client_profiles import profiles_or_none
from gateway.site.errors import beside_fields, refusals
from gateway.site.flashes import say
from gateway.site.security import limiter
from services.shared.errors import Invalid

blueprint = Blueprint("email_settings", __name__, url_prefix="/client-emails")


def _form(settings: EmailType, profiles: Sequence[Profile] | None) -> TypeForm | None:
    """The kind's form with the saved settings, or what was typed; None where there is nothing to set."""
    if settings.type not in FORMS:
        return None
    form = FORMS[settings.type](settings)
    if isinstance(form, SummaryForm):
        form.know(profiles, settings.profile_ids)
    return form


def _typed(settings: EmailType, form: TypeForm) -> EmailType:
    typed = EmailType()
    typed.CopyFrom(settings)
    form.fill(typed)
    return typed


def meaning_of(
    kind: EmailKind, settings: EmailType, profiles: Sequence[Profile] | None
) -> list[tuple[str, str]]:
    """What settings mean, line by line: what is asked and its answer. `Invalid` as CountEmails says."""
    lines = [
        ("When", schedule_words(settings, company_time.calendar())),
        ("To", recipients_words(kind, settings, profiles)),
    ]
    if settings.type == INVOICE:
        return lines
    found = count(settings)
    if found is None:
        return [
            *lines,
            ("Next", "It cannot be counted at this moment. The settings can be saved all the same."),
        ]
    if found.next_dates:
        lines.append(("Dates", "; ".join(day_words(on) for on in found.next_dates)))
    if not settings.enabled:
        return [*lines, ("Next", "It is off, so nothing goes out.")]
    lines.append(("Next", f"{next_words(settings, found)} {left_out_words(found)}".strip()))
    if settings.type == SUMMARY and settings.on_new_invoice == OnNewInvoice.ON_NEW_INVOICE_INVOICES:
        lines.append(("New invoices", "Each brings one email. The summary keeps its own schedule."))
    return lines


@blueprint.route(f"/{one_of(SET)}", methods=["GET", "POST"])
def edit(slug: str) -> ResponseReturnValue:
    """The settings, and what they mean.

    A POST saves them, or with `do=show` says what they would mean. Where saving would send mails at once, or
    take back what somebody else saved meanwhile, it saves nothing until that has been agreed to.
    """
    kind, profiles = KINDS[slug], profiles_or_none()
    settings = settings_of(kind)
    form = _form(settings, profiles)
    problems: list[str] = []
    meaning: list[tuple[str, str]] | None = None
    asked: Question | None = None
    do = request.form.get("do", "")
    if form is not None and (form.validate_on_submit() if do == "show" else form.may_save()):
        typed = _typed(settings, form)
        try:
            with refusals():
                asked = question(settings, typed) if do != "show" else None
                if do != "show" and (asked is None or do == asked.answer):
                    clients().emails.UpdateEmailType(UpdateEmailTypeRequest(email_type=typed))
                    _say_saved(kind, typed)
                    return redirect(url_for("email_settings.edit", slug=slug), 303)
                meaning = meaning_of(kind, typed, profiles)
        except Invalid as refusal:
            problems = beside_fields(form, refusal)
    page = render_template(
        "client_emails/settings.html",
        kind=kind,
        settings=settings,
        form=form,
        problems=problems,
        meaning=meaning,
        asked=asked,
        schedule=schedule_words(settings, company_time.calendar()),
        summary_url=url_for("email_settings.edit", slug="account-summary", _anchor="on_new_invoice"),
    )
    return page, form.status(problems) if form is not None else 200


def _say_saved(kind: EmailKind, settings: EmailType) -> None:
    if settings.type == INVOICE or settings.enabled:
        say(f"The settings of {kind.name.lower()} have been saved. They hold from the next email on.")
    else:
        say(f"The settings of {kind.name.lower()} have been saved. It is still off.", "note")


@blueprint.post(f"/{one_of(SET)}/meaning")
@limiter.limit(COUNTS, key_func=by_staff_member)
def meaning(slug: str) -> str:
    """What settings that are being typed would mean, for the page that shows it beside them."""
    kind, profiles = KINDS[slug], profiles_or_none()
    settings = settings_of(kind)
    form = _form(settings, profiles)
    try:
        with refusals():
            is_valid = form is None or form.validate()
            typed = _typed(settings, form) if form is not None and is_valid else settings
            lines = meaning_of(kind, typed, profiles) if is_valid else []
    except Invalid:
        lines = []
    return render_template("client_emails/_meaning.html", meaning=lines)

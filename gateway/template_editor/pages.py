"""Editing the text of one kind of mail: beside it the mail as it will be, and a test to oneself."""

from uuid import uuid4

from dunlin.mailer.v1.mailer_pb2 import ListTokensRequest, PreviewTemplateRequest, SaveTemplateRequest
from dunlin.mailer.v1.templates_pb2 import RenderedMail, Template, Token
from flask import Blueprint, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from gateway.clients import clients
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.security import PREVIEW_POLICY, limiter
from gateway.template_editor.texts import AREAS, Mistake, TemplateForm, Text, asked_text, mistakes
from gateway.template_editor.trials import TrialRefused, send_trial
from services.shared.errors import Conflict, Invalid

blueprint = Blueprint("template_editor", __name__, url_prefix="/client-emails/templates")

PREVIEWS = "240 per minute"
TESTS = "20 per minute"

Mistakes = dict[str, list[Mistake]]


def _page(
    text: Text,
    form: TemplateForm,
    newest: Template,
    *,
    status: int = 200,
    wrong: Mistakes | None = None,
    conflict: bool = False,
    sent_to: list[str] | None = None,
    clients_typed: list[str] | None = None,
) -> ResponseReturnValue:
    wrong = wrong if wrong is not None else _wrong_in(form)
    content = render_template(
        "template_editor/editor.html",
        text=text,
        form=form,
        newest=newest,
        is_dirty=form.areas() != newest.areas,
        wrong=wrong,
        conflict=conflict,
        preview=None if any(wrong.get(area) for area in AREAS) else _preview_or_none(text, form),
        versions=text.versions(),
        rules=text.rules(),
        tokens=_grouped(text),
        sent_to=sent_to,
        clients_typed=clients_typed,
    )
    response = make_response(content, status)
    # The preview's frame inherits it, also where a script fills it in later.
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return response


def _wrong_in(form: TemplateForm) -> Mistakes:
    return {
        name: [Mistake(0, 0, words) for words in form[name].errors] for name in AREAS if form[name].errors
    }


def _preview(text: Text, form: TemplateForm) -> RenderedMail:
    key = text.key
    return clients().mailer.PreviewTemplate(
        PreviewTemplateRequest(
            type=key.type, language=key.language, threshold_days=key.threshold_days, areas=form.areas()
        )
    )


def _preview_or_none(text: Text, form: TemplateForm) -> RenderedMail | None:
    try:
        with refusals():
            return _preview(text, form)
    except Invalid:
        return None


def _grouped(text: Text) -> dict[str, list[Token]]:
    """The palette: tokens under their headings, in the mailer's order."""
    groups: dict[str, list[Token]] = {}
    asked = ListTokensRequest(type=text.kind.type, language=text.language)
    for token in clients().mailer.ListTokens(asked).tokens:
        groups.setdefault(token.group or "More", []).append(token)
    return groups


@blueprint.get("/<slug>")
def edit(slug: str) -> ResponseReturnValue:
    """The newest text."""
    text = asked_text(slug)
    newest = text.newest()
    areas = {area: getattr(newest.areas, area) for area in AREAS}
    form = TemplateForm(
        formdata=None,
        base_version=newest.version,
        test_id=uuid4().hex,
        addresses=current_user.email,
        **areas,
    )
    return _page(text, form, newest)


@blueprint.post("/<slug>")
def save(slug: str) -> ResponseReturnValue:
    """Saves a new version, unless somebody else did meanwhile; nothing typed is ever lost."""
    text, form = asked_text(slug), TemplateForm()
    if not form.validate():
        return _page(text, form, text.newest(), status=400)
    key = text.key
    try:
        with refusals():
            saved = clients().mailer.SaveTemplate(
                SaveTemplateRequest(
                    type=key.type,
                    language=key.language,
                    threshold_days=key.threshold_days,
                    areas=form.areas(),
                    base_version=form.base_version.data,
                    saved_by=current_user.email,
                )
            )
    except Invalid as refusal:
        return _page(text, form, text.newest(), status=400, wrong=_told(refusal))
    except Conflict:
        return _conflict(text, form)
    say(f"Version {saved.version} has been saved. Emails are written with it from now on.")
    # The page's script then forgets its draft.
    return redirect(text.url(saved=saved.version), 303)


def _told(refusal: Invalid) -> Mistakes:
    return mistakes(refusal.violations) or {"": [Mistake(0, 0, refusal.message)]}


def _conflict(text: Text, form: TemplateForm) -> ResponseReturnValue:
    newest = text.newest()
    # A second Save is then a decision, taken with the other text in view.
    form.base_version.data = newest.version
    form.base_version.raw_data = None
    return _page(text, form, newest, status=409, conflict=True)


@blueprint.post("/<slug>/preview")
@limiter.limit(PREVIEWS)
def preview(slug: str) -> ResponseReturnValue:
    """The draft as a mail, with the sample data; saves nothing. As JSON where a script asks."""
    text, form = asked_text(slug), TemplateForm()
    is_script = request.accept_mimetypes.best == "application/json"
    if not form.validate():
        wrong = _wrong_in(form)
        return _as_json(wrong) if is_script else _page(text, form, text.newest(), status=400)
    try:
        with refusals():
            rendered = _preview(text, form)
    except Invalid as refusal:
        wrong = _told(refusal)
        return _as_json(wrong) if is_script else _page(text, form, text.newest(), status=400, wrong=wrong)
    if is_script:
        return jsonify(subject=rendered.subject, html=rendered.html, text=rendered.text)
    return _page(text, form, text.newest())


def _as_json(wrong: Mistakes) -> ResponseReturnValue:
    found = {
        area: [{"line": one.line, "column": one.column, "words": one.words} for one in told]
        for area, told in wrong.items()
    }
    return jsonify(wrong=found)


@blueprint.post("/<slug>/test")
@limiter.limit(TESTS)
def test(slug: str) -> ResponseReturnValue:
    """Sends the draft, as it stands in the form, to the addresses typed in; saves nothing."""
    text, form = asked_text(slug), TemplateForm()
    newest = text.newest()
    if not form.validate():
        return _page(text, form, newest, status=400)
    try:
        sent_to = send_trial(text, form, current_user.email)
    except TrialRefused as refusal:
        form.addresses.errors = [refusal.message]
        return _page(text, form, newest, status=refusal.status, clients_typed=refusal.clients)
    except Invalid as refusal:
        return _page(text, form, newest, status=400, wrong=_told(refusal))
    form.test_id.data = uuid4().hex
    return _page(text, form, newest, sent_to=sent_to)

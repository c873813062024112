"""Editing the text of one kind of mail: tokens, preview, versions."""

from dunlin.mailer.v1.mailer_pb2 import (
    GetTemplateRequest,
    ListTemplateVersionsRequest,
    ListTokensRequest,
    PreviewTemplateRequest,
    SaveTemplateRequest,
)
from dunlin.mailer.v1.templates_pb2 import RenderedMail, Template, TemplateAreas, TemplateType
from flask import Blueprint, abort, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length
from wtforms.widgets import HiddenInput

from gateway import words
from gateway.client_emails import MEANINGS, SLUGS
from gateway.clients import clients
from gateway.errors import beside_fields, refusals
from gateway.flashes import say
from gateway.numbers import FITS_INT32
from gateway.security import PREVIEW_POLICY
from services.shared.errors import Conflict, Invalid

blueprint = Blueprint("template_editor", __name__, url_prefix="/client-emails/templates")


class TemplateForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """The four areas, and the version that the editor started from."""

    subject = StringField("Subject", [DataRequired("An email needs a subject."), Length(max=300)])
    title = StringField("Title", [Length(max=300)])
    header = TextAreaField("Header", [Length(max=20_000)])
    footer = TextAreaField("Footer", [Length(max=20_000)])
    base_version = IntegerField(widget=HiddenInput(), validators=[InputRequired(), FITS_INT32])

    def areas(self) -> TemplateAreas:
        """What was typed; browsers end lines with CR LF, templates with LF."""
        return TemplateAreas(
            subject=self.subject.data or "",
            title=self.title.data or "",
            header=(self.header.data or "").replace("\r\n", "\n"),
            footer=(self.footer.data or "").replace("\r\n", "\n"),
        )


class RestoreForm(FlaskForm):  # type: ignore[misc]
    """An older version to save again."""

    base_version = IntegerField(widget=HiddenInput(), validators=[InputRequired(), FITS_INT32])


def _type(slug: str) -> TemplateType.ValueType:
    if slug not in SLUGS:
        abort(404)
    return SLUGS[slug]


def _form_of(template: Template, base_version: int) -> TemplateForm:
    areas = template.areas
    return TemplateForm(
        formdata=None,
        subject=areas.subject,
        title=areas.title,
        header=areas.header,
        footer=areas.footer,
        base_version=base_version,
    )


def _page(
    slug: str,
    form: TemplateForm,
    *,
    status: int = 200,
    problems: list[str] | None = None,
    preview: RenderedMail | None = None,
    newer: Template | None = None,
) -> ResponseReturnValue:
    type_ = _type(slug)
    versions = clients().mailer.ListTemplateVersions(ListTemplateVersionsRequest(type=type_)).versions
    content = render_template(
        "client_emails/template.html",
        slug=slug,
        name=words.template_type(type_),
        meaning=MEANINGS[slug],
        form=form,
        problems=problems or [],
        preview=preview,
        newer=newer,
        versions=versions,
        tokens=clients().mailer.ListTokens(ListTokensRequest(type=type_)).tokens,
    )
    response = make_response(content, status)
    if preview is not None:
        response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return response


@blueprint.get("/<slug>")
def edit(slug: str) -> ResponseReturnValue:
    """The newest text."""
    newest = clients().mailer.GetTemplate(GetTemplateRequest(type=_type(slug)))
    return _page(slug, _form_of(newest, newest.version))


@blueprint.post("/<slug>")
def save(slug: str) -> ResponseReturnValue:
    """Saves a new version, unless somebody else did meanwhile; nothing typed is ever lost."""
    form = TemplateForm()
    if not form.validate():
        return _page(slug, form, status=400)
    try:
        with refusals():
            saved = clients().mailer.SaveTemplate(
                SaveTemplateRequest(
                    type=_type(slug),
                    areas=form.areas(),
                    base_version=form.base_version.data,
                    saved_by=current_user.email,
                )
            )
    except Invalid as refusal:
        return _page(slug, form, status=400, problems=beside_fields(form, refusal))
    except Conflict:
        return _conflict(slug, form)
    say(f"Version {saved.version} has been saved. Emails are written with it from now on.")
    return redirect(url_for("template_editor.edit", slug=slug), 303)


def _conflict(slug: str, form: TemplateForm) -> ResponseReturnValue:
    newest = clients().mailer.GetTemplate(GetTemplateRequest(type=_type(slug)))
    # A second Save is then a decision, taken with the other text in view.
    form.base_version.data = newest.version
    form.base_version.raw_data = None
    return _page(slug, form, status=409, newer=newest)


@blueprint.post("/<slug>/preview")
def preview(slug: str) -> ResponseReturnValue:
    """The draft as a mail, with the sample data; saves nothing."""
    form = TemplateForm()
    if not form.validate():
        return _page(slug, form, status=400)
    try:
        with refusals():
            rendered = clients().mailer.PreviewTemplate(
                PreviewTemplateRequest(type=_type(slug), areas=form.areas())
            )
    except Invalid as refusal:
        return _page(slug, form, status=400, problems=beside_fields(form, refusal))
    return _page(slug, form, preview=rendered)


@blueprint.get("/<slug>/versions/<int32:version>")
def version(slug: str, version: int) -> str:
    """One version as it was."""
    type_ = _type(slug)
    return render_template(
        "client_emails/version.html",
        slug=slug,
        name=words.template_type(type_),
        template=clients().mailer.GetTemplate(GetTemplateRequest(type=type_, version=version)),
        newest=clients().mailer.GetTemplate(GetTemplateRequest(type=type_)),
    )


@blueprint.post("/<slug>/versions/<int32:version>/restore")
def restore(slug: str, version: int) -> ResponseReturnValue:
    """Saves an older text again, as a new version."""
    form = RestoreForm()
    if not form.validate():
        abort(400)
    type_ = _type(slug)
    older = clients().mailer.GetTemplate(GetTemplateRequest(type=type_, version=version))
    try:
        with refusals():
            saved = clients().mailer.SaveTemplate(
                SaveTemplateRequest(
                    type=type_,
                    areas=older.areas,
                    base_version=form.base_version.data,
                    saved_by=current_user.email,
                )
            )
    except Conflict:
        say("Somebody else has saved this text meanwhile. Look at the versions again, then decide.", "bad")
    else:
        say(f"Version {version} has been saved again as version {saved.version}.")
    return redirect(url_for("template_editor.edit", slug=slug), 303)

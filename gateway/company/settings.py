"""Settings: the company's profile and its calendar."""

import re
from datetime import time
from zoneinfo import available_timezones

from dunlin.mailer.v1.mailer_pb2 import (
    Company,
    GetCompanyRequest,
    ListLanguagesRequest,
    UpdateCompanyRequest,
)
from dunlin.scheduler.v1.scheduler_pb2 import Calendar, UpdateCalendarRequest
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField, StringField, TextAreaField, TimeField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp
from wtforms.widgets import ColorInput

from gateway.client_emails.saving import Question
from gateway.clients import clients
from gateway.company.daily_run import first_run_words, question
from gateway.company.holidays import holiday_places
from gateway.site import company_time
from gateway.site.branding import branding
from gateway.site.errors import beside_fields, refusals
from gateway.site.flashes import say
from gateway.site.settings_form import SettingsForm
from services.shared.errors import Invalid

MOST_LOGO_BYTES = 200 * 1000
PROFILE_FIELDS = (
    "name",
    "address",
    "phone",
    "from_address",
    "reply_to",
    "accent_color",
    "language",
    "pay_links",
)

blueprint = Blueprint("company_settings", __name__, url_prefix="/settings")


class CompanyForm(SettingsForm):
    """The profile. The mailer checks it; only what it could not be asked is checked here."""

    name = StringField("Name", [DataRequired("Enter the company's name."), Length(max=200)])
    address = TextAreaField("Address", [Length(max=500)])
    phone = StringField("Phone", [Length(max=50)])
    from_address = StringField("Emails come from", [DataRequired("Enter an email address.")])
    reply_to = StringField("Reply-to address")
    accent_color = StringField(
        "Accent color",
        [Regexp(r"#[0-9a-fA-F]{6}\Z", message="Enter a color such as #1d4ed8.")],
        widget=ColorInput(),
    )
    language = SelectField("Language of emails")
    pay_links = BooleanField("Emails bear links to Pay Now")
    logo = FileField("Logo")
    without_logo = BooleanField("Remove the logo")


class CalendarForm(SettingsForm):
    """The calendar."""

    time_zone = SelectField("Time zone")
    send_at = TimeField("Emails of the day go out at", [InputRequired("Enter a time such as 09:00.")])
    automatic = BooleanField("Run every day")
    country = SelectField("Holidays and weekends of")
    business_days_only = BooleanField("Automatic emails on business days only")
    quiet_from = TimeField("No automatic email from", [Optional()])
    quiet_until = TimeField("until", [Optional()])
    sandbox = BooleanField("Sandbox mode")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The first of the settings."""
    return redirect(url_for("company_settings.profile"))


def _logo(form: CompanyForm, present: bytes) -> bytes:
    if form.logo.data:
        image: bytes = form.logo.data.read(MOST_LOGO_BYTES + 1)
        if len(image) > MOST_LOGO_BYTES or not re.match(rb"\x89PNG|\xff\xd8\xff", image):
            form.logo.errors = ["Choose a PNG or JPEG image of at most 200 kB."]
        return image
    return b"" if form.without_logo.data else present


@blueprint.route("/company", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """What mails and Pay Now say about the company."""
    company = clients().mailer.GetCompany(GetCompanyRequest())
    form = CompanyForm(data={name: getattr(company, name) for name in PROFILE_FIELDS})
    languages = clients().mailer.ListLanguages(ListLanguagesRequest()).languages
    form.language.choices = [SelectChoice(one.tag, one.name) for one in languages]
    problems: list[str] = []
    if form.may_save():
        logo = _logo(form, company.logo)
        if not form.errors:
            try:
                with refusals():
                    _save_profile(form, logo)
            except Invalid as refusal:
                problems = beside_fields(form, refusal)
            else:
                say("The company has been saved. The next email and the next Pay Now page show it.")
                return redirect(url_for("company_settings.profile"), 303)
    if form.overwritten and form.logo.data:
        form.logo.errors = ["Choose the image again: a browser keeps what was typed, but no files."]
    page = render_template("company/company.html", form=form, problems=problems, has_logo=bool(company.logo))
    return page, form.status(problems)


def _save_profile(form: CompanyForm, logo: bytes) -> None:
    new = Company(
        name=form.name.data.strip(),
        address=(form.address.data or "").replace("\r\n", "\n").strip(),
        phone=(form.phone.data or "").strip(),
        reply_to=(form.reply_to.data or "").strip(),
        from_address=form.from_address.data.strip(),
        accent_color=form.accent_color.data.lower(),
        logo=logo,
        language=form.language.data,
        pay_links=form.pay_links.data,
    )
    branding().replace(clients().mailer.UpdateCompany(UpdateCompanyRequest(company=new)))


def _zones(present: str) -> list[str]:
    # Names such as EST5EDT or Etc/GMT+5 are aliases that nobody looks for; the one in use always shows.
    return sorted({name for name in available_timezones() if _is_place(name)} | {"UTC", present or "UTC"})


def _is_place(name: str) -> bool:
    area, _, place = name.partition("/")
    return bool(place) and area not in {"Etc", "SystemV", "US", "posix", "right"}


def _time(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _hour(at: time | None) -> str:
    return at.strftime("%H:%M") if at else ""


@blueprint.route("/calendar", methods=["GET", "POST"])
def calendar() -> ResponseReturnValue:
    """What "today" is, and when notices go; turning the daily run on says first what it would send."""
    present = company_time.calendar()
    form = CalendarForm(
        time_zone=present.time_zone,
        send_at=_time(present.send_at),
        automatic=present.automatic,
        sandbox=present.sandbox,
        country=present.country,
        business_days_only=present.business_days_only,
        quiet_from=_time(present.quiet_from),
        quiet_until=_time(present.quiet_until),
    )
    form.time_zone.choices = _zones(present.time_zone)
    form.country.choices = holiday_places(present.country)
    problems: list[str] = []
    asked: Question | None = None
    if form.may_save():
        typed = _typed_calendar(form)
        try:
            with refusals():
                asked = question(present, typed, company_time.now())
                if asked is None or request.form.get("do") == asked.answer:
                    clients().scheduler.UpdateCalendar(UpdateCalendarRequest(calendar=typed))
                    company_time.forget_calendar()
                    _say_saved(present, typed)
                    return redirect(url_for("company_settings.calendar"), 303)
        except Invalid as refusal:
            problems = beside_fields(form, refusal)
    page = render_template(
        "company/calendar.html", form=form, problems=problems, calendar=present, asked=asked
    )
    return page, form.status(problems)


def _say_saved(present: Calendar, typed: Calendar) -> None:
    first = ""
    if typed.automatic and not present.automatic:
        words = first_run_words(present, typed, company_time.now())
        first = f" The daily run is on; the first one is {words}."
    say(f"The calendar has been saved.{first}")


def _typed_calendar(form: CalendarForm) -> Calendar:
    return Calendar(
        time_zone=form.time_zone.data,
        send_at=_hour(form.send_at.data),
        automatic=form.automatic.data,
        sandbox=form.sandbox.data,
        country=form.country.data,
        business_days_only=form.business_days_only.data,
        quiet_from=_hour(form.quiet_from.data),
        quiet_until=_hour(form.quiet_until.data),
    )

"""Invoice due notices: the rules, and running them now, which leaves all other types alone."""

from datetime import UTC, datetime, time

from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_DUE_NOTICE
from dunlin.scheduler.v1.scheduler_pb2 import (
    AddRuleRequest,
    GetForecastRequest,
    ListExclusionsRequest,
    ListRulesRequest,
    RemoveRuleRequest,
    RunTickRequest,
    TickProgress,
)
from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp
from wtforms import BooleanField, DateField, IntegerField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from gateway.client_emails.due_preview import Preview, preview, why_nothing, why_nothing_went
from gateway.client_emails.due_preview import run as run_to_end
from gateway.clients import clients
from gateway.site import company_time, jobs, words
from gateway.site.errors import beside_fields, refusals
from gateway.site.flashes import say
from gateway.site.formats import clock_time
from services.shared.errors import Conflict, Invalid, Missing
from services.shared.wire import timestamp

KIND = "due-notices"

blueprint = Blueprint("due_notices", __name__, url_prefix="/client-emails/due-notices")


class RuleForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A rule to add. It is off unless it was removed a moment ago while it was on."""

    threshold_days = IntegerField(
        "Days", [InputRequired("Enter a number of days."), NumberRange(1, 3650, "Enter 1 to 3650 days.")]
    )
    direction = SelectField(
        "When", choices=[SelectChoice("after", "days past due"), SelectChoice("before", "days before due")]
    )
    enabled = BooleanField()


class RunForm(FlaskForm):  # type: ignore[misc]
    """A run, in sandbox mode for any day."""

    as_of = DateField("Pretend that today is", [Optional()])


def next_run() -> str:
    """When the rules are applied next, to go into a sentence."""
    forecast = clients().scheduler.GetForecast(GetForecastRequest(days=1))
    if forecast.HasField("next_tick_at"):
        return f"at the next run, {clock_time(forecast.next_tick_at)}"
    calendar = company_time.calendar()
    if calendar.automatic and calendar.clock_set:
        return "when you run the due notices for today, since the daily run rests"
    return "when you run the due notices, since the daily run is off"


def next_day_run() -> str:
    """The same for the types that running the due notices by hand leaves alone."""
    calendar = company_time.calendar()
    if not calendar.automatic:
        return "once the daily run is on"
    if calendar.clock_set:
        return "once the daily run goes on, which rests until you run the due notices for today"
    return next_run()


def effect(threshold: int) -> str:
    """What a rule does, to go into a sentence."""
    if threshold < 0:
        return f"goes out for an open invoice from {words.count(-threshold, 'day')} before its due date"
    return f"goes out once an invoice is {words.count(threshold, 'day')} past due"


def _page(form: RuleForm, problems: list[str], status: int = 200) -> ResponseReturnValue:
    rules = clients().scheduler.ListRules(ListRulesRequest()).rules
    exclusions = clients().scheduler.ListExclusions(
        ListExclusionsRequest(type=NOTICE_TYPE_DUE_NOTICE, page_size=1)
    )
    return (
        render_template(
            "client_emails/due_notices.html",
            rules=rules,
            excluded=exclusions.total,
            form=form,
            problems=problems,
            effect=effect,
            calendar=company_time.calendar(),
            forecast=clients().scheduler.GetForecast(GetForecastRequest(days=1)),
        ),
        status,
    )


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The rules, the earliest first."""
    return _page(RuleForm(), [])


@blueprint.post("/rules")
def add() -> ResponseReturnValue:
    """Adds a rule and leads to turning it on; what is wrong stands beside the field."""
    form = RuleForm()
    if not form.validate():
        return _page(form, [], 400)
    threshold = form.threshold_days.data * (-1 if form.direction.data == "before" else 1)
    try:
        with refusals():
            rule = clients().scheduler.AddRule(
                AddRuleRequest(threshold_days=threshold, enabled=form.enabled.data)
            )
    except Invalid as refusal:
        return _page(form, beside_fields(form, refusal), 400)
    except Conflict:
        form.threshold_days.errors = [f"There is a rule for {words.threshold(threshold)} already."]
        return _page(form, [], 409)
    name = words.threshold(threshold)
    if rule.enabled:
        say(f"The notice for {name} has been added and is on. It {effect(threshold)}, first {next_run()}.")
        return redirect(url_for("due_notices.index"), 303)
    say(f"The notice for {name} has been added. It is off until you turn it on.")
    return redirect(url_for("email_switches.ask_rule", threshold=threshold), 303)


@blueprint.post("/rules/<int32(signed=True):threshold>/remove")
def remove(threshold: int) -> ResponseReturnValue:
    """Removes a rule; the next page offers to add it again."""
    try:
        with refusals():
            rule = clients().scheduler.RemoveRule(RemoveRuleRequest(threshold_days=threshold))
    except Missing:
        say("This rule had been removed before.", "note")
        return redirect(url_for("due_notices.index"), 303)
    fields = {
        "threshold_days": str(abs(threshold)),
        "direction": "before" if threshold < 0 else "after",
        **({"enabled": "y"} if rule.enabled else {}),
    }
    say(
        f"The notice for {words.threshold(threshold)} has been removed.",
        undo="Add it again",
        url=url_for("due_notices.add"),
        fields=fields,
    )
    return redirect(url_for("due_notices.index"), 303)


def _run_form(given: RunForm) -> RunForm:
    """The form without a day outside sandbox mode, where the clock cannot be set."""
    if not company_time.calendar().sandbox:
        given.as_of.data = given.as_of.raw_data = None
    return given


def _as_of(form: RunForm) -> Timestamp | None:
    """The hour of the daily run on the day that was asked for."""
    if not form.as_of.data:
        return None
    calendar = company_time.calendar()
    at = time.fromisoformat(calendar.send_at)
    local = datetime.combine(form.as_of.data, at, tzinfo=company_time.zone_named(calendar.time_zone))
    return timestamp(local.astimezone(UTC))


def _order(form: RunForm, *, dry_run: bool) -> RunTickRequest:
    return RunTickRequest(as_of=_as_of(form), dry_run=dry_run, only_due_notices=True)


def _why_nothing(progress: TickProgress | None) -> str:
    """Why a run would queue no email, in a sentence; empty if it does, or if that is not known."""
    if progress is None or progress.counts.queued:
        return ""
    rules = clients().scheduler.ListRules(ListRulesRequest()).rules
    return why_nothing(progress.counts, any_rule_on=any(rule.enabled for rule in rules))


def _day(form: RunForm) -> str:
    """The day that was asked for; empty for today."""
    return form.as_of.data.isoformat() if form.as_of.data else ""


def _under_way() -> ResponseReturnValue | None:
    """The page of the run that is under way; another one would only wait for it."""
    newest = jobs.job_log(KIND).newest(1)
    if newest and newest[0].state == jobs.RUNNING:
        return redirect(url_for("due_notices.show_run", job_id=newest[0].job_id), 303)
    return None


@blueprint.get("/run")
def run() -> ResponseReturnValue:
    """What a run of the due notices would do now, or on a day in sandbox mode; changes nothing."""
    if under_way := _under_way():
        return under_way
    form = _run_form(RunForm(request.args, meta={"csrf": False}))
    is_valid = form.validate()
    found = Preview()
    if is_valid:
        order = _order(form, dry_run=True)
        with refusals():
            found = preview(clients().scheduler, order, _day(form), again="again" in request.args)
    page = render_template(
        "client_emails/run.html",
        form=form,
        preview=found,
        why_nothing=_why_nothing(found.progress),
        calendar=company_time.calendar(),
    )
    response = make_response(page, 200 if is_valid else 400)
    if found.is_under_way:
        response.headers["Refresh"] = f"1; url={url_for('due_notices.run', as_of=_day(form) or None)}"
    return response


@blueprint.post("/run")
def run_now() -> ResponseReturnValue:
    """Begins a run and leads to its page."""
    if under_way := _under_way():
        return under_way
    form = _run_form(RunForm())
    if not form.validate():
        return redirect(url_for("due_notices.run"), 303)
    stub, order = clients().scheduler, _order(form, dry_run=False)
    job_id = jobs.start(
        KIND, _day(form), 0, lambda told: run_to_end(stub, order, told), "The scheduler did not finish it."
    )
    return redirect(url_for("due_notices.show_run", job_id=job_id), 303)


@blueprint.get("/runs/<job_id>")
def show_run(job_id: str) -> ResponseReturnValue:
    """What came of a run; while it runs, how far it has come."""
    found = jobs.job_log(KIND).find(job_id)
    if found is None:
        abort(404)
    progress = ParseDict(found.outcome, TickProgress()) if found.state == jobs.DONE else None
    page = render_template(
        "client_emails/run_report.html",
        found=found,
        progress=progress,
        why_nothing=why_nothing_went(progress.counts) if progress else "",
        calendar=company_time.calendar(),
    )
    return jobs.page_of(found, page)

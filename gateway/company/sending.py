"""Settings: the stop switch for all mails, and the limits that hold them back."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast
from zoneinfo import available_timezones

import grpc
from dunlin.mailer.v1.sending_pb2 import GetSendingRequest, Sending, SetStoppedRequest, UpdateSendingRequest
from dunlin.mailer.v1.sending_pb2_grpc import SendingServiceStub
from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from wtforms import IntegerField
from wtforms.validators import InputRequired, NumberRange

from gateway.clients import clients
from gateway.site import company_time
from gateway.site.errors import beside_fields, refusals
from gateway.site.flashes import say
from gateway.site.settings_form import SettingsForm
from services.shared.errors import Invalid

blueprint = Blueprint("sending_settings", __name__, url_prefix="/settings/sending")

EXTENSION = "dunlin_stop_switch"
FRESH_SECONDS = 5.0
MOST_A_DAY, MOST_A_MINUTE = 10_000_000, 100_000


class LimitsForm(SettingsForm):
    """The limits."""

    daily_cap = IntegerField(
        "At most so many emails a day",
        [
            InputRequired("Enter a number; 0 means no limit."),
            NumberRange(0, MOST_A_DAY, f"Enter a number from 0 to {MOST_A_DAY:,}."),
        ],
    )
    domain_per_minute = IntegerField(
        "At most so many emails a minute to one mail domain",
        [
            InputRequired("Enter a number; 0 means no limit."),
            NumberRange(0, MOST_A_MINUTE, f"Enter a number from 0 to {MOST_A_MINUTE:,}."),
        ],
    )


class StopSwitch:
    """How sending stands, at most `FRESH_SECONDS` old while the mailer answers, else as it was last known.

    Each page says so if it is stopped, and the mailer counts the day's mails for each answer.
    """

    def __init__(self, stub: SendingServiceStub, clock: Callable[[], float] = time.monotonic) -> None:
        self._stub = stub
        self._clock = clock
        self._lock = threading.Lock()
        self._known = Sending()
        self._asked_at: float | None = None

    def newest(self) -> Sending:
        """What is known; never raises."""
        with self._lock:
            if self._asked_at is None or self._clock() - self._asked_at > FRESH_SECONDS:
                # A page with the banner of a moment ago is better than none.
                with suppress(grpc.RpcError):
                    self._known = self._stub.GetSending(
                        GetSendingRequest(), timeout=company_time.PATIENCE_SECONDS
                    )
                self._asked_at = self._clock()
            return self._known

    def note(self, sending: Sending) -> Sending:
        """Takes in what the mailer has just said, and returns it."""
        with self._lock:
            self._known, self._asked_at = sending, self._clock()
        return sending


def _switch() -> StopSwitch:
    """That of this application, made for its first page."""
    found = current_app.extensions.setdefault(EXTENSION, StopSwitch(clients().sending))
    return cast(StopSwitch, found)


def stopped() -> Sending | None:
    """How sending stands if it is stopped, for the banner of every page; some seconds old at most."""
    found = _switch().newest()
    return found if found.stopped else None


@blueprint.route("", methods=["GET", "POST"])
def index() -> ResponseReturnValue:
    """How sending stands, and its limits. A day is one of the company's time zone."""
    present = _switch().note(clients().sending.GetSending(GetSendingRequest()))
    form = LimitsForm(daily_cap=present.daily_cap, domain_per_minute=present.domain_per_minute)
    problems: list[str] = []
    if form.may_save():
        zone = company_time.calendar().time_zone
        limits = Sending(
            daily_cap=form.daily_cap.data,
            domain_per_minute=form.domain_per_minute.data,
            time_zone=zone if zone in available_timezones() else "UTC",
        )
        try:
            with refusals():
                clients().sending.UpdateSending(UpdateSendingRequest(sending=limits))
        except Invalid as refusal:
            problems = beside_fields(form, refusal)
        else:
            say("The limits have been saved. They hold from the next email on.")
            return redirect(url_for("sending_settings.index"), 303)
    page = render_template(
        "company/sending.html", sending=present, form=form, problems=problems, now=datetime.now(UTC)
    )
    return page, form.status(problems)


@blueprint.post("/stop")
def stop() -> ResponseReturnValue:
    """Stops everything, or goes on; both can be taken back at once from the next page."""
    stops = request.form.get("stopped") == "yes"
    order = SetStoppedRequest(stopped=stops, stopped_by=current_user.email)
    found = _switch().note(clients().sending.SetStopped(order))
    if stops:
        say("All sending is stopped. Emails that become due wait; nothing is lost.", "note")
    else:
        waiting = f" {found.waiting:,} that waited leave now." if found.waiting else ""
        say(f"Sending goes on.{waiting}")
    return redirect(url_for("sending_settings.index"), 303)

"""How many organizations a kind of mail would reach: counted beside the page, which does not wait for it.

A count of large books takes seconds. Only `AT_ONCE` are made at a time, and each has only so long, so that
whoever else wants a page gets it meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

import grpc
from dunlin.scheduler.v1.emails_pb2 import CountEmailsRequest, EmailCount, EmailType, ListEmailTypesRequest
from dunlin.scheduler.v1.scheduler_pb2 import Forecast, GetForecastRequest
from flask import Blueprint, Response
from flask_login import current_user

from gateway.client_emails.coming import coming_words
from gateway.client_emails.kinds import KINDS, SWITCHED, EmailKind, one_of
from gateway.client_emails.wording import at_words, left_out_words, next_words
from gateway.clients import clients
from gateway.site import company_time
from gateway.site.errors import refusals
from gateway.site.security import limiter
from gateway.site.words import count as counted
from services.shared.errors import Busy, Invalid, Refusal

PATIENCE_SECONDS = 5
"""How long a count may take."""
AT_ONCE = 2
"""Of the few threads that serve pages, so many may wait for counts."""
COUNTS = "120 per minute"
"""What one staff member may ask for; pages ask for one after the other."""

UNCOUNTED = "It cannot be counted at this moment; reload the page in a few seconds."

blueprint = Blueprint("email_counts", __name__, url_prefix="/client-emails/counts")

_free = BoundedSemaphore(AT_ONCE)


def by_staff_member() -> str:
    """Whom limits of counts count: an office shares one address."""
    return f"counts of {current_user.staff_id}"


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Takes a place among the counts under way. Raises `Busy` if none is free."""
    if not _free.acquire(blocking=False):
        raise Busy("Other counts are under way.")
    try:
        yield
    finally:
        _free.release()


def settings_of(kind: EmailKind) -> EmailType:
    """The kind's saved settings. Raises `grpc.RpcError`."""
    found = clients().emails.ListEmailTypes(ListEmailTypesRequest()).email_types
    return next((one for one in found if one.type == kind.type), EmailType(type=kind.type))


def count(settings: EmailType, threshold_days: int = 0) -> EmailCount | None:
    """What these settings would bring; None if it cannot be counted now. `Invalid` for settings that are."""
    order = CountEmailsRequest(email_type=settings, threshold_days=threshold_days)
    try:
        with _one_of_few(), refusals():
            return clients().emails.CountEmails(order, timeout=PATIENCE_SECONDS)
    except Invalid:
        raise
    except (Refusal, grpc.RpcError):
        return None


def _line(text: str) -> Response:
    """A line as a script puts it into a page, where it is text and no HTML."""
    return Response(text, mimetype="text/plain")


@blueprint.get(f"/{one_of(SWITCHED)}")
@limiter.limit(COUNTS, key_func=by_staff_member)
def of_kind(slug: str) -> Response:
    """One line for the list of kinds: what the next time brings."""
    settings = settings_of(KINDS[slug])
    found = count(settings)
    return _line(f"{next_words(settings, found)} {left_out_words(found)}".strip() if found else UNCOUNTED)


@blueprint.get(f"/{one_of(SWITCHED)}/next-run")
@limiter.limit(COUNTS, key_func=by_staff_member)
def of_next_run(slug: str) -> Response:
    """One line for the dashboard: what the next run sends of a kind that is on."""
    settings = settings_of(KINDS[slug])
    found = count(settings)
    return _line(coming_words(settings, found) if found else UNCOUNTED)


@blueprint.get("/due-notices")
@limiter.limit(COUNTS, key_func=by_staff_member)
def of_due_notices() -> Response:
    """The same for all due notice rules together, by the forecast that the dashboard shows too."""
    try:
        with _one_of_few():
            forecast = clients().scheduler.GetForecast(GetForecastRequest(days=1), timeout=PATIENCE_SECONDS)
    except (Busy, grpc.RpcError):
        return _line(UNCOUNTED)
    return _line(_due_words(forecast))


def _due_words(forecast: Forecast) -> str:
    if not forecast.HasField("counted_at"):
        return "The books are large and are being counted; reload the page in a minute."
    emails = counted(forecast.catch_up, "email") if forecast.catch_up else "No email"
    if forecast.HasField("next_tick_at"):
        return f"{emails} will go out on {at_words(forecast.next_tick_at)}, as the books stand."
    state = "rests" if company_time.calendar().automatic else "is off"
    return f"The daily run {state}. {emails} would go out if you ran the notices now."

"""Turning the daily run on: what its first run would send, type by type, is asked before it is done."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

import grpc
from dunlin.scheduler.v1.emails_pb2 import EmailCount, EmailType
from dunlin.scheduler.v1.scheduler_pb2 import Calendar, GetForecastRequest

from gateway.client_emails.coming import kinds_on
from gateway.client_emails.counts import PATIENCE_SECONDS, count
from gateway.client_emails.kinds import EmailKind
from gateway.client_emails.saving import Question, answer_for
from gateway.client_emails.wording import INVOICE, SUMMARY, day_words, hour_words, listed
from gateway.clients import clients
from gateway.site import company_time
from gateway.site.words import count as counted
from gateway.site.words import sentence

NOUNS = {
    "account-summary": ("account summary", "account summaries"),
    "upcoming-payments": ("email about upcoming payments", "emails about upcoming payments"),
    "method-expiration": ("email about expiring cards", "emails about expiring cards"),
    "due-notices": ("due notice", "due notices"),
}


class Coming(NamedTuple):
    """How many mails of a kind, by its slug; None where it cannot be counted."""

    slug: str
    mails: int | None
    at_least: bool = False


def question(saved: Calendar, typed: Calendar) -> Question | None:
    """What is to be asked before the daily run is turned on; None where it is not, or would send nothing."""
    if saved.automatic or not typed.automatic:
        return None
    found = [_due_notices(), *(_of(*one, typed) for one in kinds_on() if one[1].type != INVOICE)]
    known = [(one, one.mails) for one in found if one.mails]
    uncounted = [NOUNS[one.slug][1] for one in found if one.mails is None]
    if not known and not uncounted:
        return None
    when = f"at the first run, {first_run_words(saved, typed)}"
    said = ""
    if known:
        each = [counted(mails, *NOUNS[one.slug], at_least=one.at_least) for one, mails in known]
        said = sentence(f"{listed(each)} would go out {when}, as the books stand.")
    if uncounted:
        said += f" How many {listed(uncounted)} would go out {'then' if said else when} cannot be told now."
        return Question(said.strip(), "Turn it on all the same", answer_for(typed))
    at_least = any(one.at_least for one in found)
    mails = counted(sum(number for _, number in known), "email", at_least=at_least)
    return Question(said, f"Save, and send {mails} at the first run", answer_for(typed))


def first_run_words(saved: Calendar, typed: Calendar) -> str:
    """When the first run takes place once `typed` is saved in the place of `saved`."""
    if saved.clock_set and typed.sandbox:
        return "once you have run the due notices for today, since the newest run was for another day"
    at = first_run(typed, datetime.now(UTC))
    words = f"{day_words(at.date())} at {hour_words(typed.send_at)}"
    return f"{words}, or on the first business day from then" if typed.business_days_only else words


def first_run(calendar: Calendar, now: datetime) -> datetime:
    """The next send time in the calendar's own zone, whatever day that is."""
    zone = company_time.zone_named(calendar.time_zone)
    today, at = now.astimezone(zone).date(), time.fromisoformat(calendar.send_at)
    coming = datetime.combine(today, at, tzinfo=zone)
    return coming if coming > now else datetime.combine(today + timedelta(days=1), at, tzinfo=zone)


def _due_notices() -> Coming:
    """As the forecast has it, which is that of a run at this moment while none takes place by itself."""
    try:
        forecast = clients().scheduler.GetForecast(GetForecastRequest(days=1), timeout=PATIENCE_SECONDS)
    except grpc.RpcError:
        return Coming("due-notices", None)
    return Coming("due-notices", forecast.catch_up if forecast.HasField("counted_at") else None)


def _of(kind: EmailKind, settings: EmailType, calendar: Calendar) -> Coming:
    found = count(settings)
    if found is None:
        return Coming(kind.slug, None)
    mails = found.at_next_run
    if settings.type == SUMMARY and not mails and _is_due_on_first_run(found, calendar):
        mails = found.organizations
    return Coming(kind.slug, mails if mails or not found.at_least else None, found.at_least)


def _is_due_on_first_run(found: EmailCount, calendar: Calendar) -> bool:
    """Whether the summary's day is that of the first run, of which a count for now knows nothing."""
    return first_run(calendar, datetime.now(UTC)).date().isoformat() in found.next_dates

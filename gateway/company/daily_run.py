"""Turning the daily run on: what its first run would send, type by type, is asked before it is done."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import NamedTuple

import grpc
from dunlin.scheduler.v1.emails_pb2 import EmailType
from dunlin.scheduler.v1.scheduler_pb2 import Calendar, GetForecastRequest, ListRulesRequest

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
    about: bool = False

    @property
    def words(self) -> str:
        """Such as "3 due notices"."""
        counted_so = counted(self.mails or 0, *NOUNS[self.slug], at_least=self.at_least)
        return f"about {counted_so}" if self.about else counted_so


def question(saved: Calendar, typed: Calendar, now: datetime) -> Question | None:
    """What is to be asked before the daily run is turned on.

    None where it is not, where nothing is on that it would send, or where it runs on the day that it is now
    and nothing is due.
    """
    if saved.automatic or not typed.automatic:
        return None
    found = list(_coming(saved, typed, now))
    known = [one for one in found if one.mails]
    uncounted = [NOUNS[one.slug][1] for one in found if one.mails is None]
    is_later = _may_be_later(saved, typed, now)
    if not found or not (known or uncounted or is_later):
        return None
    when = f"at the first run, {first_run_words(saved, typed, now)}"
    said = ""
    if known or not uncounted:
        each = listed([one.words for one in known]) if known else "no email"
        said = sentence(f"{each} would go out {when}, as the books stand.")
    if said and is_later:
        said += f" {'More' if known else 'Some'} may become due until then."
    if uncounted:
        said += f" How many {listed(uncounted)} would go out {'then' if said else when} cannot be told now."
    if uncounted or not known:
        return Question(said.strip(), "Turn it on all the same", answer_for(typed))
    at_least = any(one.at_least for one in found)
    mails = counted(sum(one.mails or 0 for one in known), "email", at_least=at_least)
    so = "about " if is_later and not at_least else ""
    return Question(said, f"Save, and send {so}{mails} at the first run", answer_for(typed))


def first_run_words(saved: Calendar, typed: Calendar, now: datetime) -> str:
    """When the first run takes place once `typed` is saved in the place of `saved`."""
    if _rests(saved, typed):
        return "once you have run the due notices for today, since the newest run was for another day"
    at = first_run(typed, now)
    words = f"{day_words(at.date())} at {hour_words(typed.send_at)}"
    return f"{words}, or on the first business day from then" if typed.business_days_only else words


def first_run(calendar: Calendar, now: datetime) -> datetime:
    """The next send time in the calendar's own zone, whatever day that is."""
    zone = company_time.zone_named(calendar.time_zone)
    today, at = now.astimezone(zone).date(), time.fromisoformat(calendar.send_at)
    coming = datetime.combine(today, at, tzinfo=zone)
    return coming if coming > now else datetime.combine(today + timedelta(days=1), at, tzinfo=zone)


def _rests(saved: Calendar, typed: Calendar) -> bool:
    return saved.clock_set and typed.sandbox


def _may_be_later(saved: Calendar, typed: Calendar, now: datetime) -> bool:
    """Whether the first run may be on another day than a count for now is about."""
    on = first_run(typed, now).date().isoformat()
    return on != saved.today or typed.business_days_only or _rests(saved, typed)


def _coming(saved: Calendar, typed: Calendar, now: datetime) -> Iterator[Coming]:
    """Of each kind that is on, in the order of pages."""
    on = first_run(typed, now).date().isoformat()
    if any(rule.enabled for rule in clients().scheduler.ListRules(ListRulesRequest()).rules):
        yield _due_notices(saved.today, on)
    for kind, settings in kinds_on():
        if settings.type != INVOICE:
            yield _of(kind, settings, on)


def _due_notices(today: str, on: str) -> Coming:
    """As the forecast has it: what a run at this moment would send, and who reaches a rule by that day.

    The two may be about one invoice that has reached a rule and comes to the next one: then it gets one.
    """
    try:
        # In another time zone the day of the first run may be the one after tomorrow.
        forecast = clients().scheduler.GetForecast(GetForecastRequest(days=3), timeout=PATIENCE_SECONDS)
    except grpc.RpcError:
        return Coming("due-notices", None)
    if not forecast.HasField("counted_at"):
        return Coming("due-notices", None)
    reached = sum(line.invoices for line in forecast.lines if today < line.on <= on)
    return Coming("due-notices", forecast.catch_up + reached, about=reached > 0)


def _of(kind: EmailKind, settings: EmailType, on: str) -> Coming:
    found = count(settings)
    if found is None:
        return Coming(kind.slug, None)
    mails = found.at_next_run
    # Of a summary whose day is that of the first run a count for now knows nothing.
    if settings.type == SUMMARY and not mails and on in found.next_dates:
        mails = found.organizations
    return Coming(kind.slug, mails if mails or not found.at_least else None, found.at_least)

"""Settings of mails in words: when each goes, to whom, and what that means now and next."""

from collections.abc import Sequence
from datetime import date, time

from babel.dates import format_date, format_time
from dunlin.paynow.v1.accounts_pb2 import Profile
from dunlin.scheduler.v1.campaigns_pb2 import CampaignCount
from dunlin.scheduler.v1.emails_pb2 import ClosedDays, EmailCount, EmailType, OnNewInvoice, SummarySchedule
from dunlin.scheduler.v1.notices_pb2 import NoticeType
from dunlin.scheduler.v1.scheduler_pb2 import Calendar
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.client_emails.kinds import EmailKind
from gateway.site import company_time
from gateway.site.client_profiles import names_by_id
from gateway.site.formats import LOCALE
from gateway.site.words import count, sentence
from services.shared.wire import instant

SUMMARY = NoticeType.NOTICE_TYPE_ACCOUNT_SUMMARY
INVOICE = NoticeType.NOTICE_TYPE_INVOICE
UPCOMING = NoticeType.NOTICE_TYPE_UPCOMING_PAYMENTS
EXPIRATION = NoticeType.NOTICE_TYPE_METHOD_EXPIRATION
DUE = NoticeType.NOTICE_TYPE_DUE_NOTICE

REMOVED_PROFILE = "one that was removed"

_CLOSED_DAYS: dict[int, str] = {
    ClosedDays.CLOSED_DAYS_SEND: "also on weekends and holidays",
    ClosedDays.CLOSED_DAYS_SKIP: "not in a month where that is a weekend or holiday",
    ClosedDays.CLOSED_DAYS_BEFORE: "or the last business day before",
    ClosedDays.CLOSED_DAYS_AFTER: "or the next business day",
}


def day_words(value: str | date) -> str:
    """A local date with its weekday: "Monday, November 30", with the year if it is another than now."""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    calendar = company_time.calendar_or_none()
    is_this_year = calendar is not None and calendar.today[:4] == str(on.year)
    return format_date(on, "EEEE, MMMM d" if is_this_year else "EEEE, MMMM d, y", locale=LOCALE)


def at_words(value: Timestamp) -> str:
    """An instant in the company's zone: "Monday, November 30 at 9:00 AM"."""
    local = instant(value).astimezone(company_time.zone())
    return f"{day_words(local.date())} at {format_time(local.time(), 'h:mm a', locale=LOCALE)}"


def hour_words(send_at: str) -> str:
    """The hour of the daily run: "9:00 AM"; empty for none."""
    return format_time(time.fromisoformat(send_at), "h:mm a", locale=LOCALE) if send_at else ""


def closed_days_words(schedule: SummarySchedule, calendar: Calendar) -> str:
    """What becomes of a summary on a weekend or holiday.

    Follows the calendar where nothing is chosen, and where nothing goes on such days whatever is chosen.
    """
    chosen = schedule.closed_days
    if chosen in (ClosedDays.CLOSED_DAYS_UNSPECIFIED, ClosedDays.CLOSED_DAYS_SEND):
        chosen = ClosedDays.CLOSED_DAYS_AFTER if calendar.business_days_only else ClosedDays.CLOSED_DAYS_SEND
    return _CLOSED_DAYS[chosen]


def schedule_words(settings: EmailType, calendar: Calendar) -> str:
    """When a mail goes."""
    hour = hour_words(calendar.send_at)
    if settings.type == SUMMARY:
        return _summary_words(settings, calendar, hour)
    if settings.type == INVOICE:
        return "When a new invoice comes in, or when you send it" if settings.enabled else "When you send it"
    if settings.type == UPCOMING:
        return f"{count(settings.days_before, 'day')} before a payment, at {hour}"
    if settings.type == EXPIRATION:
        return f"A month before a card expires, then weekly once it has, at {hour}"
    return f"Each day at {hour}, by the rules that are on" if settings.type == DUE else ""


def _summary_words(settings: EmailType, calendar: Calendar, hour: str) -> str:
    schedule = settings.schedule
    day = schedule.WhichOneof("day")
    if day == "day_of_month":
        when = f"Day {schedule.day_of_month} of each month at {hour}"
    elif day == "last_day":
        when = f"The last day of each month at {hour}"
    else:
        when = "When you send it"
    if day in ("day_of_month", "last_day"):
        when += f", {closed_days_words(schedule, calendar)}"
    if settings.on_new_invoice == OnNewInvoice.ON_NEW_INVOICE_SUMMARY:
        when += "; also when new invoices come in"
    elif settings.on_new_invoice == OnNewInvoice.ON_NEW_INVOICE_INVOICES:
        when += "; new invoices are told one by one"
    return when


def recipients_words(kind: EmailKind, settings: EmailType, profiles: Sequence[Profile] | None) -> str:
    """To whom a mail goes; `profiles` are all client profiles, None where they cannot be told."""
    if kind.slug == "welcome":
        return "The contacts you choose"
    if kind.slug == "password-reset":
        return "The contact who asks, or whom you choose"
    if settings.profile_ids:
        if profiles is None:
            return "Contacts with the client profiles chosen"
        known = names_by_id(profiles)
        names = [known.get(one, REMOVED_PROFILE) for one in settings.profile_ids]
        return f"Contacts with the client profile {listed(names, 'or')}"
    if settings.type == EXPIRATION:
        return "Default contacts, of inactive organizations too"
    return "Default contacts"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Names in a row: "A, B and C"."""
    return f" {joint} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


NEWS = {
    OnNewInvoice.ON_NEW_INVOICE_SUMMARY: "Each import with new invoices sends their organizations a summary.",
    OnNewInvoice.ON_NEW_INVOICE_INVOICES: "Each import with new invoices sends one email for each.",
}
"""What new invoices bring while the account summary is on."""


def next_words(settings: EmailType, found: EmailCount) -> str:
    """What the next time of a type brings, as the books stand."""
    who = count(found.organizations, "organization", at_least=found.at_least)
    if not found.HasField("next_at"):
        if settings.type == SUMMARY and settings.on_new_invoice in NEWS:
            return f"Goes on no day of the month. “Send now” would reach {who}."
        if settings.type == SUMMARY:
            return f"Nothing goes by itself. “Send now” would reach {who}."
        return "Nothing goes by itself while the daily run is off."
    at = at_words(found.next_at)
    if not found.organizations:
        nobody = "Nobody among those looked at" if found.at_least else "Nobody"
        return f"{nobody} would get this on {at}, as the books stand."
    return sentence(f"{who} will get this on {at}.")


def left_out_words(
    found: EmailCount | CampaignCount, noun: str = "organization", why: str = "excluded"
) -> str:
    """Who does not get it: "2 organizations are excluded and 1 has no email address."; empty if nobody.

    `why` completes "are" for those whom settings or the audience leave out.
    """
    left_out = found.excluded if isinstance(found, EmailCount) else found.left_out
    reasons = [
        (left_out, f"is {why}", f"are {why}"),
        (found.paused if isinstance(found, EmailCount) else 0, "is paused then", "are paused then"),
        (found.unreachable, "has no email address", "have no email address"),
        (
            found.suppressed,
            "has only addresses from which emails come back",
            "have only addresses from which emails come back",
        ),
        (found.unsubscribed, "has unsubscribed", "have unsubscribed"),
    ]
    told = [(number, one if number == 1 else many) for number, one, many in reasons if number]
    if not told:
        return ""
    (first, what), *others = told
    parts = [f"{count(first, noun, at_least=found.at_least)} {what}"]
    return sentence(f"{listed([*parts, *(f'{number:,} {what}' for number, what in others)])}.")


def due_now_words(settings: EmailType, found: EmailCount) -> str:
    """What would go at the next run if what is due already were included; empty if that is nothing more."""
    # What comes from now on is among what is due at the next run, but for the one rule of due notices.
    due = found.due_now if settings.type == DUE else found.due_now - found.at_next_run
    if due <= 0:
        return "Nothing is due among those looked at; there are more." if found.at_least else ""
    noun = "more email" if settings.type != DUE and found.at_next_run else "email"
    mails = count(due, noun, at_least=found.at_least)
    if settings.type == EXPIRATION:
        cards = count(due, "card", at_least=found.at_least)
        verb = "has expired or expires" if due == 1 else "have expired or expire"
        what = f"{cards} on file {verb} within a month: {mails}"
    elif settings.type == UPCOMING:
        what = f"Payments of the next {count(settings.days_before, 'day')} call for {mails}, which"
    elif settings.type == DUE:
        invoices = count(due, "invoice", at_least=found.at_least)
        what = f"{invoices} {'has' if due == 1 else 'have'} reached it now: {mails}"
    else:
        what = f"{mails} {'is' if due == 1 else 'are'} due already, which"
    run = f"at the next run, {at_words(found.next_at)}" if found.HasField("next_at") else "at the next run"
    return sentence(f"{what} would go out {run}.")

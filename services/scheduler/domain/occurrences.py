"""Whether something that has happened, or whose day has come, is told; for all mails but due notices."""

from datetime import date, timedelta
from typing import NamedTuple

from services.scheduler.domain.about import About
from services.scheduler.domain.notice import Occurred, State
from services.scheduler.domain.standing import Standing, as_told, by_circumstances, is_for_addresses

WEEK = 7

NO_SEPARATOR = "\x1f"
"""Stands for the separator within an organization's id, which like no id has control characters."""


class Candidate(NamedTuple):
    """Something to tell an organization: which occurrence, why, and whether anybody can be told.

    `barred` is a reason not to tell it though it has occurred.
    """

    organization_id: str
    occurrence: str
    reason: str
    reachable: bool
    time_zone: str = ""
    about: About | None = None
    invoice_id: int = 0
    invoice_number: str = ""
    barred: str = ""


def decide(
    candidate: Candidate,
    known: Occurred | None,
    *,
    excluded: bool,
    paused: bool = False,
    untold: str | None = None,
) -> Standing | None:
    """The decision; None if that which is known stays as it is.

    What was skipped is decided again as long as it is a candidate. `untold` is why nobody can be told, empty
    if somebody can; with None it was not asked, and what was skipped for its addresses stays so (see
    `asks_for_addresses`).
    """
    if known is not None and known.state is not State.SKIPPED:
        return None
    barred = Standing(State.SKIPPED, candidate.barred) if candidate.barred else None
    before = by_circumstances(
        candidate.reason, excluded=excluded, paused=paused, reachable=candidate.reachable, barred=barred
    )
    outcome = as_told(before, known, untold)
    if known is not None and (known.state, known.reason) == outcome:
        return None
    return outcome


def asks_for_addresses(known: Occurred | None, outcome: Standing | None) -> bool:
    """Whether nothing but its addresses keeps a candidate skipped; `outcome` is that of `decide`."""
    return known is not None and outcome is None and is_for_addresses(known)


def _of(organization_id: str, what: str) -> str:
    """A key that begins with the organization.

    No two organizations share one: the first separator ends the id. Behind it may be one more id; then the
    last separators tell where that ends.
    """
    return f"{organization_id.replace('|', NO_SEPARATOR)}|{what}"


def of_summary(organization_id: str, day: date) -> str:
    """The account summary of a day that the schedule names, on whatever date it goes."""
    return _of(organization_id, day.isoformat())


def of_new_invoices(organization_id: str, sync_id: str) -> str:
    """The account summary about new invoices of one sync."""
    return _of(organization_id, f"new:{sync_id}")


def is_of_new_invoices(occurrence: str) -> bool:
    """Whether new invoices had brought the account summary."""
    return occurrence.partition("|")[2].startswith("new:")


def of_new_invoice(invoice_id: int) -> str:
    """The notification of a new invoice."""
    return f"{invoice_id}|new"


def of_request(subject: str | int, request_id: str) -> str:
    """What a person asked for about an organization, an invoice or a contact."""
    return _of(str(subject), f"by hand:{request_id}")


def of_campaign(subject: str | int, campaign_id: str) -> str:
    """What a campaign tells an organization or a contact."""
    return _of(str(subject), f"campaign:{campaign_id}")


def is_of_campaign(occurrence: str) -> bool:
    """Whether a campaign tells it."""
    return occurrence.partition("|")[2].startswith("campaign:")


def of_pay_day(organization_id: str, pays_on: date) -> str:
    """The payments that are made by themselves on a date."""
    return _of(organization_id, pays_on.isoformat())


def of_plan(organization_id: str, scheduled_id: str, revision: int) -> str:
    """One change of a scheduled payment."""
    return _of(organization_id, f"{scheduled_id}|{revision}")


def of_method(organization_id: str, method_id: str, failures: int) -> str:
    """One failure of a method on file."""
    return _of(organization_id, f"{method_id}|{failures}")


class Expiry(NamedTuple):
    """What is to be told of a card on some day: that it expires (no week), or the week since it has.

    `since` is the date from which on it was to be told.
    """

    week: int | None
    since: date


def expiry_of(year: int, month: int, today: date) -> Expiry | None:
    """What is to be told of a card whose last month that is; None more than a month before it expires.

    A card can be used up to the last day of its month. It is told a month before that day, and once it has
    expired in each week from the first day on which it cannot be used.
    """
    expired_on = date(year + month // 12, month % 12 + 1, 1)
    if today >= expired_on:
        week = (today - expired_on).days // WEEK
        return Expiry(week, expired_on + timedelta(days=week * WEEK))
    last = expired_on - timedelta(days=1)
    before = date(last.year - (last.month == 1), last.month - 1 or 12, 1)
    month_before = min(before + timedelta(days=last.day - 1), date(year, month, 1) - timedelta(days=1))
    return Expiry(None, month_before) if today >= month_before else None


def of_card(organization_id: str, method_id: str, year: int, month: int, week: int | None) -> str:
    """A card that expires, or a week in which it has."""
    what = "expiring" if week is None else f"expired:{week}"
    return _of(organization_id, f"{method_id}|{year:04}-{month:02}|{what}")


def says_that_it_expires(occurrence: str) -> bool:
    """Whether an occurrence of a card is that it expires, and not that it has."""
    return occurrence.endswith("|expiring")


def is_of_same_card(one: str, other: str) -> bool:
    """Whether two occurrences are of one card and the same month in which it expires."""
    return one.rpartition("|")[0] == other.rpartition("|")[0]

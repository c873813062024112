"""At which hours and on which days a mail may go: by its type and lane, in each client's own local time."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.notice import Lane, NoticeType
from services.scheduler.domain.reasons import CLOSED_DAY, QUIET_HOURS

NotBefore = Callable[[str], datetime | None]
"""From when on a mail may go to an organization with that time zone; None for at once."""


class Hours(Enum):
    """When mails of a kind go."""

    ANY = auto()
    """People have just asked for them."""

    NOT_QUIET = auto()
    """Outside of quiet hours: staff have chosen the day."""

    BUSINESS = auto()
    """Outside of quiet hours, and on business days only if the calendar says so."""


_BY_ITSELF = frozenset(
    {
        NoticeType.DUE_NOTICE,
        NoticeType.ACCOUNT_SUMMARY,
        NoticeType.INVOICE,
        NoticeType.UPCOMING_PAYMENTS,
        NoticeType.METHOD_EXPIRATION,
    }
)
"""All others answer something that a person has done, or invite one to the portal."""


def hours_of(type: NoticeType, lane: Lane) -> Hours:
    """When a mail goes. Of what goes by itself, too, a person may have asked for one at once."""
    if lane is Lane.AT_ONCE or type not in _BY_ITSELF:
        return Hours.ANY
    return Hours.NOT_QUIET if lane is Lane.BULK else Hours.BUSINESS


class Wait(NamedTuple):
    """A mail that is put off until an instant, and why."""

    until: datetime
    reason: str


def wait(calendar: Calendar, hours: Hours, at: datetime, time_zone: str) -> Wait | None:
    """What a mail to an organization with that time zone has to wait for at an instant; None for nothing."""
    if hours is Hours.ANY:
        return None
    not_quiet = calendar.settings.quiet.over_at(at, calendar.zone_of(time_zone))
    until = not_quiet if hours is Hours.NOT_QUIET else calendar.may_go_at(at, time_zone)
    if until <= at:
        return None
    return Wait(until, QUIET_HOURS if until == not_quiet else CLOSED_DAY)


def not_before(calendar: Calendar, hours: Hours, at: datetime) -> NotBefore:
    """The same for many mails at one instant."""

    @cache
    def until(time_zone: str) -> datetime | None:
        found = wait(calendar, hours, at, time_zone)
        return found.until if found else None

    return until

"""What the company holds mails back by: the stop switch, and so many mails a day and a minute."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.mailer.domain.message import Lane
from services.shared.errors import Invalid, Violation, invalid_field

MOST_A_DAY = 10_000_000
MOST_A_MINUTE = 100_000
LONGEST_NAME = 200


@dataclass(frozen=True)
class Limits:
    """How many mails may leave; 0 means any number."""

    daily_cap: int = 0
    """On one day of `time_zone`, less those at once, which count but are never held back."""
    domain_per_minute: int = 0
    """To recipients of one domain, in each lane."""
    time_zone: str = "UTC"


class CompanyZone(NamedTuple):
    """The company's time zone as the scheduler named it, and which one was in use when it was asked.

    By that an answer is known to be older than a change that another worker has made meanwhile.
    """

    name: str
    instead_of: str


@dataclass(frozen=True)
class Sending:
    """The limits, and who has stopped everything since when; None while it goes on."""

    limits: Limits = Limits()
    stopped_by: str = ""
    stopped_at: datetime | None = None

    @property
    def is_stopped(self) -> bool:
        return self.stopped_at is not None


@dataclass(frozen=True)
class Standing:
    """How sending stands: what has left today, and what waits for the cap, the switch or its domain."""

    sending: Sending
    sent_today: int
    waiting: int


class SendingInvalid(Invalid):
    """Limits that cannot be."""

    reason = "SENDING_INVALID"


def checked_limits(limits: Limits) -> Limits:
    """The limits. `SendingInvalid` names everything that is wrong with them."""
    violations = [
        Violation(f"sending.{field}", "OUT_OF_RANGE", f"Choose a number from 0 (any number) to {most:,}.")
        for field, value, most in (
            ("daily_cap", limits.daily_cap, MOST_A_DAY),
            ("domain_per_minute", limits.domain_per_minute, MOST_A_MINUTE),
        )
        if not 0 <= value <= most
    ]
    if not is_zone(limits.time_zone):
        words = f"There is no time zone {limits.time_zone[:80]!r}; write one such as Europe/Berlin."
        violations.append(Violation("sending.time_zone", "TIME_ZONE_UNKNOWN", words))
    if violations:
        raise SendingInvalid(violations[0].description, violations=violations)
    return limits


def checked_name(field: str, name: str) -> str:
    """Who did something. `Invalid` (EMPTY, TOO_LONG)."""
    name = name.strip()
    if not name:
        raise invalid_field(field, "EMPTY", "It has to be known who does this.")
    if len(name) > LONGEST_NAME or "\0" in name:
        raise invalid_field(field, "TOO_LONG", f"At most {LONGEST_NAME} characters are possible.")
    return name


def today(limits: Limits, now: datetime) -> date:
    """The day in the company's zone."""
    return now.astimezone(ZoneInfo(limits.time_zone)).date()


def beginning(limits: Limits, day: date) -> datetime:
    """When that day begins, in UTC; also where clocks leave out or repeat its midnight."""
    return datetime.combine(day, time.min, ZoneInfo(limits.time_zone)).astimezone(UTC)


def open_lanes(sending: Sending, spent: int) -> Collection[Lane]:
    """The lanes that mails may leave by, after so many of today's."""
    if sending.is_stopped:
        return ()
    return (Lane.AT_ONCE,) if is_capped(sending.limits, spent) else tuple(Lane)


def is_capped(limits: Limits, spent: int) -> bool:
    """Whether the day's cap is used up."""
    return 0 < limits.daily_cap <= spent


def is_zone(name: str) -> bool:
    """Whether there is such a time zone."""
    try:
        return bool(name) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False

"""The company's calendar: what today is for it and its clients, and on which days and hours mails may go."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.scheduler.domain.business_days import BusinessDays, business_days, is_known
from services.scheduler.domain.quiet_hours import NO_QUIET_HOURS, QuietHours
from services.scheduler.domain.wall_time import instant_of, is_time_of_day, zone_named, zones
from services.shared.errors import Invalid, Violation


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """What staff set. Times are local ones as HH:MM, `quiet` hours may be empty.

    `country` is an ISO 3166-1 code, with a part of the country behind a hyphen if it has one; empty means
    none.
    """

    time_zone: str
    send_at: str
    sandbox: bool
    automatic: bool
    country: str = ""
    business_days_only: bool = False
    quiet: QuietHours = NO_QUIET_HOURS


@dataclass(frozen=True, slots=True)
class Calendar:
    """The settings, and from when on they hold.

    `since`: only send times after this instant count, so saving a schedule sends nothing at once.
    `clock_set`: whether the newest run had its clock set; matters in sandbox mode only.
    """

    settings: CalendarSettings
    since: datetime
    clock_set: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return zone_named(self.settings.time_zone)

    @property
    def days(self) -> BusinessDays:
        """The business days of its country."""
        return business_days(self.settings.country, only=self.settings.business_days_only)

    @property
    def rests(self) -> bool:
        """Whether automatic runs rest, wanted or not, because a sandbox has its clock set."""
        return self.settings.sandbox and self.clock_set

    @property
    def runs_by_itself(self) -> bool:
        """Whether automatic runs take place."""
        return self.settings.automatic and not self.rests

    def zone_of(self, time_zone: str) -> ZoneInfo:
        """The zone of an organization: its own, or the company's if that is empty or unknown here."""
        return zone_named(time_zone) if time_zone in zones() else self.zone

    def date_at(self, instant: datetime, time_zone: str = "") -> date:
        """The local date at an instant, of an organization with that time zone, else of the company."""
        return instant.astimezone(self.zone_of(time_zone)).date()

    def send_instant(self, on: date, time_zone: str = "") -> datetime:
        """When the send time comes on a local date of that zone, in UTC."""
        return instant_of(on, self.settings.send_at, self.zone_of(time_zone))

    def takes_place_on(self, on: date) -> bool:
        """Whether there is an automatic run on that date."""
        return not self.settings.business_days_only or self.days.is_open(on)

    def run_date_by(self, on: date) -> date:
        """The last date up to that one on which there is an automatic run."""
        return self.days.at_or_before(on) if self.settings.business_days_only else on

    def may_go_at(self, instant: datetime, time_zone: str = "") -> datetime:
        """The first instant from that one on at which an automatic mail may go to such an organization."""
        zone = self.zone_of(time_zone)
        instant = self.settings.quiet.over_at(instant, zone)
        on = instant.astimezone(zone).date()
        if self.takes_place_on(on):
            return instant
        # The send time is never quiet.
        return self.send_instant(self.days.at_or_after(on), time_zone)


def check_calendar(settings: CalendarSettings) -> None:
    """`Invalid` (CALENDAR_INVALID) that names each field that is wrong."""
    violations = list(_problems(settings))
    if violations:
        message = " ".join(violation.description for violation in violations)
        raise Invalid(message, reason="CALENDAR_INVALID", violations=violations)


def _problems(settings: CalendarSettings) -> Iterator[Violation]:
    if settings.time_zone not in zones():
        description = f"{settings.time_zone[:60]!r} is not an IANA time zone such as America/Chicago."
        yield Violation("calendar.time_zone", "TIME_ZONE_UNKNOWN", description)
    if not is_time_of_day(settings.send_at):
        yield _no_time("send_at", settings.send_at)
    if settings.country and not is_known(settings.country):
        description = (
            f"{settings.country[:20]!r} is not a country code such as US, or US-TX for a part of one."
        )
        yield Violation("calendar.country", "COUNTRY_UNKNOWN", description)
    yield from _quiet_problems(settings)


def _quiet_problems(settings: CalendarSettings) -> Iterator[Violation]:
    quiet = settings.quiet
    if not quiet.start and not quiet.end:
        return
    wrong = [
        _no_time(field, text)
        for field, text in (("quiet_from", quiet.start), ("quiet_until", quiet.end))
        if text and not is_time_of_day(text)
    ]
    yield from wrong
    if wrong:
        return
    if not quiet.start or not quiet.end:
        field = "quiet_until" if quiet.start else "quiet_from"
        words = "Quiet hours need both a beginning and an end; leave both empty for none."
        yield Violation(f"calendar.{field}", "QUIET_HOURS_HALF", words)
    elif quiet.start == quiet.end:
        words = "Quiet hours that end when they begin would never end; leave both empty for none."
        yield Violation("calendar.quiet_until", "QUIET_HOURS_EMPTY", words)
    elif is_time_of_day(settings.send_at) and quiet.hold(settings.send_at):
        words = f"{settings.send_at} lies within the quiet hours; choose a time outside of them."
        yield Violation("calendar.send_at", "SEND_AT_IS_QUIET", words)


def _no_time(field: str, text: str) -> Violation:
    description = f"{text[:20]!r} is not a time of day from 00:00 to 23:59, such as 09:00."
    return Violation(f"calendar.{field}", "TIME_MALFORMED", description)


def revised(old: Calendar, settings: CalendarSettings, *, now: datetime) -> Calendar:
    """The calendar with new settings. A schedule that changed begins with its next send time."""
    new = replace(old, settings=settings, clock_set=old.clock_set and settings.sandbox)
    if _schedule(old) != _schedule(new):
        new = replace(new, since=now)
    return new


def _schedule(calendar: Calendar) -> tuple[object, ...]:
    """What says when runs take place."""
    told = calendar.settings
    days = (told.business_days_only, told.country if told.business_days_only else "")
    return told.time_zone, told.send_at, calendar.runs_by_itself, days

"""Hours in which nobody is to be disturbed, in each client's own local time."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.scheduler.domain.wall_time import instant_of


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` up to but not including `end`, local times as HH:MM; over midnight if `end` is not later.

    Both are empty where there are none.
    """

    start: str = ""
    end: str = ""

    def hold(self, time_of_day: str) -> bool:
        """Whether that local time is quiet."""
        if not self.start:
            return False
        if self.start < self.end:
            return self.start <= time_of_day < self.end
        return time_of_day >= self.start or time_of_day < self.end

    def over_at(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The first instant from that one on which is not quiet in the zone, in UTC."""
        while self.hold(_wall(instant, zone)):
            local = instant.astimezone(zone)
            ends_on = local.date()
            if self.end <= _wall(instant, zone):
                ends_on += timedelta(days=1)
            end = instant_of(ends_on, self.end, zone)
            # Where clocks were put back, the end has come once already and comes again.
            instant = end if end > instant else instant + _until(local.time(), self.end)
        return instant.astimezone(UTC)


NO_QUIET_HOURS = QuietHours()


def _wall(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def _until(now: time, end: str) -> timedelta:
    """From one time of a day to a later one."""
    later = time.fromisoformat(end)
    return timedelta(
        hours=later.hour - now.hour,
        minutes=later.minute - now.minute,
        seconds=-now.second,
        microseconds=-now.microsecond,
    )

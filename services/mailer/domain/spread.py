"""Mails to one domain, evenly spread over each minute: a line for each lane, and slots that they take.

Slots of a domain lie a minute divided by the limit apart (a leaky bucket, also known as GCRA). A mail whose
slot lies within the next second leaves; any other waits at the end of its lane's line, and comes up again
when its slot may be free. Nobody takes a slot before those who wait in a lane above or, longer, in the own
one. So somebody's new password goes before 50,000 invitations to the same domain, and each of those is looked
at about twice, however many they are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.mailer.domain.message import Lane

TOGETHER = timedelta(seconds=1)
"""Mails whose slots lie within it leave at once: they are written together."""

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    """Of one domain: when its next slot is free, and until when those wait who have no slot, by lane.

    None stands for any time that is past.
    """

    free_at: datetime | None = None
    at_once_until: datetime | None = None
    usual_until: datetime | None = None
    bulk_until: datetime | None = None

    def until(self, lane: Lane) -> datetime | None:
        """When the last one of this lane comes up again."""
        return {
            Lane.AT_ONCE: self.at_once_until,
            Lane.USUAL: self.usual_until,
            Lane.BULK: self.bulk_until,
        }[lane]

    def longer(self, lane: Lane, until: datetime) -> "Line":
        """With one more who waits in this lane."""
        if lane is Lane.AT_ONCE:
            return replace(self, at_once_until=until)
        if lane is Lane.USUAL:
            return replace(self, usual_until=until)
        return replace(self, bulk_until=until)


class Spread:
    """The lines of some domains at one moment, as mails take slots or go to an end."""

    def __init__(self, lines: Mapping[str, Line], per_minute: int, now: datetime) -> None:
        self._before = dict(lines)
        self._lines = dict(lines)
        self._gap = _MINUTE / per_minute
        self._now = now

    def ask(self, domains: Collection[str], lane: Lane, *, waited: bool) -> datetime | None:
        """None if a mail to these domains leaves now, else when it comes up again.

        `waited`: it comes from the line.
        """
        ready = {domain: self._ready(self._line(domain), lane, waited=waited) for domain in domains}
        if all(at <= self._now + TOGETHER for at in ready.values()):
            for domain in domains:
                line = self._line(domain)
                self._lines[domain] = replace(line, free_at=self._free(line) + self._gap)
            return None
        # It waits where that takes longest; when it comes up there, the others will mostly be free.
        last = max(ready, key=lambda domain: (ready[domain], domain))
        until = self._ready(self._line(last), lane, waited=False)
        self._lines[last] = self._line(last).longer(lane, until)
        return until

    def changed(self) -> dict[str, Line]:
        """The lines that are now other than they were."""
        return {name: line for name, line in self._lines.items() if self._before.get(name) != line}

    def _line(self, domain: str) -> Line:
        return self._lines.get(domain, Line())

    def _free(self, line: Line) -> datetime:
        return max(line.free_at or self._now, self._now)

    def _ready(self, line: Line, lane: Lane, *, waited: bool) -> datetime:
        """When a slot is free that nobody else comes before to."""
        before = [line.until(other) for other in Lane if other < lane or (other is lane and not waited)]
        waiting = [until + self._gap for until in before if until is not None and until > self._now]
        return max([self._free(line), *waiting])

"""The circuit: while the SMTP server is away one probe asks for it, instead of every mail.

So an outage costs a connection attempt every few seconds, writes one event for each mail that was under way
and none for the others, and ends for all of them at the moment the probe gets through.
"""

import threading
from datetime import datetime, timedelta
from enum import Enum

PROBE_AFTER = timedelta(seconds=2)
"""Between probes of a server that is away; short, since a probe is no more than a greeting."""

LONGEST_PAUSE = timedelta(seconds=60)
"""Between probes of a server that answers but will not have us; asking often would get us locked out."""

PROBE_MOST = timedelta(seconds=30)
"""Others wait so long for a probe under way, even if its thread should die."""


class Leave(Enum):
    """What a worker may do now."""

    GO = "go"
    PROBE = "probe"
    WAIT = "wait"


class Circuit:
    """Shared by all send workers of a process; every method is safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._broken = False
        self._relapses = 0
        self._probe_at: datetime | None = None

    def ask(self, now: datetime) -> Leave:
        """Whether to go on, to probe (one worker at a time is told so), or to wait."""
        with self._lock:
            if not self._broken:
                return Leave.GO
            if self._probe_at is not None and now < self._probe_at:
                return Leave.WAIT
            self._probe_at = now + PROBE_MOST
            return Leave.PROBE

    def broke(self, now: datetime, *, refused: bool) -> bool:
        """The server could not be used; whether that is news. `refused`: it answered, with a final no."""
        with self._lock:
            news = not self._broken
            if news:
                # A server that greets and then fails again and again must not be asked every 2 seconds.
                self._relapses += 1
            self._broken = True
            pause = PROBE_AFTER * 2 ** min(self._relapses - 1, 10)
            self._probe_at = now + (LONGEST_PAUSE if refused else min(pause, LONGEST_PAUSE))
            return news

    def mended(self) -> None:
        """A probe got through."""
        with self._lock:
            self._broken = False
            self._probe_at = None

    def took(self) -> None:
        """The server has answered about a mail, so it works."""
        with self._lock:
            self._relapses = 0

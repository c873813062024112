"""The circuit: while the SMTP server is away one probe asks for it, instead of every mail.

So an outage costs a connection attempt every few seconds, writes one event for each mail that was under way
and none for the others, and ends for all of them at the moment the probe gets through.
"""

import threading
from datetime import datetime, timedelta
from enum import Enum

PROBE_AFTER = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3))
"""Pauses between probes; the last one repeats. Short, since a probe is no more than a greeting."""


class Leave(Enum):
    """What a worker may do now."""

    GO = "go"
    PROBE = "probe"
    WAIT = "wait"


class Circuit:
    """Shared by all send workers of a process; every method is safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._probe_at: datetime | None = None

    def ask(self, now: datetime) -> Leave:
        """Whether to go on, to probe (one worker at a time is told so), or to wait."""
        with self._lock:
            if self._failures == 0:
                return Leave.GO
            if self._probe_at is not None and now < self._probe_at:
                return Leave.WAIT
            # Others wait until this probe has had its time, even if its thread should die.
            self._probe_at = now + timedelta(seconds=30)
            return Leave.PROBE

    def broke(self, now: datetime) -> bool:
        """The server could not be used; whether that is news."""
        with self._lock:
            self._failures += 1
            pause = PROBE_AFTER[min(self._failures, len(PROBE_AFTER)) - 1]
            self._probe_at = now + pause
            return self._failures == 1

    def mended(self) -> None:
        """A probe got through."""
        with self._lock:
            self._failures = 0
            self._probe_at = None

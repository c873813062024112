"""Recording how attempts ended: one transaction for all connections that have an answer at that moment.

Whoever records waits until that is durable, before its connection takes up another mail; so of each
connection at most one mail has left that the history does not know of yet.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from services.mailer.domain.delivery import Later, Sent
from services.mailer.ports import Begin, Ending, Work
from services.shared.clock import Clock

log = structlog.get_logger()

PAUSES = (0.1, 0.5, 1.0, *(2.0,) * 10)
"""Seconds between the tries to record: a database that is started anew makes no mail go out twice."""

INSIST_SECONDS = 20.0
"""No try begins later than that after the answer, and none for a single mail `SINGLY_SECONDS` after that. A
try waits 5 s at most for a database that is away; so all is over before the lease ends, of which two thirds
are left when the answer comes (see keep.py): nobody insists while another worker sends the mail again."""

SINGLY_SECONDS = 5.0


class NotRecorded(Exception):
    """How an attempt ended could not be written down; the mail is sent again after its lease."""


class _Entry:
    """One ending on its way into the history."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.since = time.monotonic()
        self.done = False
        self.error: Exception | None = None


class Recorder:
    """Shared by the workers of a process. `announced` is called after facts were written."""

    def __init__(
        self,
        begin: Begin,
        clock: Clock,
        *,
        announced: Callable[[], None] = lambda: None,
        pauses: Sequence[float] = PAUSES,
        insist_seconds: float = INSIST_SECONDS,
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._announced = announced
        self._pauses = pauses
        self._insist_seconds = insist_seconds
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Entry] = []

    def record(self, *endings: Ending) -> None:
        """Returns once they are durable, with the facts that tell of them; raises `NotRecorded`."""
        entries = [_Entry(ending) for ending in endings]
        with self._lock:
            self._waiting += entries
        # Whoever has the turn writes what has come together meanwhile, the own entries among it; the others
        # find theirs done when their turn comes.
        with self._turn:
            if not all(entry.done for entry in entries):
                with self._lock:
                    group, self._waiting = self._waiting, []
                self._write(group)
        for entry in entries:
            if entry.error is not None:
                raise NotRecorded(f"{entry.error}") from entry.error

    def _write(self, group: Sequence[_Entry]) -> None:
        until = min(entry.since for entry in group) + self._insist_seconds
        # One instant for all tries: by it a try knows what an earlier one has written after all, whose COMMIT
        # was done and only the answer lost.
        at = self._clock.now()
        error = self._insist(group, at, until)
        for entry in group:
            entry.error = error
            # One that cannot be written must not take the others with it.
            if error is not None and len(group) > 1 and time.monotonic() <= until + SINGLY_SECONDS:
                entry.error = self._try([entry], at, again=True)
            entry.done = True

    def _insist(self, group: Sequence[_Entry], at: datetime, until: float) -> Exception | None:
        pause = threading.Event()
        for seconds in (0.0, *self._pauses):
            if seconds:
                if time.monotonic() + seconds > until:
                    break
                pause.wait(seconds)
            error = self._try(group, at, again=bool(seconds))
            if error is None:
                return None
            log.warning("outcomes not recorded", mails=len(group), error=f"{type(error).__name__}: {error}")
        return error

    def _try(self, group: Sequence[_Entry], at: datetime, *, again: bool) -> Exception | None:
        try:
            with self._begin() as work:
                news = work.messages.record([entry.ending for entry in group], at, again=again)
                for ending in news:
                    _announce(work, ending, at)
        except Exception as error:
            # Whatever the database runs into, the mails were sent; that has to be insisted on.
            return error
        if news:
            self._announced()
        return None


def _announce(work: Work, ending: Ending, at: datetime) -> None:
    """The fact, where the outcome is final."""
    message, outcome = ending.message, ending.outcome
    if isinstance(outcome, Sent):
        work.announce("message_sent", {"notice_id": message.notice_id, "message_id": message.message_id}, at)
    elif not isinstance(outcome, Later):
        work.announce("message_failed", {"notice_id": message.notice_id, "reason": outcome.detail}, at)

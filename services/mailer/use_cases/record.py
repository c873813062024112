"""Recording how attempts ended: one transaction for all connections that have an answer at that moment.

Whoever records waits until that is durable, before its connection takes up another mail; so of each
connection at most one mail has left that the history does not know of yet.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from services.mailer.domain.delivery import Later, Sent
from services.mailer.ports import Begin, Ending, Work
from services.shared.clock import Clock

log = structlog.get_logger()

PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries to record, so that a database which is started anew makes no mail go out twice.
Together they are shorter than a lease, which would end meanwhile."""


class NotRecorded(Exception):
    """How an attempt ended could not be written down; the mail is sent again after its lease."""


class _Entry:
    """One ending on its way into the history."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
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
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._announced = announced
        self._pauses = pauses
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
        error = self._insist(group)
        if error is not None and len(group) > 1:
            # One that cannot be written must not take the others with it.
            for entry in group:
                entry.error = self._try([entry])
        elif error is not None:
            group[0].error = error
        for entry in group:
            entry.done = True

    def _insist(self, group: Sequence[_Entry]) -> Exception | None:
        pause = threading.Event()
        for seconds in (0.0, *self._pauses):
            if seconds:
                pause.wait(seconds)
            error = self._try(group)
            if error is None:
                return None
            log.warning("outcomes not recorded", mails=len(group), error=f"{type(error).__name__}: {error}")
        return error

    def _try(self, group: Sequence[_Entry]) -> Exception | None:
        try:
            with self._begin() as work:
                news = work.messages.record([entry.ending for entry in group], self._clock.now())
                for ending in news:
                    _announce(work, ending, self._clock.now())
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

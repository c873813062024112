"""Recording how attempts ended: one transaction for all connections that have an answer at that moment.

Whoever records waits until that is durable, before its connection takes up another mail; so of each
connection at most one mail has left that the history does not know of yet.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, repeat

import structlog

from services.mailer.domain.delivery import Later, Sent
from services.mailer.ports import Begin, Ending, Work
from services.mailer.use_cases.bounces import note_refusals
from services.shared.clock import Clock
from services.shared.progress import progress

log = structlog.get_logger()

PAUSES = (0.1, 0.5, 1.0, 2.0)
"""Seconds between the tries to record; the last one comes again and again."""

AWAY_SECONDS = 240.0
"""For so long after the answer a database that is away is waited for. The lease may end meanwhile; nobody
takes it over before those who waited have written down what they know (see outage.py)."""

INSIST_SECONDS = 20.0
"""The same for every other error, which may well come again with each try; a single mail is then tried by
itself for `SINGLY_SECONDS`. That is over before the lease ends, of which two thirds are left when the answer
comes (see keep.py): nobody insists while another worker sends the mail again."""

SINGLY_SECONDS = 5.0

GLANCE_SECONDS = 0.1
"""How often whoever waits for the turn looks how the one that has it gets on."""


class NotRecorded(Exception):
    """How an attempt ended could not be written down; the mail is sent again after its lease."""


class _Entry:
    """One ending on its way into the history."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.since = time.monotonic()
        self.done = False
        self.is_stopped = False
        self.error: Exception | None = None


class Recorder:
    """Shared by the workers of a process. `announced` is called after facts were written.

    `is_away` tells an error that means that the database cannot be used from all others.
    """

    def __init__(
        self,
        begin: Begin,
        clock: Clock,
        *,
        is_away: Callable[[BaseException], bool] = lambda _error: False,
        announced: Callable[[], None] = lambda: None,
        pauses: Sequence[float] = PAUSES,
        insist_seconds: float = INSIST_SECONDS,
        away_seconds: float = AWAY_SECONDS,
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._is_away = is_away
        self._announced = announced
        self._pauses = pauses
        self._insist_seconds = insist_seconds
        self._away_seconds = away_seconds
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Entry] = []
        self._tries = 0

    def record(self, *endings: Ending) -> bool:
        """Returns once they are durable, with the facts that tell of them; raises `NotRecorded`.

        The answer is whether everything is stopped: then no other mail may be begun.
        """
        entries = [_Entry(ending) for ending in endings]
        with self._lock:
            self._waiting += entries
        # Whoever has the turn writes what has come together meanwhile, the own entries among it; the others
        # find theirs done when their turn comes.
        with self._own_turn():
            if not all(entry.done for entry in entries):
                with self._lock:
                    group, self._waiting = self._waiting, []
                self._write(group)
        for entry in entries:
            if entry.error is not None:
                raise NotRecorded(f"{entry.error}") from entry.error
        return any(entry.is_stopped for entry in entries)

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        # After minutes with its SMTP server a worker may have to wait for minutes more here: it goes on
        # as long as whoever has the turn does, and stands still together with it.
        seen = self._tries
        while not self._turn.acquire(timeout=GLANCE_SECONDS):
            if seen != self._tries:
                seen = self._tries
                progress()
        try:
            yield
        finally:
            self._turn.release()

    def _write(self, group: Sequence[_Entry]) -> None:
        since = min(entry.since for entry in group)
        # One instant for all tries: by it a try knows what an earlier one has written after all, whose COMMIT
        # was done and only the answer lost.
        at = self._clock.now()
        error = self._insist(group, at, since)
        singly_until = since + self._insist_seconds + SINGLY_SECONDS
        for entry in group:
            entry.error = error
            # One that cannot be written must not take the others with it.
            if error is not None and len(group) > 1 and time.monotonic() <= singly_until:
                entry.error = self._try([entry], at, again=True)
            entry.done = True

    def _insist(self, group: Sequence[_Entry], at: datetime, since: float) -> Exception | None:
        pause = threading.Event()
        error = self._try(group, at, again=False)
        for seconds in chain(self._pauses, repeat(self._pauses[-1])) if self._pauses else ():
            if error is None:
                return None
            log.warning("outcomes not recorded", mails=len(group), error=f"{type(error).__name__}: {error}")
            patience = self._away_seconds if self._is_away(error) else self._insist_seconds
            if time.monotonic() + seconds > since + patience:
                break
            pause.wait(seconds)
            error = self._try(group, at, again=True)
        return error

    def _try(self, group: Sequence[_Entry], at: datetime, *, again: bool) -> Exception | None:
        self._tries += 1
        progress()
        try:
            with self._begin() as work:
                recorded = work.messages.record([entry.ending for entry in group], at, again=again)
                for ending in recorded.news:
                    _announce(work, ending, at)
                note_refusals(recorded.news, work, at)
        except Exception as error:
            # Whatever the database runs into, the mails were sent; that has to be insisted on.
            return error
        for entry in group:
            entry.is_stopped = recorded.is_stopped
        if recorded.news:
            self._announced()
        return None


def _announce(work: Work, ending: Ending, at: datetime) -> None:
    """The fact, where the outcome is final; the scheduler knows of no test."""
    message, outcome = ending.message, ending.outcome
    if message.is_test:
        return
    if isinstance(outcome, Sent):
        work.announce("message_sent", {"notice_id": message.notice_id, "message_id": message.message_id}, at)
    elif not isinstance(outcome, Later):
        work.announce("message_failed", {"notice_id": message.notice_id, "reason": outcome.detail}, at)

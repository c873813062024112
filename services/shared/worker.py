"""A worker: a thread that does one kind of work as long as there is some, and then waits."""

import threading
import time
from collections.abc import Callable

import structlog

from services.shared import metrics, tracing
from services.shared.log import new_request_id, request_id
from services.shared.progress import watch_this_thread

log = structlog.get_logger()

LONGEST_PAUSE = 30.0
"""Seconds to wait at most after failures in a row."""

STUCK_SECONDS = 300.0
"""A piece of work that shows no progress for so long will not end by itself."""


class Worker:
    """Calls `run_once` again and again; it answers whether there was anything to do.

    After an idle call the worker waits `idle_seconds` or until `wake`. An exception is logged, and the
    worker waits longer after each failure in a row, `longest_pause` at most, so that a broken database is not
    hammered.
    """

    def __init__(
        self,
        name: str,
        run_once: Callable[[], bool],
        *,
        idle_seconds: float = 1.0,
        longest_pause: float = LONGEST_PAUSE,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self.name = name
        self._run_once = run_once
        self._idle_seconds = idle_seconds
        self._longest_pause = longest_pause
        self._stuck_seconds = stuck_seconds
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._moved_at: float | None = None
        self._failure = ""
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it works or waits for work."""
        return self._thread.is_alive()

    @property
    def is_wanted(self) -> bool:
        """Whether nobody has told it to end; for long pieces of work that can end between two steps."""
        return not self._stop.is_set()

    @property
    def is_stuck(self) -> bool:
        """Whether a piece of work has shown no progress for minutes."""
        moved_at = self._moved_at
        return moved_at is not None and time.monotonic() - moved_at > self._stuck_seconds

    @property
    def failure(self) -> str:
        """What ended the last piece of work, if it failed; empty otherwise."""
        return self._failure

    def moved(self) -> None:
        """Tells that the present piece of work goes on."""
        self._moved_at = time.monotonic()

    def wake(self) -> None:
        """Ends the present pause, or skips the next one; cheap, and safe from any thread."""
        self._wake.set()

    def dismiss(self) -> None:
        """Ends after the present piece of work; nobody waits for that."""
        self._stop.set()
        self._wake.set()

    def stop(self, timeout: float = 10.0) -> bool:
        """Ends after the present piece of work; whether it has ended within `timeout` seconds."""
        self.dismiss()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        watch_this_thread(self.moved)
        failures = 0
        while not self._stop.is_set():
            self._wake.clear()
            # What one round asks of others is one request in all their logs.
            request_id.set(new_request_id())
            self.moved()
            try:
                with tracing.span(f"worker {self.name}") as span:
                    busy = self._run_once()
                    if not busy:
                        span.drop()
                failures, self._failure = 0, ""
            except Exception as error:
                # A worker outlives whatever its work runs into: the work is in the database, and stays there.
                failures, self._failure = failures + 1, type(error).__name__
                metrics.WORKER_FAILURES.labels(self.name).inc()
                log.exception("worker failed", worker=self.name, failures=failures)
                self._pause(min(self._longest_pause, 0.2 * 2 ** min(failures, 10)))
                continue
            metrics.WORKER_ROUNDS.labels(self.name).inc()
            if not busy:
                self._pause(self._idle_seconds)

    def _pause(self, seconds: float) -> None:
        self._moved_at = None
        self._wake.wait(seconds)

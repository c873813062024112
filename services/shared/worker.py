"""A worker: a thread that does one kind of work as long as there is some, and then waits."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger()

LONGEST_PAUSE = 30.0
"""Seconds to wait at most after failures in a row."""


class Worker:
    """Calls `run_once` again and again; it answers whether there was anything to do.

    After an idle call the worker waits `idle_seconds` or until `wake`. An exception is logged, and the
    worker waits longer after each failure in a row, so that a broken database is not hammered.
    """

    def __init__(self, name: str, run_once: Callable[[], bool], *, idle_seconds: float = 1.0) -> None:
        self.name = name
        self._run_once = run_once
        self._idle_seconds = idle_seconds
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it works or waits for work."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Ends the present pause, or skips the next one; cheap, and safe from any thread."""
        self._wake.set()

    def stop(self, timeout: float = 10.0) -> bool:
        """Ends after the present piece of work; whether it has ended within `timeout` seconds."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._wake.clear()
            try:
                busy = self._run_once()
                failures = 0
            except Exception:
                # A worker outlives whatever its work runs into: the work is in the database, and stays there.
                failures += 1
                log.exception("worker failed", worker=self.name, failures=failures)
                self._pause(min(LONGEST_PAUSE, 0.2 * 2 ** min(failures, 10)))
                continue
            if not busy:
                self._pause(self._idle_seconds)

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)

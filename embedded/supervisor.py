"""Starts all programs, keeps them running, and stops them cleanly."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from embedded.child import Child
from embedded.health import is_listening, site_trouble
from embedded.home import Home
from embedded.programs import GATEWAY, MAIL_SINK, Program

# What the user is told, a line at a time.
Tell = Callable[[str], None]

START_SECONDS = 60.0
STOP_SECONDS = 9.0
_HURRIED_SECONDS = 1.0
_TICK_SECONDS = 0.1
# A program that ends this often before all of them answer will not get better by another try.
_STARTS = 3


class StartFailed(Exception):
    """The programs do not come up; the message says which one, and what it said last."""


class Interrupted(Exception):
    """Somebody asked to stop while something was still under way."""


class Supervisor:
    """Owns the programs of one home. To be used from the main thread, which takes the signals."""

    def __init__(
        self, home: Home, programs: Sequence[Program], tell: Tell, *, stop_seconds: float = STOP_SECONDS
    ) -> None:
        self._children = [Child(program, home) for program in programs]
        self._site = next(program for program in programs if program.name == GATEWAY)
        self._out = tell
        self._stop_seconds = stop_seconds
        self._stop_signals = 0

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Takes SIGINT, SIGTERM and SIGHUP as the wish to stop, and a second one as the wish to hurry."""

        def count(_number: int, _frame: FrameType | None) -> None:
            self._stop_signals += 1

        before = {
            number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def pause(self, seconds: float = _TICK_SECONDS) -> None:
        """Lets time pass. Raises `Interrupted` once somebody asked to stop."""
        if not self._stop_signals:
            time.sleep(seconds)
        if self._stop_signals:
            raise Interrupted

    def start(self) -> None:
        """Starts all programs; returns at once."""
        for child in self._children:
            child.start()

    def wait_until_healthy(self) -> None:
        """Returns once every program answers; says which ones do so far.

        Raises `StartFailed` after a minute, or when a program ends again and again.
        """
        deadline = time.monotonic() + START_SECONDS
        waiting = list(self._children)
        trouble: str | None = "the programs do not listen"
        while trouble is not None:
            self._look_after(most_restarts=_STARTS - 1)
            for child in [child for child in waiting if is_listening(child.program)]:
                waiting.remove(child)
                self._tell(f"  {child.program.name:<10} answers at {child.program.address}")
            trouble = site_trouble(self._site) if not waiting else self._not_listening(waiting)
            if trouble is not None and time.monotonic() > deadline:
                raise StartFailed(f"Not ready after {START_SECONDS:.0f} seconds: {trouble}.")
            if trouble is not None:
                self.pause()

    def run(self) -> None:
        """Keeps the programs running until somebody asks to stop."""
        try:
            while True:
                self._look_after()
                self.pause()
        except Interrupted:
            return

    def stop(self) -> None:
        """Stops the site first, then what stands behind it, then the mail sink; within `stop_seconds`.

        A second signal shortens that to about a second. Returns when no program is left.
        """
        if self._stop_signals:
            self._stop_signals = 1
        deadline = time.monotonic() + self._stop_seconds
        for group in self._in_order_of_stop():
            for child in group:
                child.ask_to_stop()
            self._wait(group, deadline)
        for child in self._children:
            if child.is_running:
                self._tell(f"  {child.program.name} did not stop in time and was killed")
                child.kill()

    def _in_order_of_stop(self) -> list[list[Child]]:
        def named(*names: str) -> list[Child]:
            return [child for child in self._children if child.program.name in names]

        behind = [child for child in self._children if child.program.name not in {GATEWAY, MAIL_SINK}]
        return [named(GATEWAY), behind, named(MAIL_SINK)]

    def _wait(self, group: list[Child], deadline: float) -> None:
        """Waits until the group has ended, the time is up, or a second signal made it short."""
        hurried = False
        while not all(child.wait(0) for child in group):
            if self._stop_signals > 1 and not hurried:
                hurried = True
                for child in self._children:
                    child.ask_to_stop()
                deadline = min(deadline, time.monotonic() + _HURRIED_SECONDS)
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)

    def _look_after(self, most_restarts: int | None = None) -> None:
        """Notices programs that have ended, and starts them again after a while."""
        for child in self._children:
            name = child.program.name
            if how := child.ended():
                if most_restarts is not None and child.restarts >= most_restarts:
                    raise StartFailed(
                        f"{name} {how}, {_STARTS} times. Its last words ({child.log_path}):\n"
                        f"{child.last_words()}"
                    )
                self._tell(f"{name} {how}; starting it again (log: {child.log_path})")
            elif child.restart_if_due():
                self._tell(f"{name} was started again")

    def _tell(self, line: str) -> None:
        # The output may go to a file on a disk that is full; that must not end what runs.
        with suppress(OSError):
            self._out(line)

    @staticmethod
    def _not_listening(waiting: list[Child]) -> str:
        return f"{', '.join(child.program.name for child in waiting)} cannot be reached"

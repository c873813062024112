"""Somebody who kills programs at random moments, with kill -9, and keeps count."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


class Killer:
    """A thread that kills one of the programs again and again, each as often as the others.

    The moments come from `rng`, so that a seed repeats the sequence of victims and pauses. A program that is
    down at its moment is waited for; it may be killed again while it is still starting.
    """

    def __init__(
        self,
        pid_files: Path,
        programs: Sequence[str],
        rng: random.Random,
        *,
        kills: int,
        longest_pause: float,
    ) -> None:
        self._pid_files = pid_files
        self._rng = rng
        self._longest_pause = longest_pause
        self._victims = [programs[at % len(programs)] for at in range(kills)]
        rng.shuffle(self._victims)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="killer", daemon=True)
        self._dead: dict[str, int] = {}
        self.killed: Counter[str] = Counter()

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def done(self) -> float:
        """Which part of the kills is behind us, from 0 to 1."""
        return self.killed.total() / len(self._victims)

    def _work(self) -> None:
        for victim in self._victims:
            self._stop.wait(self._rng.uniform(0, self._longest_pause))
            while not self._stop.is_set() and not self._kill(victim):
                self._stop.wait(0.01)
            if self._stop.is_set():
                return

    def _kill(self, program: str) -> bool:
        """Whether there was a process to kill that has not been killed before."""
        try:
            pid = int((self._pid_files / f"{program}.pid").read_text())
            if pid == self._dead.get(program):
                return False  # the supervisor has not noticed yet
            os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return False  # it is down, or its pid file is being written
        self._dead[program] = pid
        self.killed[program] += 1
        return True

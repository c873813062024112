"""Somebody who kills programs at random moments, with kill -9, and keeps count."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence

from tests.e2e.acts import wait_until
from tests.e2e.company import Company


class Killer:
    """Kills programs in rounds: each of the victims once, in random order at random moments.

    `rng` decides, so that a seed repeats the order and the pauses. A program that is down at its moment is
    waited for, and may be killed while it is still starting.
    """

    def __init__(
        self, company: Company, victims: Sequence[str], rng: random.Random, *, longest_pause: float = 1.0
    ) -> None:
        self._company = company
        self._victims = list(victims)
        self._rng = rng
        self._longest_pause = longest_pause
        self._pause = threading.Event()
        self._dead: dict[str, int] = {}
        self.killed: Counter[str] = Counter()

    def round(self) -> threading.Thread:
        """Begins a round and returns the thread that works on it."""
        self._rng.shuffle(self._victims)
        plan = [(victim, self._rng.uniform(0, self._longest_pause)) for victim in self._victims]
        thread = threading.Thread(target=self._work, args=(plan,), name="killer", daemon=True)
        thread.start()
        return thread

    def _work(self, plan: Sequence[tuple[str, float]]) -> None:
        for victim, pause in plan:
            self._pause.wait(pause)
            wait_until(lambda victim=victim: self._kill(victim), what=f"{victim} comes back to be killed")

    def _kill(self, program: str) -> bool:
        """Whether there was a process to kill that has not been killed before."""
        try:
            pid = self._company.pid(program)
        except (FileNotFoundError, ValueError):
            return False  # it is down, or its pid file is being written
        if pid == self._dead.get(program) or not self._company.kill(program):
            return False
        self._dead[program] = pid
        self.killed[program] += 1
        return True

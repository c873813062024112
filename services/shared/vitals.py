"""Whether a process lives and can work: what `/livez`, `/readyz` and gRPC health say of it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from services.shared.worker import Worker

ASK_SECONDS = 1.0
"""How often a need is looked at, and how long its answer may take."""


class Watch:
    """Asks one question again and again in a thread of its own, so that the newest answer is at hand at once.

    A question that is never answered hurts nobody but its own thread.
    """

    def __init__(self, name: str, ask: Callable[[], object], *, seconds: float = ASK_SECONDS) -> None:
        """`ask` raises if what is watched cannot be used."""
        self._ask = ask
        self._seconds = seconds
        self._stop = threading.Event()
        self._asked_at: float | None = None
        self._trouble = "was not asked yet"
        self._thread = threading.Thread(target=self._loop, name=f"watch-{name}", daemon=True)

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; does not wait for an answer that is under way."""
        self._stop.set()

    @property
    def trouble(self) -> str:
        """What is wrong in words, as of at most two seconds ago; empty if all is well."""
        asked_at = self._asked_at
        if asked_at is not None and time.monotonic() - asked_at > self._seconds:
            return f"does not answer within {self._seconds:g} s"
        return self._trouble

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._asked_at = time.monotonic()
            try:
                self._ask()
            except Exception as error:
                # Whatever it is, it cannot be used; the name is enough here, and holds no secret.
                self._trouble = f"cannot be used ({type(error).__name__})"
            else:
                self._trouble = ""
            self._asked_at = None
            self._stop.wait(self._seconds)


class Vitals:
    """The needs and the workers of one process, from its start to its end."""

    def __init__(self, needs: Mapping[str, Callable[[], object]], workers: Sequence[Worker] = ()) -> None:
        """Each need raises if it cannot be used, such as `Database.ping`."""
        self._watches = {name: Watch(name, ask) for name, ask in needs.items()}
        self._workers = workers

    def start(self) -> None:
        """Begins to look after the needs."""
        for watch in self._watches.values():
            watch.start()

    def stop(self) -> None:
        """Ends."""
        for watch in self._watches.values():
            watch.stop()

    def of_life(self) -> dict[str, str]:
        """What only a new start cures: a worker that has died, or has been at one thing for minutes."""
        dead = {worker.name: "has died" for worker in self._workers if not worker.is_alive}
        stuck = {worker.name: "makes no progress" for worker in self._workers if worker.is_stuck}
        return stuck | dead

    def of_needs(self) -> dict[str, str]:
        """Needs that are not met."""
        return {name: watch.trouble for name, watch in self._watches.items() if watch.trouble}

    def of_readiness(self) -> dict[str, str]:
        """All that keeps the process from its work at the moment."""
        failing = {
            worker.name: f"failed the last time ({worker.failure})"
            for worker in self._workers
            if worker.failure
        }
        return {**failing, **self.of_needs(), **self.of_life()}

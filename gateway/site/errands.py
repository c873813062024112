"""Work behind an answer: how long it takes, and whether there was any, the answer does not say."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import cast

import structlog
from flask import Flask, current_app

log = structlog.get_logger()

EXTENSION = "dunlin_errands"
MOST_WAITING = 200
"""Errands beyond these are dropped: whoever fills the queue must not fill the memory."""

_WORKERS = 2


class Errands:
    """Runs errands one after the other in threads of its own."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="errand")
        self._room = BoundedSemaphore(most)

    def run(self, name: str, errand: Callable[[], object]) -> None:
        """Runs it soon. What it raises is logged under the name, and nobody else hears of it."""
        if not self._room.acquire(blocking=False):
            log.warning("errand dropped", errand=name)
            return
        self._pool.submit(self._run, name, errand)

    def _run(self, name: str, errand: Callable[[], object]) -> None:
        try:
            errand()
        except Exception as error:  # the end of the work: nobody waits for it who could be told
            log.warning("errand failed", errand=name, exc_info=error)
        finally:
            self._room.release()


def errands() -> Errands:
    """Those of the application that serves this request."""
    return cast(Errands, current_app.extensions[EXTENSION])


def init_app(app: Flask) -> None:
    """Gives the application its errands."""
    app.extensions[EXTENSION] = Errands()

"""How a long piece of work shows that it goes on, without knowing who watches."""

import threading
from collections.abc import Callable

_here = threading.local()


def watch_this_thread(moved: Callable[[], None]) -> None:
    """From now on each `progress` of this thread calls `moved`."""
    _here.moved = moved


def progress() -> None:
    """Tells that the work of this thread goes on; for whatever a long piece of work does again and again."""
    moved: Callable[[], None] | None = getattr(_here, "moved", None)
    if moved is not None:
        moved()

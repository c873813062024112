"""A database that was away: for a moment after its return nobody takes over what others hold.

Workers may have handed over mails whose outcomes they could not write down. They insist, and do it within
seconds of the database's return; but their leases may have ended meanwhile, and whoever took those over
first would send the mails again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.mailer.ports import Begin, Work

GRACE_SECONDS = 10.0
"""More than a recorder pauses between two tries, with what a try may wait for a connection."""


class Outage:
    """What the workers of one process have seen of it; safe from any thread.

    `is_away` tells an error that means that the database cannot be used from all others.
    """

    def __init__(
        self, is_away: Callable[[BaseException], bool], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_away = is_away
        self._clock = clock
        self._seen_at: float | None = None

    def watched(self, begin: Begin) -> Begin:
        """The same transactions; that one has failed for an outage is remembered."""

        @contextmanager
        def begun() -> Iterator[Work]:
            try:
                with begin() as work:
                    yield work
            except Exception as error:
                # Whatever it is goes on to whoever asked; here it is only looked at.
                if self.is_away(error):
                    self._seen_at = self._clock()
                raise

        return begun

    def is_over(self) -> bool:
        """Whether all who were cut off have had the time to write down what they know."""
        return self._seen_at is None or self._clock() - self._seen_at > GRACE_SECONDS

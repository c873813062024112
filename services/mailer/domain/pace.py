"""How many notices one second look asks for: few while answers are slow, so that they do not go stale."""

from datetime import timedelta

MOST_ASKED = 10
"""Notices in one call; more would only wait for each other while the answer ages."""

SLOW = timedelta(milliseconds=500)
"""An answer that takes longer is asked for with half as many notices next time."""


class Pace:
    """Kept from one batch to the next; workers may share it."""

    def __init__(self) -> None:
        self.most = MOST_ASKED

    def answered(self, after: timedelta) -> None:
        """An answer, or the end of waiting for one, has come after so long."""
        self.most = max(1, self.most // 2) if after > SLOW else min(MOST_ASKED, self.most * 2)

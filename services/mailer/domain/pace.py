"""How many mails are looked at and written together: few while they go slowly, so that none goes stale."""

from datetime import timedelta

MOST_ASKED = 25
"""Notices in one call; more would only wait for each other while the answer ages."""

SLOW = timedelta(milliseconds=500)
"""Mails that take longer together, from asking to the last one, are half as many next time."""


class Pace:
    """Of one worker, kept from one batch to the next."""

    def __init__(self) -> None:
        self.most = MOST_ASKED

    def went(self, mails: int, took: timedelta) -> None:
        """So many mails were dealt with in that time, counted from asking about them."""
        self.most = max(1, min(self.most // 2, mails)) if took > SLOW else min(MOST_ASKED, self.most * 2)

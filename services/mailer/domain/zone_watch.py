"""When to ask for the company's time zone, while no mail leaves whose second look would tell it."""

from datetime import datetime, timedelta

EVERY = timedelta(minutes=1)


class ZoneWatch:
    """Of one worker; nothing was asked at first."""

    def __init__(self) -> None:
        self._asked_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether to ask now; then not for a minute. A clock that was set back delays nothing."""
        if self._asked_at is not None and timedelta() <= now - self._asked_at < EVERY:
            return False
        self._asked_at = now
        return True

"""A clock that stands still until it is told otherwise."""

from datetime import UTC, datetime, timedelta


class SetClock:
    """Tells the time that it was set to."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)) -> None:
        self._at = at

    def now(self) -> datetime:
        """The instant it was set to."""
        return self._at

    def set(self, at: datetime) -> None:
        """Moves to an instant."""
        self._at = at

    def advance(self, by: timedelta) -> None:
        """Moves forward."""
        self._at += by

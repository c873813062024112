"""What a run has decided, counted by type and outcome."""

from collections import Counter, defaultdict
from typing import NamedTuple

from services.scheduler.domain.notice import NoticeType, State


class Counts(NamedTuple):
    """Decisions by outcome. `unchanged` are candidates that stay as they were, most often because sent."""

    queued: int = 0
    held: int = 0
    skipped: int = 0
    superseded: int = 0
    unchanged: int = 0


class Tally:
    """The totals so far."""

    def __init__(self) -> None:
        self._states: defaultdict[NoticeType, Counter[State]] = defaultdict(Counter)
        self._unchanged: Counter[NoticeType] = Counter()

    def count(self, type: NoticeType, state: State) -> None:
        """One more decision."""
        self._states[type][state] += 1

    def stays(self, type: NoticeType) -> None:
        """One more candidate that stays as it was."""
        self._unchanged[type] += 1

    def of(self, type: NoticeType) -> Counts:
        """The totals of one type."""
        s = self._states[type]
        return Counts(
            s[State.QUEUED], s[State.HELD], s[State.SKIPPED], s[State.SUPERSEDED], self._unchanged[type]
        )

    def by_type(self) -> dict[NoticeType, Counts]:
        """The totals of each type that was decided on, in the order of the types."""
        met = self._states.keys() | self._unchanged.keys()
        found = {type: self.of(type) for type in NoticeType if type in met}
        return {type: counts for type, counts in found.items() if any(counts)}

    def all(self) -> Counts:
        """The totals of all types together."""
        return Counts(*map(sum, zip(Counts(), *self.by_type().values(), strict=True)))

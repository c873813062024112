"""What becomes of the lines of a stream: counted, and the first refusals by name."""

from services.paynow.domain.cells import LineRefusal
from services.paynow.domain.sync import MOST_REFUSALS, SyncReport


class Tally:
    """Counts the lines of one stream, and remembers what they have named."""

    def __init__(self) -> None:
        self._added = self._changed = self._unchanged = self._refused = 0
        self._refusals: list[LineRefusal] = []
        self._lines: dict[tuple[str, str], int] = {}

    def first_line_of(self, key: tuple[str, str], line: int) -> int | None:
        """The line of the stream that has named the key before; None if this one is the first."""
        first = self._lines.get(key)
        if first is None:
            self._lines[key] = line
        return first

    def count(self, *, is_new: bool, is_changed: bool) -> None:
        """Counts a line that was taken."""
        if is_new:
            self._added += 1
        elif is_changed:
            self._changed += 1
        else:
            self._unchanged += 1

    def refuse(self, refusal: LineRefusal) -> None:
        """Counts a line that was refused."""
        self._refused += 1
        if len(self._refusals) < MOST_REFUSALS:
            self._refusals.append(refusal)

    def report(self) -> SyncReport:
        """What became of all the lines."""
        counts = (self._added, self._changed, self._unchanged, self._refused)
        return SyncReport(*counts, tuple(self._refusals))

"""A store whose process is killed at a commit."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, Protocol, TypeVar

Work_co = TypeVar("Work_co", covariant=True)


class Killed(BaseException):
    """The process dies here; nothing that could catch an error catches this."""


class Transactions(Protocol[Work_co]):
    """What every service's store has in common."""

    def write(self) -> AbstractContextManager[Work_co]:
        """A transaction."""
        ...

    def read(self) -> AbstractContextManager[Work_co]:
        """A look at what is committed."""
        ...


class DyingStore(Generic[Work_co]):
    """Passes everything on to the store within until the process dies; dead from then on until `revive`."""

    def __init__(self, inner: Transactions[Work_co]) -> None:
        self._inner = inner
        self._dead = False
        self._commits_left = 0
        self._after = False

    def die_at(self, commit: int, after: bool) -> None:
        """The process dies at its so-manieth commit from now on, before or after it; 0 is never."""
        self._commits_left, self._after = commit, after

    def revive(self) -> None:
        """A new process, which lives."""
        self._dead, self._commits_left = False, 0

    @contextmanager
    def write(self) -> Iterator[Work_co]:
        """A transaction, perhaps the last one of the process."""
        self._must_live()
        self._commits_left -= 1
        last = self._commits_left == 0
        with self._inner.write() as work:
            yield work
            if last and not self._after:
                self._die()
        if last:
            self._die()

    @contextmanager
    def read(self) -> Iterator[Work_co]:
        """A look at what is committed."""
        self._must_live()
        with self._inner.read() as work:
            yield work

    def __getattr__(self, name: str) -> Any:
        """Whatever else the store within can do, as long as the process lives."""
        self._must_live()
        return getattr(self._inner, name)

    def _must_live(self) -> None:
        # What runs while an exception passes, as after a finally, does not run in a process that is dead.
        if self._dead:
            raise Killed

    def _die(self) -> None:
        self._dead = True
        raise Killed

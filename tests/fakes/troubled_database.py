"""A real database whose word is sometimes lost, or comes late."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from services.shared.database import Database


class TroubledDatabase(Database):
    """As `Database`, until told otherwise.

    `before_write` is what others do before the next transaction begins. `lose_answer(n)` commits the
    so-manieth transaction from now on, and says that the connection broke: its outcome is unknown to whoever
    asked for it.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.before_write: list[Callable[[], object]] = []
        self.answers_lost = 0
        self._commits_left = 0

    def lose_answer(self, commit: int = 1) -> None:
        """The answer to one COMMIT is lost; 0 is none."""
        self._commits_left = commit

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """A transaction that commits, whatever is said about it."""
        while self.before_write:
            self.before_write.pop()()
        with super().write(lasting=lasting) as connection:
            yield connection
        self._commits_left -= 1
        if self._commits_left == 0:
            self.answers_lost += 1
            raise OperationalError("COMMIT", None, ConnectionError("the server closed the connection"))

"""What holds mails back, as the use cases need it from the store."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.mailer.domain.bounces import Fate, PastMail, Suppression
from services.mailer.domain.message import Lane, State
from services.mailer.domain.sending import Limits, Sending
from services.mailer.domain.spread import Line


@dataclass(frozen=True)
class Known:
    """What is known of some addresses, each in the form in which addresses are compared."""

    suppressed: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()
    """Mails to these have come back: the next ones are to be noted."""


@dataclass(frozen=True)
class Addressed:
    """A message as far as reports are about it; nobody is named before it has left."""

    key: int
    notice_id: str
    state: State
    recipients: tuple[str, ...]
    sent_at: datetime | None


class SendingStore(Protocol):
    """The switch and the limits within one transaction.

    Whoever locks several of these things does so in the order in which they stand here.
    """

    def read(self) -> Sending:
        """As it is now."""
        ...

    def change(self, limits: Limits) -> None:
        """Sets the limits."""
        ...

    def move(self, time_zone: str, *, instead_of: str) -> bool:
        """Sets the time zone of the limits alone; False if it is no longer that other one."""
        ...

    def stop(self, by: str, at: datetime) -> bool:
        """Stops everything; False if it is stopped already."""
        ...

    def go_on(self) -> bool:
        """Ends a stop; False if there is none."""
        ...

    def spent(self, day: date) -> int:
        """How many mails of the day count; asks nobody to wait, and may be old by a moment."""
        ...

    def lock_day(self, day: date, begins_at: datetime) -> int:
        """The same, and nobody else changes it until the end; at first what has left since the beginning."""
        ...

    def spend(self, day: date, mails: int) -> None:
        """So many more count, of a day that is locked."""
        ...

    def recount(self, day: date, begins_at: datetime) -> None:
        """Begins the day's count anew, with what has left since its beginning."""
        ...

    def lock_lines(self, domains: Collection[str]) -> dict[str, Line]:
        """The lines of the domains, which nobody else changes until the end."""
        ...

    def keep_lines(self, lines: Mapping[str, Line]) -> None:
        """Stores lines that are locked."""
        ...

    def drop_lines(self, at: datetime) -> None:
        """Forgets all lines; who waits in one is due at once."""
        ...

    def left_since(self, begins_at: datetime) -> int:
        """How many mails the SMTP server has taken since then."""
        ...

    def waiting(self, at: datetime, lanes: Collection[Lane]) -> int:
        """How many wait in a line, or are due in a lane other than these."""
        ...


class Suppressions(Protocol):
    """Suppressed addresses, and mails to those that are watched, within one transaction."""

    def known(self, emails: Collection[str]) -> Known:
        """What is known of them."""
        ...

    def add(self, suppression: Suppression) -> bool:
        """Suppresses an address; False if it is suppressed, and then it stays as it is."""
        ...

    def lift(self, email: str) -> Suppression | None:
        """Ends it, forgets mails that came back, and returns it as it was; None if there is none."""
        ...

    def get(self, email: str) -> Suppression | None:
        """One of them."""
        ...

    def page(self, query: str, before: int | None, limit: int) -> tuple[list[Suppression], int | None]:
        """The newest first, only keys below `before`, of addresses that contain the text; where to go on."""
        ...

    def count(self, query: str, most: int) -> int:
        """How many match, at most `most`."""
        ...

    def note_left(self, mails: Sequence[tuple[str, int]], at: datetime) -> None:
        """Mails leave for watched addresses: each with the message's key; a repeat is dropped."""
        ...

    def note_fate(self, email: str, key: int, fate: Fate, left_at: datetime) -> bool:
        """What became of a mail, which is watched from now on; False if that is known, or worse is."""
        ...

    def past(self, email: str) -> list[PastMail]:
        """Mails to the address since it is watched."""
        ...

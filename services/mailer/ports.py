"""What the mailer's use cases need from the world."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.delivery import Answer, Outcome
from services.mailer.domain.letter import Letter, Verdict, Withheld
from services.mailer.domain.message import Claimed, Message, Rendered, Request, State
from services.mailer.domain.templates import Areas, Template, TemplateType


class ReviewUnavailable(Exception):
    """The second look cannot be had now; the text says why."""


@dataclass(frozen=True)
class Ending:
    """How one attempt to send a message ended; with the mail, if one was written."""

    message: Claimed
    outcome: Outcome
    mail: Rendered | None = None


@dataclass(frozen=True)
class Filter:
    """Which messages to list; what is set must all hold."""

    organization_id: str = ""
    state: State | None = None
    query: str = ""


@dataclass(frozen=True)
class Preview:
    """A mail as a person reads it."""

    subject: str
    html: str
    text: str


class Messages(Protocol):
    """Messages within one transaction.

    A lease belongs to one worker, whose name stands in what it has claimed. What ends or begins an attempt
    changes nothing for a message whose lease has passed to another one.
    """

    def accept(self, requests: Sequence[Request], domain: str, at: datetime) -> int:
        """Queues what is new or was withheld; returns how many that were. Message-IDs end in `domain`."""
        ...

    def claim(
        self, owner: str, at: datetime, until: datetime, limit: int, *, abandoned: bool = True
    ) -> list[Claimed]:
        """Takes a lease on messages that are due, the longest due first; other workers get others.

        If `abandoned`, also on those whose lease was another worker's and has ended.
        """
        ...

    def renew(self, messages: Sequence[Claimed], until: datetime) -> int:
        """Prolongs the leases; returns how many of them were still held."""
        ...

    def processed(
        self, mails: Sequence[tuple[Claimed, Rendered]], at: datetime, until: datetime
    ) -> list[tuple[Claimed, Rendered]]:
        """Stores the mails about to be sent; returns those whose lease is held, from now on for long enough.

        A lease that is half over is renewed until `until`.
        """
        ...

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> list[Ending]:
        """How attempts ended, and what the lists show of each mail; returns the endings that are news.

        What the server has taken is sent, whoever holds the lease, and final; every such answer is in the
        history. The other outcomes count only while the lease is held. `again` is for endings whose first
        try has failed, or only seemed to: what the history holds of that same instant is left out.
        """
        ...

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> None:
        """Takes them out of the queue, except for what was asked for once more since it was claimed."""
        ...

    def await_review(self, messages: Sequence[Claimed], why: str, due_at: datetime, at: datetime) -> None:
        """Back into the queue until `due_at`; tells so once in each message's history."""
        ...

    def release(self, messages: Sequence[Claimed], at: datetime) -> None:
        """Gives back what was not begun."""
        ...

    def owners(self) -> list[str]:
        """Who holds leases."""
        ...

    def release_owners(self, owners: Sequence[str], at: datetime) -> int:
        """Ends all leases of owners that no longer live; returns how many."""
        ...

    def page(self, wanted: Filter, before: int | None, limit: int) -> tuple[list[Message], int | None]:
        """Messages, the newest (the largest key) first, only keys below `before`; and where to go on.

        That is None at the end. A search may stop before the page is full, so that its work is bounded.
        """
        ...

    def get(self, notice_id: str) -> Message | None:
        """One message with its events."""
        ...

    def mime(self, notice_id: str) -> bytes | None:
        """The newest mail written for it, as it was handed over."""
        ...

    def counts(self, since: datetime, until: datetime) -> dict[State, int]:
        """Messages by state, created in the span."""
        ...


class Templates(Protocol):
    """Templates within one transaction."""

    def newest(self) -> dict[TemplateType, Template]:
        """The newest version of each."""
        ...

    def get(self, type: TemplateType, version: int) -> Template | None:
        """One version."""
        ...

    def versions(self, type: TemplateType) -> list[Template]:
        """All versions, the newest first."""
        ...

    def add(self, template: Template) -> bool:
        """Adds a version; False if it is there already."""
        ...

    def last_sent(self) -> dict[TemplateType, datetime]:
        """When a mail of each type was last sent."""
        ...


class Companies(Protocol):
    """The one company's profile within one transaction."""

    def profile(self) -> Profile:
        """As it is now."""
        ...

    def replace(self, company: Company) -> None:
        """Stores a new one under the next revision."""
        ...


class Work(Protocol):
    """One transaction."""

    @property
    def messages(self) -> Messages:
        """Messages."""
        ...

    @property
    def templates(self) -> Templates:
        """Templates."""
        ...

    @property
    def company(self) -> Companies:
        """The company."""
        ...

    def announce(self, name: str, body: Mapping[str, Any], at: datetime) -> None:
        """Tells other services a fact, if and only if the transaction commits."""
        ...


Begin = Callable[[], AbstractContextManager[Work]]
"""Begins a transaction, which commits at the end and is undone by an exception."""


class Reviews(Protocol):
    """The scheduler's second look."""

    def review(self, notice_ids: Sequence[str]) -> Mapping[str, Verdict]:
        """A verdict on every notice asked about. Raises `ReviewUnavailable`."""
        ...


class Press(Protocol):
    """Writes mails."""

    def clean(self, html: str) -> str:
        """The HTML reduced to the elements that an area may hold."""
        ...

    def write(
        self, letter: Letter, template: Template, company: Profile, message: Claimed, at: datetime
    ) -> Rendered:
        """The finished mail, dated `at`. Raises `CannotWrite` if the letter can never become one."""
        ...

    def preview(self, type: TemplateType, areas: Areas, company: Profile, today: date) -> Preview:
        """The mail of checked areas with sample data."""
        ...

    def samples(self, type: TemplateType, company: Profile, today: date) -> dict[str, str]:
        """What each token of the type becomes in the preview."""
        ...


class Transport(Protocol):
    """One connection to the SMTP server, for one thread."""

    def ready(self) -> Answer | None:
        """Sees to it that there is a connection, greeted and logged in; says what is wrong if there is none.

        May take long. What must be done shortly before a mail leaves is done after this.
        """
        ...

    def is_open(self) -> bool:
        """Whether the connection still stood after its last use; asks nobody."""
        ...

    def send(self, mail: Rendered, *, together: bool) -> Answer:
        """Hands one mail over the connection that `ready` made, and says how that ended.

        `together`: if the server says "later" to one of the recipients, no one gets it now.
        One conversation: never connects. Never raises for what the server or network does.
        """
        ...

    def probe(self) -> Answer | None:
        """Connects and greets; None if the server can be used."""
        ...

    def rest(self) -> None:
        """There is nothing to do: a connection unused for long may be closed."""
        ...

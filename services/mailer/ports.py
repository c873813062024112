"""What the mailer's use cases need from the world."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.delivery import Answer, Outcome
from services.mailer.domain.drafts import Draft
from services.mailer.domain.letter import Letter, NotYet, Verdict, Withheld
from services.mailer.domain.message import Claimed, EventKind, Lane, Message, Rendered, Request, State
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.ports_sending import Addressed, SendingStore, Suppressions


class ReviewUnavailable(Exception):
    """The second look cannot be had now; the text says why."""


@dataclass(frozen=True)
class Ending:
    """How one attempt to send a message ended; with the mail, if one was written."""

    message: Claimed
    outcome: Outcome
    mail: Rendered | None = None


class Recorded(NamedTuple):
    """What recording has come to: the endings that are news, and whether everything is stopped by now."""

    news: list[Ending]
    is_stopped: bool


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
        self,
        owner: str,
        at: datetime,
        until: datetime,
        limit: int,
        *,
        abandoned: bool = True,
        lanes: Collection[Lane] = tuple(Lane),
        counted_on: date | None = None,
    ) -> list[Claimed]:
        """Takes a lease on messages that are due; other workers get others.

        Lane by lane, and in each the longest due first; of other lanes only what was counted on that day. If
        `abandoned`, also those whose lease was another worker's and has ended.
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

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> Recorded:
        """How attempts ended, and what the lists show of each mail.

        What the server has taken is sent, whoever holds the lease, and final; every such answer is in the
        history. The other outcomes count only while the lease is held. `again` is for endings whose first
        try has failed, or only seemed to: what the history holds of that same instant is left out.
        """
        ...

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> list[Claimed]:
        """Takes them out of the queue, except for what was asked for once more since it was claimed.

        Returns those that are out of it.
        """
        ...

    def await_review(self, messages: Sequence[Claimed], why: str, due_at: datetime, at: datetime) -> None:
        """Back into the queue until `due_at`; tells so once in each message's history."""
        ...

    def put_off(self, waiting: Sequence[tuple[Claimed, NotYet]], at: datetime) -> None:
        """Back into the queue, each until its instant, and out of the line of its domain; no attempt counts.

        Why is told if its history does not say so yet.
        """
        ...

    def release(self, messages: Sequence[Claimed], at: datetime) -> None:
        """Gives back what was not begun."""
        ...

    def stand_in_line(self, waiting: Sequence[tuple[Claimed, datetime, str]], at: datetime) -> None:
        """Back into the queue, each until its time; why is told when it begins to wait. No attempt counts."""
        ...

    def count_on(self, messages: Sequence[Claimed], day: date) -> None:
        """Notes the day whose cap they were counted against."""
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

    def addressed(self, key: int) -> Addressed | None:
        """The message with this key."""
        ...

    def tell(self, key: int, kind: EventKind, at: datetime, detail: str) -> None:
        """Adds a line to its history."""
        ...

    def counts(self, since: datetime, until: datetime) -> dict[State, int]:
        """Messages by state, created in the span."""
        ...


class Templates(Protocol):
    """Templates within one transaction."""

    def newest(self) -> dict[Key, Template]:
        """The newest version of each."""
        ...

    def get(self, key: Key, version: int) -> Template | None:
        """One version."""
        ...

    def versions(self, key: Key) -> list[Template]:
        """All versions, the newest first."""
        ...

    def add(self, template: Template) -> bool:
        """Adds a version; False if it is there already."""
        ...

    def last_sent(self) -> dict[TemplateType, datetime]:
        """When a mail of each type was last sent; tests do not count."""
        ...


class Drafts(Protocol):
    """What tests are written from, within one transaction."""

    def add(self, notice_id: str, draft: Draft, sent_by: str) -> None:
        """Makes a message that was just accepted a test of this draft."""
        ...

    def find(self, notice_id: str) -> Draft | None:
        """The draft of a test."""
        ...

    def of(self, keys: Sequence[int]) -> dict[int, Draft]:
        """The drafts of the tests among these messages."""
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
    def drafts(self) -> Drafts:
        """What tests are written from."""
        ...

    @property
    def company(self) -> Companies:
        """The company."""
        ...

    @property
    def sending(self) -> SendingStore:
        """The stop switch and the limits."""
        ...

    @property
    def suppressions(self) -> Suppressions:
        """Addresses that get no mail."""
        ...

    def announce(self, name: str, body: Mapping[str, Any], at: datetime) -> None:
        """Tells other services a fact, if and only if the transaction commits."""
        ...


Begin = Callable[[], AbstractContextManager[Work]]
"""Begins a transaction, which commits at the end and is undone by an exception."""


class Reviewed(NamedTuple):
    """One answer of the second look."""

    verdicts: Mapping[str, Verdict]
    """By notice; none for one of which the answer does not say what is known here."""
    company_time_zone: str = ""
    """The company's at that moment; empty if it was not told."""


class Reviews(Protocol):
    """The scheduler's second look."""

    def review(self, notice_ids: Sequence[str]) -> Reviewed:
        """What may go now of these; of none, it tells the time zone alone. Raises `ReviewUnavailable`."""
        ...


PortalTokens = Callable[[str, datetime], str]
"""What seals a notice's id and the instant into the token of a link that opens the portal for 24 hours."""


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

    def preview(self, key: Key, areas: Areas, company: Profile, today: date) -> Preview:
        """The mail of checked areas with sample data."""
        ...

    def samples(self, key: Key, company: Profile, today: date) -> dict[str, str]:
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

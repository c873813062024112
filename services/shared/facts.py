"""A fact as it is stored in outboxes and inboxes, and who takes facts further."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

UNREADABLE = "unreadable"
"""The name, in an inbox, of what arrived and could not be read."""


@dataclass(frozen=True)
class StoredFact:
    """Something that has happened.

    `name` is the field of `events.v1.Fact` that it travels in, such as "payment_succeeded"; `body` is that
    message as plain values, with the proto's own field names and whole numbers as int.
    """

    fact_id: str
    name: str
    body: dict[str, Any]
    occurred_at: datetime
    request_id: str = ""


@dataclass(frozen=True)
class UnreadableFact:
    """Something that arrived as a fact and makes no sense to this version of the program.

    `fact_id` is its own where that could be read, else made of the text, so that a repeat has the same.
    """

    fact_id: str
    text: str
    error: str
    request_id: str = ""


class NotDelivered(Exception):
    """Facts may not have arrived; they stay in the outbox and are tried again. The text says why."""


class Subscriber(Protocol):
    """Somewhere that facts are delivered to."""

    def deliver(self, facts: list[StoredFact]) -> None:
        """Returns once the facts are durable there; raises if they may not be. A repeat is safe."""
        ...


class Publisher(Protocol):
    """A broker that takes facts over, on their way to the subscriber."""

    def publish(self, facts: Sequence[StoredFact]) -> "Published":
        """Returns what the broker has taken over, and why not the rest; raises nothing of its own."""
        ...


@dataclass(frozen=True)
class Published:
    """What came of publishing: the ids of the facts that the broker is now answerable for."""

    confirmed: frozenset[str]
    error: str = ""
    """Why others are not among them; empty if all are."""


class Audience(Protocol):
    """The subscriber, asked what became of facts that a broker has taken over."""

    def missing(self, fact_ids: Sequence[str]) -> set[str]:
        """Those that are not in its inbox (yet)."""
        ...


class Queue(Protocol):
    """The subscriber's queue at the broker."""

    def holds_messages(self) -> bool:
        """Whether messages wait in it to be fetched; False also if it is gone. Raises if it cannot tell."""
        ...

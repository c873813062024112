"""A fact as it is stored in outboxes and inboxes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


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


class Subscriber(Protocol):
    """Somewhere that facts are delivered to."""

    def deliver(self, facts: list[StoredFact]) -> None:
        """Returns once the facts are durable there; raises if they may not be. A repeat is safe."""
        ...

"""The mailer's queue as tests drive it, over any store."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from services.mailer.domain.delivery import Outcome
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import Claimed, EventKind, Message, Rendered
from services.mailer.domain.templates import Key, TemplateType
from services.mailer.ports import Ending
from tests.fakes.mailer import MINUTE, requests

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DOMAIN = "example.test"
SCRIPTS = Path(__file__).parents[2] / "services/mailer/migrations"
RENDERED = Rendered(
    Key(TemplateType.DUE_NOTICE_AFTER),
    1,
    "billing@example.test",
    ("ann@example.test", "bob@example.test"),
    "Invoice 100% due",
    b"Subject: x\r\n\r\n\x00body",
)


class Store(Protocol):
    """Any store."""

    def write(self) -> Any: ...
    def read(self) -> Any: ...


@dataclass
class Queue:
    """Shorthands for what a worker does."""

    store: Store

    def accept(self, count: int = 1, *, start: int = 1, at: datetime = T0) -> int:
        with self.store.write() as work:
            return int(work.messages.accept(requests(count, start=start), DOMAIN, at))

    def claim(self, owner: str = "a", at: datetime = T0, limit: int = 20) -> list[Claimed]:
        with self.store.write() as work:
            return list(work.messages.claim(owner, at, at + MINUTE, limit))

    def process(self, message: Claimed, at: datetime = T0, mail: Rendered = RENDERED) -> bool:
        with self.store.write() as work:
            return bool(work.messages.processed([(message, mail)], at, at + 5 * MINUTE))

    def end(self, message: Claimed, outcome: Outcome, at: datetime = T0) -> bool:
        with self.store.write() as work:
            return bool(work.messages.record([Ending(message, outcome, RENDERED)], at).news)

    def withhold(self, message: Claimed, why: Withheld, at: datetime = T0) -> None:
        with self.store.write() as work:
            work.messages.withhold([(message, why)], at)

    def get(self, number: int = 1) -> Message:
        with self.store.read() as work:
            message = work.messages.get(f"notice-{number}")
        assert isinstance(message, Message)
        return message

    def kinds(self, number: int = 1) -> list[EventKind]:
        return [event.kind for event in self.get(number).events]

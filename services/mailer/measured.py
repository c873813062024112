"""What the mailer counts, and shows of its progress, around the parts that do the work."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from services.mailer.domain.delivery import Answer, Later, Outcome, Sent
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import Claimed, Rendered
from services.mailer.ports import Begin, Ending, Messages, Transport, Work
from services.shared import metrics
from services.shared.progress import progress


def counting(begin: Begin) -> Begin:
    """Transactions that count how attempts ended in them, once that is durable."""

    @contextmanager
    def counted() -> Iterator[Work]:
        with begin() as work:
            messages = _Counting(work.messages)
            yield cast(Work, _Instead(work, messages))
        for outcome, mails in messages.outcomes.items():
            metrics.MAILS.labels(outcome).inc(mails)

    return counted


class _Counting:
    """In the place of a transaction's messages."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.outcomes: Counter[str] = Counter()

    def record(self, endings: Sequence[Ending], at: datetime) -> list[Ending]:
        news = self._messages.record(endings, at)
        self.outcomes.update(_name(ending.outcome) for ending in news)
        return news

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> None:
        self._messages.withhold(refused, at)
        self.outcomes["withheld"] += len(refused)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._messages, name)


class _Instead:
    """In the place of the transaction itself."""

    def __init__(self, work: Work, messages: _Counting) -> None:
        self._work = work
        self.messages = messages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)


def _name(outcome: Outcome) -> str:
    if isinstance(outcome, Sent):
        return "sent"
    return "deferred" if isinstance(outcome, Later) else "failed"


class MeasuredTransport:
    """Shows with each step that a batch goes on, however slow the server is."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ready(self) -> Answer | None:
        progress()
        return self._transport.ready()

    def is_open(self) -> bool:
        return self._transport.is_open()

    def send(self, mail: Rendered, *, together: bool) -> Answer:
        progress()
        return self._transport.send(mail, together=together)

    def probe(self) -> Answer | None:
        progress()
        return self._transport.probe()

    def rest(self) -> None:
        self._transport.rest()

"""What the mailer counts and logs, and shows of its progress, around the parts that do the work."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, cast

import structlog

from services.mailer.domain.delivery import Answer, Later, Outcome, Sent
from services.mailer.domain.letter import NotYet, Withheld
from services.mailer.domain.message import Claimed, Rendered, Request
from services.mailer.ports import Begin, Ending, Messages, Recorded, Transport, Work
from services.shared import metrics, tracing
from services.shared.log import request_id
from services.shared.progress import progress

log = structlog.get_logger()

MOST_NAMED = 20
"""Of a larger batch a line in the log names only the first notices."""


def measured(begin: Begin) -> Begin:
    """Transactions that tell what became of messages in them, counted and logged, once that is durable."""

    @contextmanager
    def begun() -> Iterator[Work]:
        with begin() as work:
            messages = _Messages(work.messages)
            yield cast(Work, _Work(work, messages))
        for tell in messages.news:
            tell()

    return begun


class _Messages:
    """In the place of a transaction's messages."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self.news: list[Callable[[], None]] = []
        self.requests: dict[str, str] = {}

    def accept(self, requests: Sequence[Request], domain: str, at: datetime) -> int:
        accepted = self._messages.accept(requests, domain, at)
        for request, batch in _by_request(requests).items():
            self.news.append(partial(_tell_accepted, batch, request))
        return accepted

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> Recorded:
        recorded = self._messages.record(endings, at, again=again)
        for ending in recorded.news:
            self.requests[ending.message.notice_id] = ending.message.request_id
            self.news.append(partial(_tell, ending.message, _name(ending.outcome)))
        return recorded

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> list[Claimed]:
        withheld = self._messages.withhold(refused, at)
        for message, why in refused:
            self.requests[message.notice_id] = message.request_id
            self.news.append(partial(_tell, message, "withheld", reason=why.reason))
        return withheld

    def stand_in_line(self, waiting: Sequence[tuple[Claimed, datetime, str]], at: datetime) -> None:
        self._messages.stand_in_line(waiting, at)
        self.news += [partial(metrics.MAILS.labels("held").inc, len(waiting))] if waiting else []

    def put_off(self, waiting: Sequence[tuple[Claimed, NotYet]], at: datetime) -> None:
        self._messages.put_off(waiting, at)
        self.news += [partial(metrics.MAILS.labels("held").inc, len(waiting))] if waiting else []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._messages, name)


class _Work:
    """In the place of the transaction itself."""

    def __init__(self, work: Work, messages: _Messages) -> None:
        self._work = work
        self.messages = messages

    def announce(self, name: str, body: Mapping[str, Any], at: datetime) -> None:
        # Many messages share a transaction; each fact goes on under the request of its own.
        token = request_id.set(self.messages.requests.get(body.get("notice_id", ""), "") or request_id.get())
        try:
            self._work.announce(name, body, at)
        finally:
            request_id.reset(token)
        if name == "message_bounced":
            kind = "permanent" if body["permanent"] else "temporary"
            self.messages.news.append(metrics.BOUNCES.labels(kind).inc)
        elif name == "address_suppressed":
            self.messages.news.append(metrics.SUPPRESSED.labels(body["reason"]).inc)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)


def _tell(message: Claimed, outcome: str, **more: str) -> None:
    """Without the server's words, which hold addresses and stand in the history."""
    metrics.MAILS.labels(outcome).inc()
    request = message.request_id or request_id.get()
    tracing.point("mail", outcome=outcome, notice_id=message.notice_id, **{"dunlin.request_id": request})
    log.info("mail", outcome=outcome, notice_id=message.notice_id, request_id=request, **more)


def _tell_accepted(notice_ids: Sequence[str], request: str) -> None:
    log.info(
        "messages accepted",
        messages=len(notice_ids),
        notice_ids=notice_ids[:MOST_NAMED],
        request_id=request or request_id.get(),
    )


def _by_request(requests: Sequence[Request]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for request in requests:
        result.setdefault(request.request_id, []).append(request.notice_id)
    return result


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
        with tracing.span("smtp.send", "client") as span:
            answer = self._transport.send(mail, together=together)
            span.mark(code=answer.code or 0, stage=answer.stage.name)
            return answer

    def probe(self) -> Answer | None:
        progress()
        return self._transport.probe()

    def rest(self) -> None:
        self._transport.rest()

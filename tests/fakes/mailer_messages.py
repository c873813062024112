"""Messages in memory: the queue and the history. Proved by tests/contracts/test_mailer_store.py."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from services.mailer.domain.delivery import Later, Sent
from services.mailer.domain.letter import NotYet, Withheld
from services.mailer.domain.message import (
    Claimed,
    Event,
    EventKind,
    Lane,
    Message,
    Rendered,
    Request,
    State,
)
from services.mailer.ports import Ending, Filter, Recorded
from services.mailer.ports_sending import Addressed


@dataclass
class Row:
    """One message with what only the queue knows."""

    message: Message
    due_at: datetime | None
    asked_at: datetime
    owner: str | None = None
    attempts: int = 0
    drops: int = 0
    tried_at: datetime | None = None
    waits: bool = False
    put_off_for: str = ""
    request_id: str = ""
    lane: Lane = Lane.USUAL
    counted_on: str = ""
    in_line: bool = False
    mimes: list[bytes] = field(default_factory=list)

    def change(self, **values: Any) -> None:
        self.message = replace(self.message, **values)

    def tell(self, kind: EventKind, at: datetime, detail: str = "") -> None:
        self.change(events=(*self.message.events, Event(kind, at, detail.replace("\0", ""))))

    def has_ended(self, at: datetime) -> bool:
        ends = (EventKind.SENT, EventKind.DEFERRED, EventKind.FAILED)
        return any(event.kind in ends and event.occurred_at == at for event in self.message.events)

    def enqueue(self, at: datetime, asked_at: datetime) -> None:
        self.change(state=State.QUEUED)
        self.due_at, self.asked_at, self.owner = at, asked_at, None
        self.attempts, self.drops, self.tried_at, self.waits, self.in_line = 0, 0, None, False, False
        self.put_off_for = ""
        self.tell(EventKind.QUEUE_TRIGGERED, at)
        self.tell(EventKind.QUEUED, at)

    def rest(self, state: State) -> None:
        self.change(state=state)
        self.due_at, self.owner = None, None

    def back(self, due_at: datetime) -> None:
        self.change(state=State.DEFERRED if self.tried_at else State.QUEUED)
        self.due_at, self.owner = due_at, None


class FakeMessages:
    """See `ports.Messages`."""

    def __init__(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self.rows: dict[int, Row] = {}
        self._is_stopped = is_stopped

    def accept(self, requests: Sequence[Request], domain: str, at: datetime) -> int:
        known = {row.message.notice_id: row for row in self.rows.values()}
        count = 0
        for request in requests:
            row = known.get(request.notice_id)
            if row is None:
                message = Message(
                    request.notice_id,
                    f"<{request.notice_id}@{domain}>",
                    request.organization_id,
                    request.invoice_number,
                    State.QUEUED,
                    at,
                )
                row = Row(message, at, at, request_id=request.request_id, lane=request.lane)
                self.rows[len(self.rows) + 1] = row
            elif row.message.state is not State.WITHHELD:
                if row.message.state is State.SENDING:
                    row.asked_at = at
                continue
            row.enqueue(at, at)
            count += 1
        return count

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
        due = sorted(
            (row.lane, row.due_at, key)
            for key, row in self.rows.items()
            if row.due_at
            and row.due_at <= at
            and (row.lane in lanes or (counted_on and row.counted_on == counted_on.isoformat()))
            and (abandoned or not row.owner)
        )
        claimed = []
        for _lane, _due_at, key in due[:limit]:
            row = self.rows[key]
            row.change(state=State.SENDING)
            row.owner, row.due_at = owner, until
            message = row.message
            tried = (row.attempts, row.drops, row.tried_at, row.waits, row.put_off_for)
            past = (*tried, row.request_id, bool(message.test_by))
            limits = {"lane": row.lane, "counted_on": row.counted_on, "in_line": row.in_line}
            names = (key, message.notice_id, message.message_id, owner)
            claimed.append(Claimed(*names, row.asked_at, *past, **limits))
        return claimed

    def renew(self, messages: Sequence[Claimed], until: datetime) -> int:
        held = [row for message in messages if (row := self._held(message))]
        for row in held:
            row.due_at = until
        return len(held)

    def processed(
        self, mails: Sequence[tuple[Claimed, Rendered]], at: datetime, until: datetime
    ) -> list[tuple[Claimed, Rendered]]:
        ours = [(message, mail) for message, mail in mails if self._held(message)]
        for message, mail in ours:
            row = self.rows[message.key]
            if row.due_at is not None and row.due_at < at + (until - at) / 2:
                row.due_at = until
            row.mimes.append(mail.record)
            for email in mail.left_out:
                row.tell(EventKind.LEFT_OUT, at, email)
            row.tell(EventKind.PROCESSED, at)
        return ours

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> Recorded:
        if again:
            endings = [ending for ending in endings if not self.rows[ending.message.key].has_ended(at)]
        return Recorded([ending for ending in endings if self._record(ending, at)], self._is_stopped())

    def _record(self, ending: Ending, at: datetime) -> bool:
        message, outcome, mail = ending.message, ending.outcome, ending.mail
        row = self.rows[message.key]
        counts = isinstance(outcome, Sent) or self._held(message)
        if counts and mail and row.message.state is not State.SENT:
            row.waits, row.in_line, row.put_off_for = False, False, ""
            row.change(
                type=mail.template.type,
                language=mail.template.language,
                threshold_days=mail.template.threshold_days,
                template_version=mail.template_version,
                recipients=mail.recipients,
                subject=mail.subject,
            )
        if isinstance(outcome, Sent):
            row.tell(EventKind.SENT, at, outcome.detail)
            news = row.message.state is not State.SENT
            if news:
                row.change(state=State.SENT, sent_at=at)
                row.due_at, row.owner = None, None
            return news
        if self._held(message) is None:
            return False
        if isinstance(outcome, Later):
            past = outcome.past
            row.attempts, row.drops, row.tried_at = past.attempts, past.drops, past.tried_at
            row.change(state=State.DEFERRED)
            row.due_at, row.owner = outcome.at, None
            row.tell(EventKind.DEFERRED, at, outcome.detail)
        else:
            row.rest(State.FAILED)
            row.tell(EventKind.FAILED, at, outcome.detail)
        return True

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> list[Claimed]:
        out = []
        for message, why in refused:
            if row := self._held(message):
                detail = f"{why.reason}: {why.explanation}" if why.explanation else why.reason
                row.tell(EventKind.WITHHELD, at, detail)
                row.rest(State.WITHHELD)
                if row.asked_at != message.asked_at:
                    row.enqueue(at, row.asked_at)
                else:
                    out.append(message)
        return out

    def stand_in_line(self, waiting: Sequence[tuple[Claimed, datetime, str]], at: datetime) -> None:
        for message, due_at, why in waiting:
            if row := self._held(message):
                if not message.in_line:
                    row.tell(EventKind.DEFERRED, at, why)
                row.in_line = True
                row.back(due_at)

    def count_on(self, messages: Sequence[Claimed], day: date) -> None:
        for message in messages:
            self.rows[message.key].counted_on = day.isoformat()

    def await_review(self, batch: Sequence[Claimed], why: str, due_at: datetime, at: datetime) -> None:
        for message in batch:
            if row := self._held(message):
                if not row.waits:
                    row.tell(EventKind.DEFERRED, at, why)
                row.waits = True
                row.back(due_at)

    def put_off(self, waiting: Sequence[tuple[Claimed, NotYet]], at: datetime) -> None:
        for message, why in waiting:
            if row := self._held(message):
                said = why.explanation or why.reason
                if row.put_off_for != said:
                    row.tell(EventKind.DEFERRED, at, said)
                row.put_off_for, row.in_line = said, False
                row.back(why.until)

    def release(self, batch: Sequence[Claimed], at: datetime) -> None:
        for message in batch:
            if row := self._held(message):
                row.back(at)

    def owners(self) -> list[str]:
        return sorted({row.owner for row in self.rows.values() if row.owner})

    def release_owners(self, owners: Sequence[str], at: datetime) -> int:
        held = [row for row in self.rows.values() if row.owner in owners]
        for row in held:
            row.back(at)
        return len(held)

    def page(self, wanted: Filter, before: int | None, limit: int) -> tuple[list[Message], int | None]:
        keys = sorted((key for key in self.rows if before is None or key < before), reverse=True)
        found = [key for key in keys if _matches(self.rows[key].message, wanted)]
        rest = found[limit - 1] if len(found) > limit else None
        return [self.rows[key].message for key in found[:limit]], rest

    def get(self, notice_id: str) -> Message | None:
        return next((row.message for row in self.rows.values() if row.message.notice_id == notice_id), None)

    def mime(self, notice_id: str) -> bytes | None:
        mimes = [row.mimes for row in self.rows.values() if row.message.notice_id == notice_id]
        return mimes[0][-1] if mimes and mimes[0] else None

    def addressed(self, key: int) -> Addressed | None:
        row = self.rows.get(key)
        if row is None:
            return None
        message = row.message
        return Addressed(key, message.notice_id, message.state, message.recipients, message.sent_at)

    def tell(self, key: int, kind: EventKind, at: datetime, detail: str) -> None:
        self.rows[key].tell(kind, at, detail)

    def counts(self, since: datetime, until: datetime) -> dict[State, int]:
        result: dict[State, int] = {}
        for row in self.rows.values():
            if since <= row.message.created_at < until and not row.message.test_by:
                result[row.message.state] = result.get(row.message.state, 0) + 1
        return result

    def _held(self, message: Claimed) -> Row | None:
        row = self.rows[message.key]
        return row if row.owner == message.owner and row.message.state is State.SENDING else None


def _matches(message: Message, wanted: Filter) -> bool:
    text = "\n".join((*message.recipients, message.subject, message.invoice_number)).lower()
    return (
        wanted.organization_id in ("", message.organization_id)
        and wanted.state in (None, message.state)
        and wanted.query.lower() in text
    )

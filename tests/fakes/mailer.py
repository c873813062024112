"""The mailer's ports in memory. The store is proved by tests/contracts/test_mailer_store.py."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.delivery import Answer, Later, Sent, Stage
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import (
    Claimed,
    Event,
    EventKind,
    Message,
    Rendered,
    Request,
    State,
)
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Template, TemplateType
from services.mailer.ports import Ending, Filter

COMPANY = Company("Your company", "", "", "", "billing@localhost.localdomain", "#1f4e79")
TAKEN = Answer(Stage.CONTENT, 250, "2.0.0 taken")


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
    request_id: str = ""
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
        self.attempts, self.drops, self.tried_at, self.waits = 0, 0, None, False
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

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}

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
                row = self.rows[len(self.rows) + 1] = Row(message, at, at, request_id=request.request_id)
            elif row.message.state is not State.WITHHELD:
                if row.message.state is State.SENDING:
                    row.asked_at = at
                continue
            row.enqueue(at, at)
            count += 1
        return count

    def claim(
        self, owner: str, at: datetime, until: datetime, limit: int, *, abandoned: bool = True
    ) -> list[Claimed]:
        due = sorted(
            (row.due_at, key)
            for key, row in self.rows.items()
            if row.due_at and row.due_at <= at and (abandoned or not row.owner)
        )
        claimed = []
        for _due_at, key in due[:limit]:
            row = self.rows[key]
            row.change(state=State.SENDING)
            row.owner, row.due_at = owner, until
            message = row.message
            past = (row.attempts, row.drops, row.tried_at, row.waits, row.request_id)
            claimed.append(Claimed(key, message.notice_id, message.message_id, owner, row.asked_at, *past))
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
            row.mimes.append(mail.mime)
            row.tell(EventKind.PROCESSED, at)
        return ours

    def record(self, endings: Sequence[Ending], at: datetime, *, again: bool = False) -> list[Ending]:
        if again:
            endings = [ending for ending in endings if not self.rows[ending.message.key].has_ended(at)]
        return [ending for ending in endings if self._record(ending, at)]

    def _record(self, ending: Ending, at: datetime) -> bool:
        message, outcome, mail = ending.message, ending.outcome, ending.mail
        row = self.rows[message.key]
        counts = isinstance(outcome, Sent) or self._held(message)
        if counts and mail and row.message.state is not State.SENT:
            row.waits = False
            row.change(
                type=mail.type,
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

    def withhold(self, refused: Sequence[tuple[Claimed, Withheld]], at: datetime) -> None:
        for message, why in refused:
            if row := self._held(message):
                detail = f"{why.reason}: {why.explanation}" if why.explanation else why.reason
                row.tell(EventKind.WITHHELD, at, detail)
                row.rest(State.WITHHELD)
                if row.asked_at != message.asked_at:
                    row.enqueue(at, row.asked_at)

    def await_review(self, batch: Sequence[Claimed], why: str, due_at: datetime, at: datetime) -> None:
        for message in batch:
            if row := self._held(message):
                if not row.waits:
                    row.tell(EventKind.DEFERRED, at, why)
                row.waits = True
                row.back(due_at)

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

    def counts(self, since: datetime, until: datetime) -> dict[State, int]:
        result: dict[State, int] = {}
        for row in self.rows.values():
            if since <= row.message.created_at < until:
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


class FakeTemplates:
    """See `ports.Templates`."""

    def __init__(self, messages: FakeMessages) -> None:
        self._messages = messages
        saved_at = datetime(2026, 1, 1, tzinfo=UTC)
        self.all = {(type, 1): Template(type, 1, areas, saved_at, "") for type, areas in SHIPPED.items()}

    def newest(self) -> dict[TemplateType, Template]:
        return {type: self.versions(type)[0] for type in TemplateType}

    def get(self, type: TemplateType, version: int) -> Template | None:
        return self.all.get((type, version))

    def versions(self, type: TemplateType) -> list[Template]:
        found = [template for (of, _version), template in self.all.items() if of is type]
        return sorted(found, key=lambda template: -template.version)

    def add(self, template: Template) -> bool:
        return self.all.setdefault((template.type, template.version), template) is template

    def last_sent(self) -> dict[TemplateType, datetime]:
        result: dict[TemplateType, datetime] = {}
        for row in self._messages.rows.values():
            message = row.message
            if message.type and message.sent_at and message.state is State.SENT:
                result[message.type] = max(message.sent_at, result.get(message.type, message.sent_at))
        return result


class FakeCompanies:
    """See `ports.Companies`."""

    def __init__(self) -> None:
        self._profile = Profile(COMPANY, 1)

    def profile(self) -> Profile:
        return self._profile

    def replace(self, company: Company) -> None:
        self._profile = Profile(company, self._profile.revision + 1)


class FakeWork:
    """See `ports.Work`."""

    def __init__(self) -> None:
        self.messages = FakeMessages()
        self.templates = FakeTemplates(self.messages)
        self.company = FakeCompanies()
        self.facts: list[tuple[str, dict[str, Any]]] = []

    def announce(self, name: str, body: Mapping[str, Any], at: datetime) -> None:
        self.facts.append((name, dict(body)))


class FakeStore:
    """A store whose transactions are undone by an exception."""

    def __init__(self) -> None:
        self.work = FakeWork()

    @contextmanager
    def write(self) -> Iterator[FakeWork]:
        before = copy.deepcopy(self.work)
        try:
            yield self.work
        except BaseException:
            self.work = before
            raise

    @contextmanager
    def read(self) -> Iterator[FakeWork]:
        yield self.work

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        return self.work.facts


def requests(count: int, *, start: int = 1) -> list[Request]:
    """Notices notice-1, notice-2 ..."""
    return [Request(f"notice-{n}", f"org-{n}", f"INV-{n:04}") for n in range(start, start + count)]


MINUTE = timedelta(minutes=1)

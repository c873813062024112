"""Messages: what was accepted for sending, where it stands, and what has happened to it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.mailer.domain.templates import TemplateType
from services.shared.errors import Invalid, Missing, Violation, WrongState

MOST_AT_ONCE = 500
"""Notices in one batch."""

_NOTICE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class State(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    WITHHELD = "withheld"


ACTIVE = (State.QUEUED, State.SENDING, State.DEFERRED)
"""States in which there is still work to do."""


class EventKind(StrEnum):
    """What happened to a message."""

    QUEUE_TRIGGERED = "queue_triggered"
    QUEUED = "queued"
    PROCESSED = "processed"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Event:
    """One line of a message's history."""

    kind: EventKind
    occurred_at: datetime
    detail: str = ""


@dataclass(frozen=True)
class Request:
    """A notice to write and send."""

    notice_id: str
    organization_id: str
    invoice_number: str = ""
    request_id: str = ""
    """What the notice was decided in, for logs."""


@dataclass(frozen=True)
class Message:
    """One message with its history, oldest event first."""

    notice_id: str
    message_id: str
    organization_id: str
    invoice_number: str
    state: State
    created_at: datetime
    sent_at: datetime | None = None
    type: TemplateType | None = None
    template_version: int = 0
    recipients: tuple[str, ...] = ()
    subject: str = ""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Claimed:
    """A message that a worker holds the lease of, with what the past attempts say.

    `asked_at` is when it was last accepted, as far as the claim knew: whether it was asked for once more
    since then is told by comparing, which needs no clocks that agree.
    """

    key: int
    notice_id: str
    message_id: str
    owner: str
    asked_at: datetime
    attempts: int = 0
    drops: int = 0
    tried_at: datetime | None = None
    waits_for_review: bool = False
    request_id: str = ""


@dataclass(frozen=True)
class Rendered:
    """A mail as it is handed over: envelope and bytes, and what the lists show of it."""

    type: TemplateType
    template_version: int
    sender: str
    recipients: tuple[str, ...]
    subject: str
    mime: bytes
    needs_utf8: bool = False


@dataclass(frozen=True)
class Body:
    """A mail exactly as it was handed to the SMTP server, and its two parts."""

    html: str
    text: str
    mime: bytes


class MessageMissing(Missing):
    """No such message."""

    reason = "MESSAGE_MISSING"


class MessageNotRendered(WrongState):
    """The message has not been written yet."""

    reason = "MESSAGE_NOT_RENDERED"


class BatchInvalid(Invalid):
    """A batch that cannot be accepted; nothing of it was."""

    reason = "BATCH_INVALID"


class CannotWrite(Invalid):
    """A mail that can never be written from this letter, such as one to something that is no address."""

    reason = "MAIL_CANNOT_BE_WRITTEN"


def checked_batch(requests: Sequence[Request]) -> tuple[Request, ...]:
    """The batch without repeats. `BatchInvalid` names each element that is wrong."""
    if len(requests) > MOST_AT_ONCE:
        words = f"There are {len(requests)} notices in the batch; at most {MOST_AT_ONCE} are possible."
        raise BatchInvalid(words, violations=[Violation("messages", "BATCH_TOO_LARGE", words)])
    violations = [
        Violation(f"messages[{at}].{field}", reason, words)
        for at, request in enumerate(requests)
        for field, reason, words in _wrong(request)
    ]
    if violations:
        raise BatchInvalid(violations[0].description, violations=violations)
    return tuple({request.notice_id: request for request in reversed(requests)}.values())[::-1]


def _wrong(request: Request) -> list[tuple[str, str, str]]:
    wrong = []
    if not _NOTICE_ID.fullmatch(request.notice_id):
        # It becomes part of the Message-ID and of a header, so nothing else may get in.
        words = f"{request.notice_id[:80]!r} is not a notice id; it must be a UUID."
        wrong.append(("notice_id", "NOTICE_ID_MALFORMED", words))
    if not 0 < len(request.organization_id) <= 200 or "\0" in request.organization_id:
        wrong.append(("organization_id", "ORGANIZATION_ID_MALFORMED", "An organization id is needed."))
    if "\0" in request.invoice_number:
        wrong.append(("invoice_number", "CONTROL_CHARACTER", "It contains a control character."))
    if len(request.invoice_number) > 200:
        wrong.append(("invoice_number", "INVOICE_NUMBER_TOO_LONG", "At most 200 characters are possible."))
    return wrong

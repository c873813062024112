"""Messages: what was accepted for sending, where it stands, and what has happened to it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from services.mailer.domain.templates import Key, TemplateType
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


class Lane(IntEnum):
    """How urgent a message is; all of a lane that may go leave before those of the next."""

    AT_ONCE = 1
    USUAL = 2
    BULK = 3


class EventKind(StrEnum):
    """What happened to a message."""

    QUEUE_TRIGGERED = "queue_triggered"
    QUEUED = "queued"
    PROCESSED = "processed"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    WITHHELD = "withheld"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    LEFT_OUT = "left_out"


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
    lane: Lane = Lane.USUAL


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
    language: str = ""
    threshold_days: int = 0
    """Of the due notice rule whose own text wrote it."""
    test_by: str = ""
    """Who sent it as a test."""


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
    put_off_for: str = ""
    """In which words its history says that it waits for an hour at which it may go."""
    request_id: str = ""
    is_test: bool = False
    lane: Lane = Lane.USUAL
    counted_on: str = ""
    """The day, as YYYY-MM-DD, whose daily cap it has been counted against."""
    in_line: bool = False
    """Whether it has waited for other mails to the same domain."""
    has_slot: bool = False
    """Whether its turn among those has come, under this lease."""


@dataclass(frozen=True)
class Rendered:
    """A mail as it is handed over: envelope and bytes, and what the lists show of it."""

    template: Key
    template_version: int
    sender: str
    recipients: tuple[str, ...]
    subject: str
    mime: bytes
    needs_utf8: bool = False
    kept: bytes = b""
    """What the history keeps instead of `mime`, where a part of that must be known to the recipient alone."""

    envelope_id: str = ""
    """What reports of failure are to name it by (RFC 3461); empty asks for none."""
    left_out: tuple[str, ...] = ()
    """Whom it would have gone to as well, if mails to them did not come back."""

    @property
    def record(self) -> bytes:
        """The mail as the history keeps it."""
        return self.kept or self.mime


@dataclass(frozen=True)
class ReturnPath:
    """Where reports about one mail go (the sender of its envelope), and how they are to name it."""

    address: str
    envelope_id: str


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

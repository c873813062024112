"""Rows of the queue as values, and values as rows."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from services.mailer.domain.delivery import Later, Never, Sent
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import Claimed, EventKind, Lane, Rendered, Request, State
from services.mailer.ports import Ending

FRESH: dict[str, Any] = {
    "state": State.QUEUED.value,
    "lease_owner": None,
    "attempts": 0,
    "drops": 0,
    "tried_at": None,
    "waits_for_review": False,
    "put_off_for": "",
    "in_line": False,
}

KINDS = {Sent: EventKind.SENT, Later: EventKind.DEFERRED, Never: EventKind.FAILED}


def claimed(row: Row[Any], owner: str) -> Claimed:
    """The message as whoever holds its lease has it."""
    return Claimed(
        key=row.id,
        notice_id=row.notice_id,
        message_id=row.message_id,
        owner=owner,
        asked_at=row.asked_at,
        attempts=row.attempts,
        drops=row.drops,
        tried_at=row.tried_at,
        waits_for_review=row.waits_for_review,
        put_off_for=row.put_off_for,
        request_id=row.request_id,
        is_test=bool(row.test_by),
        lane=Lane(row.lane),
        counted_on=row.counted_on,
        in_line=row.in_line,
    )


def back(message: Claimed, due_at: datetime) -> dict[str, Any]:
    """In the queue until then, as it was before the claim."""
    state = State.DEFERRED if message.tried_at else State.QUEUED
    return {"id": message.key, "state": state.value, "lease_owner": None, "due_at": due_at}


def written(message: Claimed, mail: Rendered, at: datetime) -> list[dict[str, Any]]:
    """What the history tells of a mail about to leave."""
    left_out = [event(message.key, EventKind.LEFT_OUT, at, email) for email in mail.left_out]
    return [*left_out, event(message.key, EventKind.PROCESSED, at)]


def new_row(request: Request, domain: str, at: datetime) -> dict[str, Any]:
    """A message that has just come in."""
    return {
        **FRESH,
        "notice_id": request.notice_id,
        "message_id": f"<{request.notice_id}@{domain}>",
        "organization_id": request.organization_id,
        "invoice_number": request.invoice_number,
        "request_id": request.request_id,
        "lane": request.lane.value,
        "template_version": 0,
        "recipients": "",
        "subject": "",
        "created_at": at,
        "asked_at": at,
        "due_at": at,
    }


def shown(ending: Ending) -> dict[str, Any]:
    """What lists show of the mail."""
    mail = ending.mail
    return {
        "id": ending.message.key,
        "type": mail.template.type.value if mail else None,
        "language": mail.template.language if mail else "",
        "threshold_days": mail.template.threshold_days if mail else 0,
        "template_version": mail.template_version if mail else 0,
        "recipients": "\n".join(mail.recipients) if mail else "",
        "subject": mail.subject if mail else "",
        "waits_for_review": False,
        "put_off_for": "",
        "in_line": False,
    }


def event(key: int, kind: EventKind, at: datetime, detail: str = "") -> dict[str, Any]:
    """A line of the history."""
    # The words of servers stand here, and PostgreSQL takes no NUL.
    return {"message": key, "kind": kind.value, "occurred_at": at, "detail": detail.replace("\0", "")[:2000]}


def words(why: Withheld) -> str:
    """What the history says of it."""
    return f"{why.reason}: {why.explanation}" if why.explanation else why.reason

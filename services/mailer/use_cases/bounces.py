"""Mails that come back: what is noted with the message, and who gets no more of them.

A report names its message by a return path that only we can make (see domain/return_path.py), and counts for
recipients of that message only: so nobody can have an address suppressed that they have not been mailed
together with. A report that comes in twice changes nothing the second time.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import Enum

import structlog

from services.mailer.domain.bounces import (
    Bounce,
    Complaint,
    Fate,
    Kind,
    Reason,
    Suppression,
    fate_of,
    kind_of,
    reason_to_suppress,
)
from services.mailer.domain.delivery import Never, Sent
from services.mailer.domain.message import ACTIVE, EventKind
from services.mailer.domain.report import Report, bounces_about, complaint_about
from services.mailer.domain.return_path import ReturnPaths
from services.mailer.ports import Begin, Ending, Work
from services.mailer.ports_sending import Addressed
from services.shared.addresses import compared
from services.shared.clock import Clock

log = structlog.get_logger()


class Taken(Enum):
    """What became of a report."""

    NOTED = "noted"
    KNOWN = "known"
    """Nothing in it was news."""
    IGNORED = "ignored"
    """It is no report."""
    STRANGE = "strange"
    """It is about no mail of ours, or about nobody that the mail went to."""
    TOO_EARLY = "too_early"
    """That its mail has left is not recorded yet: it has to come once more."""


def take_report(report: Report, paths: ReturnPaths, *, begin: Begin, clock: Clock) -> Taken:
    """Notes what a report says, durably."""
    if report.says_nothing:
        return Taken.IGNORED
    key = next((key for name in report.names if (key := paths.read(name)) is not None), None)
    if key is None:
        return Taken.STRANGE
    now = clock.now()
    with begin() as work:
        message = work.messages.addressed(key)
        if message is None:
            return Taken.STRANGE
        if message.state in ACTIVE:
            return Taken.TOO_EARLY
        bounces = bounces_about(report, message.recipients)
        complaint = complaint_about(report, message.recipients)
        if not bounces and complaint is None:
            return Taken.STRANGE
        told: list[Bounce | Complaint] = [*bounces, *([complaint] if complaint else [])]
        news = [
            _came_back(one, message, work, now)
            if isinstance(one, Bounce)
            else _complained(one, message, work, now)
            # By address, as in `note_refusals`.
            for one in sorted(told, key=lambda one: one.email)
        ]
    return Taken.NOTED if any(news) else Taken.KNOWN


def note_refusals(endings: Iterable[Ending], work: Work, now: datetime) -> None:
    """Suppresses whom the SMTP server has refused as such, when it was told of them.

    That it did, the history says already; so this is no report.
    """
    refused = [
        (Bounce(compared(one.email), words=f"{one.code} {one.text}"), ending.message)
        for ending in endings
        if isinstance(ending.outcome, Sent | Never)
        for one in ending.outcome.refused
        if not one.later
    ]
    # By address: of two who suppress the same ones in another order, each would wait for the other.
    for bounce, message in sorted(refused, key=lambda one: (one[0].email, one[1].key)):
        kind = kind_of(bounce)
        if kind is not Kind.NOT_THE_ADDRESS:
            work.suppressions.note_fate(bounce.email, message.key, Fate.BOUNCED, now)
            _suppress_for(bounce, kind, message.notice_id, work, now)


def _came_back(bounce: Bounce, message: Addressed, work: Work, now: datetime) -> bool:
    kind = kind_of(bounce)
    left_at = message.sent_at or now
    if not work.suppressions.note_fate(bounce.email, message.key, fate_of(kind), left_at):
        return False
    bounce = replace(bounce, words=bounce.words[:500])
    work.messages.tell(message.key, EventKind.BOUNCED, now, str(bounce))
    fact = {
        "notice_id": message.notice_id,
        "email": bounce.email,
        "status": bounce.status,
        "reason": bounce.words,
        "permanent": bounce.is_permanent,
    }
    work.announce("message_bounced", fact, now)
    _suppress_for(bounce, kind, message.notice_id, work, now)
    return True


def _suppress_for(bounce: Bounce, kind: Kind, notice_id: str, work: Work, now: datetime) -> None:
    reason = reason_to_suppress(kind, work.suppressions.past(bounce.email), now)
    if reason is not None:
        detail = f"{bounce.status} {bounce.words}" if bounce.status not in bounce.words else bounce.words
        _suppress(Suppression(bounce.email, reason, detail.strip(), now, notice_id), work, now)


def _complained(complaint: Complaint, message: Addressed, work: Work, now: datetime) -> bool:
    left_at = message.sent_at or now
    if not work.suppressions.note_fate(complaint.email, message.key, Fate.COMPLAINED, left_at):
        return False
    detail = f"{complaint.email}: {complaint.words}".strip(": ")
    work.messages.tell(message.key, EventKind.COMPLAINED, now, detail)
    _suppress(
        Suppression(complaint.email, Reason.COMPLAINED, complaint.words, now, message.notice_id), work, now
    )
    return True


def _suppress(suppression: Suppression, work: Work, now: datetime) -> None:
    if work.suppressions.add(suppression):
        fact = {"email": suppression.email, "reason": suppression.reason.value}
        work.announce("address_suppressed", fact, now)
        log.info("address suppressed", reason=suppression.reason.value, notice_id=suppression.notice_id)

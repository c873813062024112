"""What the mailer gets for a notice that may go out, or why it may not."""

from dataclasses import dataclass

from services.scheduler.domain import reasons
from services.scheduler.domain.books import Subject
from services.scheduler.domain.notice import Notice, State
from services.scheduler.domain.review import Yes


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to write: the notice, the books as they stand, and the verdict with its recipients.

    `time_zone` is the company's, for the times that the mail tells.
    """

    notice: Notice
    subject: Subject
    verdict: Yes
    time_zone: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A mail not to write."""

    notice_id: str
    reason: str
    explanation: str


def withheld(notice: Notice) -> Withheld:
    """The recorded no of a notice that is not queued, or is not any more."""
    reason = reasons.ALREADY_SENT if notice.state is State.SENT else notice.reason
    words = reasons.explanation(reason, notice.threshold, notice.detail)
    return Withheld(notice.notice_id, reason, words)


def unknown(notice_id: str) -> Withheld:
    """The answer for an id that no notice has."""
    return Withheld(notice_id, reasons.NOTICE_UNKNOWN, reasons.explanation(reasons.NOTICE_UNKNOWN))

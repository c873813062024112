"""One attempt to hand a mail to the SMTP server: what its answer means, and when to try again.

An answer is judged by where in the conversation it came and by its class (RFC 5321, 4.2.1):

- 2xx after the content: the server has taken responsibility. Sent.
- 4xx: it says "later". Tried again after 1, 2, 4 ... minutes, at most 4 hours, as long as these pauses come
  to no more than two days. That is 19 attempts in about 44 hours, or in weeks: time in which a mail could not
  be tried at all (the stop switch, a server that is away, the daily cap, quiet hours) is no pause, and so
  never the reason to give it up.
- 4xx for some of the recipients: the mail waits for all of them, three times at most, because such a server
  mostly wants to be asked once more (greylisting). So nobody is forgotten and nobody gets it twice. After
  that the others get it, and the history names who did not.
- 5xx: it says "never". Given up at once, because asking again only spoils our name there.
- Before a mail is named (connect, greeting, TLS, login) any failure is about the server and not about
  the mail: all mails wait until a probe gets through (see `circuit`), however long that takes.
- A connection lost in the middle is tried again soon, because most often the server was restarted. Lost
  after the content and before the answer, the mail may have been taken: sending it again may make a second
  copy, not sending it may lose it. A second copy of a reminder is the smaller harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain

GIVE_UP_AFTER = timedelta(days=2)
"""What the pauses between attempts come to at most; the attempt behind one more pause is not made."""

LONGEST_BACKOFF = timedelta(hours=4)

TOGETHER = 3
"""Attempts in which a recipient who is told "later" holds the mail back for all; seven minutes in all."""

_AFTER_DROP = (timedelta(seconds=2), timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60))

_ABOUT_US = frozenset({421, 454, 530, 534, 535, 538})
"""Answers about the connection or our login: going away, no TLS now, authentication wanted or refused."""


class Stage(StrEnum):
    """How far the conversation had come when it ended."""

    CONNECT = "connect"
    SENDER = "sender"
    RECIPIENTS = "recipients"
    CONTENT = "content"


@dataclass(frozen=True)
class RefusedRecipient:
    """An address that the server did not take."""

    email: str
    code: int
    text: str

    @property
    def later(self) -> bool:
        """Whether it may be taken when asked again."""
        # 552 after RCPT is an old way to say "too many recipients", to be read as 452 (RFC 5321, 4.5.3.1.10).
        return self.code < 500 or self.code == 552

    def __str__(self) -> str:
        return f"{self.email}: {self.code} {self.text}".strip()


@dataclass(frozen=True)
class Answer:
    """How one attempt ended, as the transport saw it.

    `code` is the server's last answer, or None if the connection failed; `text` says the rest.
    `never` marks what the transport knows to be impossible with this server, `unheard` that a connection
    which had served before ended before the server was told of this mail: nothing was tried.
    """

    stage: Stage
    code: int | None
    text: str
    refused: tuple[RefusedRecipient, ...] = ()
    never: bool = False
    unheard: bool = False


@dataclass(frozen=True)
class Past:
    """What has been tried before: answers that said "later", lost connections, the first of them."""

    attempts: int = 0
    drops: int = 0
    tried_at: datetime | None = None


@dataclass(frozen=True)
class Sent:
    """The server has taken the mail for at least one recipient."""

    detail: str
    refused: tuple[RefusedRecipient, ...] = ()
    """Whom it was not taken for."""


@dataclass(frozen=True)
class Later:
    """To be tried again at `at`, with the counts as they are now."""

    at: datetime
    detail: str
    past: Past
    unreachable: bool = False
    """The server cannot be used at all; every mail waits."""


@dataclass(frozen=True)
class Never:
    """Given up."""

    detail: str
    refused: tuple[RefusedRecipient, ...] = ()
    """The recipients, if it was for them that the server refused."""


Outcome = Sent | Later | Never


def judge(answer: Answer, past: Past, now: datetime) -> Outcome:
    """What becomes of the mail after this answer."""
    if answer.code is not None and answer.stage is Stage.CONTENT and 200 <= answer.code < 300:
        return Sent(_accepted(answer), answer.refused)
    if answer.never:
        return Never(answer.text)
    if answer.stage is Stage.CONNECT or answer.code in _ABOUT_US:
        return Later(now, _words(answer), past, unreachable=True)
    if answer.code is None:
        return _dropped(answer, past, now)
    if answer.stage is Stage.RECIPIENTS:
        return _recipients_refused(answer, past, now)
    return Never(_words(answer)) if answer.code >= 500 else _later(_words(answer), past, now)


def all_together(past: Past) -> bool:
    """Whether the next attempt is for all recipients or none."""
    return past.attempts < TOGETHER


def not_written(error: str, past: Past, now: datetime) -> Outcome:
    """What becomes of a mail that our own code failed to write: a mistake that an update may mend."""
    return _later(f"The mail could not be written: {error}", past, now)


def backoff(attempt: int) -> timedelta:
    """How long to wait after the given attempt, counted from 1."""
    return min(LONGEST_BACKOFF, timedelta(minutes=2 ** min(attempt - 1, 20)))


def _recipients_refused(answer: Answer, past: Past, now: datetime) -> Outcome:
    detail = _list(answer.refused) or _words(answer)
    if any(one.later for one in answer.refused):
        return _later(detail, past, now)
    return Never(detail, answer.refused)


def _later(detail: str, past: Past, now: datetime) -> Outcome:
    past = Past(past.attempts + 1, past.drops, past.tried_at or now)
    return _unless_too_late(Later(now + backoff(past.attempts), detail, past))


def _dropped(answer: Answer, past: Past, now: datetime) -> Outcome:
    past = Past(past.attempts, past.drops + 1, past.tried_at or now)
    detail = _words(answer)
    if answer.stage is Stage.CONTENT:
        detail += " It is not known whether the server has taken the mail; it is sent again."
    return _unless_too_late(Later(now + _after_drop(past.drops), detail, past))


def _after_drop(drop: int) -> timedelta:
    quick = len(_AFTER_DROP)
    return _AFTER_DROP[drop - 1] if drop <= quick else backoff(drop - quick)


def _unless_too_late(later: Later) -> Outcome:
    # Not what the clock says: it also goes on while nothing may be tried, and greylisting would end it.
    answered = (backoff(attempt) for attempt in range(1, later.past.attempts + 1))
    lost = (_after_drop(drop) for drop in range(1, later.past.drops + 1))
    if sum(chain(answered, lost), timedelta()) > GIVE_UP_AFTER:
        attempts = later.past.attempts + later.past.drops
        return Never(f"Given up after {attempts} attempts. {later.detail}")
    return later


def _accepted(answer: Answer) -> str:
    if answer.refused:
        return f"{_words(answer)} Not taken for {_list(answer.refused)}. Nothing more is sent to them."
    return _words(answer)


def _words(answer: Answer) -> str:
    return answer.text if answer.code is None else f"{answer.code} {answer.text}".strip()


def _list(refused: Sequence[RefusedRecipient]) -> str:
    return "; ".join(map(str, refused))

"""Sending: claim, connect, second look, write, hand over, record.

What makes it safe to be killed at any point:

1. A claim is a lease. A message whose attempt has not begun is claimed again after the lease, or at once
   when its owner is known to be dead.
2. Right before the server is spoken to, one transaction checks that the lease is still ours, renews it for
   longer than an attempt can take, and stores the mail. So no two workers speak about the same message.
3. Right after the server has answered, one transaction records it, before the next message is begun. So a
   kill leaves at most one message for each open connection that was taken but not recorded.

What makes the second look late: the connection is made before it is asked for, and nothing is sent on a look
older than `REVIEW_HOLDS`. Only the first mail of an answer goes whatever its age, since the answer has just
come; so even a slow scheduler is not asked in vain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import structlog

from services.mailer.domain.circuit import Circuit, Leave
from services.mailer.domain.company import Profile
from services.mailer.domain.delivery import (
    Answer,
    Later,
    Never,
    Outcome,
    Past,
    Sent,
    all_together,
    judge,
    not_written,
)
from services.mailer.domain.letter import Letter, Unusable, Verdict, Withheld
from services.mailer.domain.message import CannotWrite, Claimed, Rendered
from services.mailer.domain.pace import Pace
from services.mailer.domain.templates import Template, TemplateType
from services.mailer.ports import Begin, Press, Reviews, ReviewUnavailable, Transport, Work
from services.shared.clock import Clock

log = structlog.get_logger()

BATCH = 20
"""Messages claimed in one go; how many of them one second look asks for is up to the pace."""

CLAIM_LEASE = timedelta(seconds=60)

ATTEMPT_LEASE = timedelta(minutes=6)
"""Longer than the transport spends on one mail at most."""

REVIEW_HOLDS = timedelta(seconds=1)
"""A second look asked for longer ago is taken again, except for the first mail of an answer."""

REVIEW_RETRY = timedelta(seconds=2)
"""Until the second look is asked for again, when it cannot be had."""


@dataclass(frozen=True)
class Desk:
    """One send worker with its tools; the transport is its own, the circuit is shared by the process."""

    begin: Begin
    reviews: Reviews
    press: Press
    transport: Transport
    circuit: Circuit
    clock: Clock
    owner: str
    pace: Pace = field(default_factory=Pace)
    announced: Callable[[], None] = lambda: None
    """Called after a fact was written, to wake the relay."""


class _Went(Enum):
    """What became of the connection while one mail was dealt with."""

    ON = "on"
    """It serves the next mail, or a new one can be made."""

    UNHEARD = "unheard"
    """It had ended before the mail was named; the same mail needs a new one."""

    NOWHERE = "nowhere"
    """The server cannot be used."""


@dataclass(frozen=True)
class _Paper:
    """What all mails of a batch are written on."""

    templates: dict[TemplateType, Template]
    company: Profile


def send_some(desk: Desk) -> bool:
    """Sends what is due, at most a batch; whether there may be more to do at once."""
    if not _server_is_there(desk):
        return False
    now = desk.clock.now()
    with desk.begin() as work:
        batch = work.messages.claim(desk.owner, now, now + CLAIM_LEASE, BATCH)
        paper = _Paper(work.templates.newest(), work.company.profile()) if batch else None
    if paper is None:
        desk.transport.rest()
        return False
    while batch:
        trouble = desk.transport.ready()
        if trouble is not None:
            _give_up_for_now(desk, batch, trouble)
            return False
        reviewed_at, asked = desk.clock.now(), batch[: desk.pace.most]
        try:
            verdicts = _review(desk, asked)
        except ReviewUnavailable as error:
            _await_review(desk, batch, str(error))
            return False
        letters, refused = _sorted(asked, verdicts)
        done, usable = _send_letters(desk, letters, paper, reviewed_at)
        _withhold(desk, refused, reviewed_at)
        batch = [message for message, _letter in letters[done:]] + batch[len(asked) :]
        if not usable:
            _release(desk, batch)
            return False
    return True


def release_dead(is_dead: Callable[[str], bool], *, read: Begin, write: Begin, clock: Clock) -> int:
    """Ends the leases of workers that no longer live, so that a restart goes on at once; how many."""
    with read() as work:
        dead = [owner for owner in work.messages.owners() if is_dead(owner)]
    if not dead:
        return 0
    with write() as work:
        return work.messages.release_owners(dead, clock.now())


def _server_is_there(desk: Desk) -> bool:
    leave = desk.circuit.ask(desk.clock.now())
    if leave is Leave.PROBE:
        trouble = desk.transport.probe()
        if trouble is not None:
            desk.circuit.broke(desk.clock.now(), refused=(trouble.code or 0) >= 500)
            return False
        log.info("smtp server is back")
        desk.circuit.mended()
    return leave is not Leave.WAIT


def _release(desk: Desk, batch: Sequence[Claimed]) -> None:
    with desk.begin() as work:
        work.messages.release(batch, desk.owner, desk.clock.now())


def _await_review(desk: Desk, batch: Sequence[Claimed], why: str) -> None:
    now = desk.clock.now()
    with desk.begin() as work:
        work.messages.await_review(batch, desk.owner, why, now + REVIEW_RETRY, now)


def _review(desk: Desk, asked: Sequence[Claimed]) -> Mapping[str, Verdict]:
    began = desk.clock.now()
    try:
        return desk.reviews.review([message.notice_id for message in asked])
    finally:
        desk.pace.answered(desk.clock.now() - began)


def _sorted(
    asked: Sequence[Claimed], verdicts: Mapping[str, Verdict]
) -> tuple[list[tuple[Claimed, Letter]], list[tuple[Claimed, Withheld | Unusable]]]:
    """What may go out, and what may not."""
    letters, refused = [], []
    for message in asked:
        verdict = verdicts[message.notice_id]
        if isinstance(verdict, Letter):
            letters.append((message, verdict))
        else:
            refused.append((message, verdict))
    return letters, refused


def _send_letters(
    desk: Desk, letters: Sequence[tuple[Claimed, Letter]], paper: _Paper, reviewed_at: datetime
) -> tuple[int, bool]:
    """Sends the first, and the others as long as the look holds and the connection stands.

    Returns how many are done, and whether the server can be used.
    """
    for done, (message, letter) in enumerate(letters):
        stale = desk.clock.now() - reviewed_at > REVIEW_HOLDS
        if done and (stale or not desk.transport.is_open()):
            return done, True
        went = _send_one(desk, message, letter, paper)
        if went is not _Went.ON:
            return done + (went is _Went.NOWHERE), went is _Went.UNHEARD
    return len(letters), True


def _withhold(
    desk: Desk, refused: Sequence[tuple[Claimed, Withheld | Unusable]], reviewed_at: datetime
) -> None:
    """Records what may not go out; after the letters, which must not grow older meanwhile."""
    if not refused:
        return
    now = desk.clock.now()
    with desk.begin() as work:
        for message, verdict in refused:
            if isinstance(verdict, Withheld):
                work.messages.withhold(message, desk.owner, verdict, reviewed_at, now)
            else:
                _record(work, desk.owner, message, Never(verdict.reason), now)
    desk.announced()


def _send_one(desk: Desk, message: Claimed, letter: Letter, paper: _Paper) -> _Went:
    """Writes and hands over one mail."""
    past = _past(message)
    written = _write(desk, message, letter, paper, past)
    if not isinstance(written, Rendered):
        _finish(desk, message, written)
        return _Went.ON
    now = desk.clock.now()
    with desk.begin() as work:
        ours = work.messages.processed(message, desk.owner, written, now, now + ATTEMPT_LEASE)
    if not ours:
        return _Went.ON
    answer = desk.transport.send(written, together=all_together(past))
    if answer.unheard:
        return _Went.UNHEARD
    outcome = judge(answer, past, desk.clock.now())
    _finish(desk, message, outcome)
    if isinstance(outcome, Later) and outcome.unreachable:
        _broke(desk, answer)
        return _Went.NOWHERE
    desk.circuit.took()
    return _Went.ON


def _past(message: Claimed) -> Past:
    return Past(message.attempts, message.drops, message.tried_at)


def _give_up_for_now(desk: Desk, batch: Sequence[Claimed], trouble: Answer) -> None:
    """No connection: one message tells of it in its history, and all wait for a probe to get through."""
    _finish(desk, batch[0], judge(trouble, _past(batch[0]), desk.clock.now()))
    _broke(desk, trouble)
    _release(desk, batch[1:])


def _broke(desk: Desk, answer: Answer) -> None:
    if desk.circuit.broke(desk.clock.now(), refused=(answer.code or 0) >= 500):
        log.warning("smtp server cannot be used", answer=answer.text)


def _write(desk: Desk, message: Claimed, letter: Letter, paper: _Paper, past: Past) -> Rendered | Outcome:
    try:
        template = paper.templates[letter.type]
        return desk.press.write(letter, template, paper.company, message, desk.clock.now())
    except CannotWrite as refusal:
        return Never(f"{refusal.reason}: {refusal.message}")
    except Exception as error:
        # A mistake of ours in writing one mail must not stop the others behind it in the queue.
        log.exception("mail not written", notice_id=message.notice_id)
        return not_written(f"{type(error).__name__}.", past, desk.clock.now())


def _finish(desk: Desk, message: Claimed, outcome: Outcome) -> None:
    with desk.begin() as work:
        _record(work, desk.owner, message, outcome, desk.clock.now())
    if not isinstance(outcome, Later):
        desk.announced()


def _record(work: Work, owner: str, message: Claimed, outcome: Outcome, at: datetime) -> None:
    """The outcome in the history, and as a fact where it is final."""
    if isinstance(outcome, Sent):
        if work.messages.sent(message, outcome.detail, at):
            body = {"notice_id": message.notice_id, "message_id": message.message_id}
            work.announce("message_sent", body, at)
    elif isinstance(outcome, Later):
        work.messages.later(message, owner, outcome, at)
    elif work.messages.failed(message, owner, outcome.detail, at):
        body = {"notice_id": message.notice_id, "reason": outcome.detail}
        work.announce("message_failed", body, at)

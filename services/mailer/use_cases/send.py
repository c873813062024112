"""Sending: claim, connect, second look, write, hand over, record.

What makes it safe to be killed at any point:

1. A claim is a lease. A message whose attempt has not begun is claimed again after the lease, or at once
   when its owner is known to be dead.
2. Before the server is spoken to, one transaction checks that the leases are still ours, renews them, and
   stores the mails. So no two workers speak about the same message.
3. After each answer of the server its outcome is recorded, before the next mail is begun. So a kill leaves
   at most one message for each open connection that was taken but not recorded.

What makes the second look late: the connection is made before it is asked for, and nothing is sent on a look
older than `REVIEW_HOLDS`. Only for the first mail of an answer the time counts from when the answer came, so
that even a slow scheduler is not asked in vain (`ANSWER_HOLDS`). How many mails are looked at and written
together is up to the pace, so that few of them wait in vain for a slow server.
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
    all_together,
    judge,
    not_written,
)
from services.mailer.domain.letter import Letter, Unusable, Verdict, Withheld
from services.mailer.domain.message import CannotWrite, Claimed, Rendered
from services.mailer.domain.pace import Pace
from services.mailer.domain.templates import Template, TemplateType
from services.mailer.ports import Begin, Ending, Press, Reviews, ReviewUnavailable, Transport
from services.mailer.use_cases.keep import LEASE, PATIENCE, UnderWay
from services.mailer.use_cases.record import Recorder
from services.shared.clock import Clock

log = structlog.get_logger()

BATCH = 50
"""Messages claimed in one go; how many of them one second look asks for is up to the pace."""

REVIEW_HOLDS = timedelta(seconds=1)
"""A second look asked for longer ago is taken again, except for the first mail of an answer."""

ANSWER_HOLDS = timedelta(seconds=2)
"""The first mail of an answer that came longer ago is looked at again: storing it took that long."""

REVIEW_RETRY = timedelta(seconds=2)
"""Until the second look is asked for again, when it cannot be had."""


@dataclass(frozen=True)
class Desk:
    """One send worker with its tools; transport and pace are its own, the rest is shared by the process."""

    begin: Begin
    reviews: Reviews
    press: Press
    transport: Transport
    circuit: Circuit
    recorder: Recorder
    under_way: UnderWay
    clock: Clock
    owner: str
    pace: Pace = field(default_factory=Pace)
    may_take_over: Callable[[], bool] = lambda: True
    """Whether what others have held for too long may be claimed; see outage.py."""
    more: Callable[[], None] = lambda: None
    """Called when there is more to do than one worker has claimed, to wake the others."""


class _Went(Enum):
    """What became of the connection while one mail was dealt with."""

    ON = "on"
    """It serves the next mail, or a new one can be made."""

    UNHEARD = "unheard"
    """It had ended before the mail was named; the same mail needs a new one."""

    NOWHERE = "nowhere"
    """The server cannot be used."""


@dataclass(frozen=True)
class _Look:
    """When a second look was asked for, and when its answer came."""

    asked_at: datetime
    answered_at: datetime

    def is_stale(self, now: datetime, *, first: bool) -> bool:
        """Whether nothing more may be sent on it; `first` is the first mail of the answer."""
        return now - self.answered_at > ANSWER_HOLDS if first else now - self.asked_at > REVIEW_HOLDS


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
        batch = work.messages.claim(desk.owner, now, now + LEASE, BATCH, abandoned=desk.may_take_over())
        paper = _Paper(work.templates.newest(), work.company.profile()) if batch else None
    if paper is None:
        desk.transport.rest()
        return False
    if len(batch) == BATCH:
        desk.more()
    return _work_through(desk, batch, paper, now)


def _work_through(desk: Desk, batch: list[Claimed], paper: _Paper, claimed_at: datetime) -> bool:
    """Group by group: connect, look, write, send; whether the server can be used."""
    while batch:
        trouble = desk.transport.ready()
        if trouble is not None:
            _give_up_for_now(desk, batch, trouble)
            return False
        asked_at, asked = desk.clock.now(), batch[: desk.pace.most]
        if asked_at - claimed_at > PATIENCE:
            _release(desk, batch)
            return True
        try:
            verdicts = _review(desk, asked)
        except ReviewUnavailable as error:
            _await_review(desk, batch, str(error))
            return False
        look = _Look(asked_at, desk.clock.now())
        letters, refused = _sorted(asked, verdicts)
        left, usable = _send_letters(desk, letters, paper, look)
        _withhold(desk, refused)
        desk.pace.went(len(asked) - len(left), desk.clock.now() - asked_at)
        batch = left + batch[len(asked) :]
        if not usable:
            _release(desk, batch)
            return False
    return True


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
        work.messages.release(batch, desk.clock.now())


def _await_review(desk: Desk, batch: Sequence[Claimed], why: str) -> None:
    now = desk.clock.now()
    with desk.begin() as work:
        work.messages.await_review(batch, why, now + REVIEW_RETRY, now)


def _review(desk: Desk, asked: Sequence[Claimed]) -> Mapping[str, Verdict]:
    began = desk.clock.now()
    try:
        return desk.reviews.review([message.notice_id for message in asked])
    except ReviewUnavailable:
        desk.pace.went(0, desk.clock.now() - began)
        raise


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
    desk: Desk, letters: Sequence[tuple[Claimed, Letter]], paper: _Paper, look: _Look
) -> tuple[list[Claimed], bool]:
    """Sends the first, and the others as long as the look holds and the connection stands.

    Returns what is left to be looked at once more, and whether the server can be used.
    """
    mails = _write_all(desk, letters, paper)
    for done, (message, mail) in enumerate(mails):
        if look.is_stale(desk.clock.now(), first=not done) or (done and not desk.transport.is_open()):
            return [message for message, _mail in mails[done:]], True
        went = _send_one(desk, message, mail)
        if went is not _Went.ON:
            left = [message for message, _mail in mails[done + (went is _Went.NOWHERE) :]]
            return left, went is _Went.UNHEARD
    return [], True


def _write_all(
    desk: Desk, letters: Sequence[tuple[Claimed, Letter]], paper: _Paper
) -> list[tuple[Claimed, Rendered]]:
    """The mails that may now be handed over, stored; those that cannot be written are told of."""
    mails, unwritten = [], []
    for message, letter in letters:
        written = _write(desk, message, letter, paper)
        if isinstance(written, Rendered):
            mails.append((message, written))
        else:
            unwritten.append(Ending(message, written))
    if unwritten:
        desk.recorder.record(*unwritten)
    if not mails:
        return []
    now = desk.clock.now()
    with desk.begin() as work:
        return work.messages.processed(mails, now, now + LEASE)


def _write(desk: Desk, message: Claimed, letter: Letter, paper: _Paper) -> Rendered | Outcome:
    try:
        template = paper.templates[letter.type]
        return desk.press.write(letter, template, paper.company, message, desk.clock.now())
    except CannotWrite as refusal:
        return Never(f"{refusal.reason}: {refusal.message}")
    except Exception as error:
        # A mistake of ours in writing one mail must not stop the others behind it in the queue.
        log.exception("mail not written", notice_id=message.notice_id)
        return not_written(f"{type(error).__name__}.", _past(message), desk.clock.now())


def _send_one(desk: Desk, message: Claimed, mail: Rendered) -> _Went:
    """Hands over one mail, and records how that ended."""
    past = _past(message)
    with desk.under_way.mail(message, desk.clock.now()):
        answer = desk.transport.send(mail, together=all_together(past))
        if answer.unheard:
            return _Went.UNHEARD
        outcome = judge(answer, past, desk.clock.now())
        desk.recorder.record(Ending(message, outcome, mail))
    if isinstance(outcome, Later) and outcome.unreachable:
        _broke(desk, answer)
        return _Went.NOWHERE
    desk.circuit.took()
    return _Went.ON


def _withhold(desk: Desk, refused: Sequence[tuple[Claimed, Withheld | Unusable]]) -> None:
    """Records what may not go out; after the letters, because these grow old while they wait."""
    withheld = [(message, verdict) for message, verdict in refused if isinstance(verdict, Withheld)]
    unusable = [
        Ending(message, Never(verdict.reason))
        for message, verdict in refused
        if isinstance(verdict, Unusable)
    ]
    if withheld:
        with desk.begin() as work:
            work.messages.withhold(withheld, desk.clock.now())
    if unusable:
        desk.recorder.record(*unusable)


def _past(message: Claimed) -> Past:
    return Past(message.attempts, message.drops, message.tried_at)


def _give_up_for_now(desk: Desk, batch: Sequence[Claimed], trouble: Answer) -> None:
    """No connection: one message tells of it in its history, and all wait for a probe to get through."""
    desk.recorder.record(Ending(batch[0], judge(trouble, _past(batch[0]), desk.clock.now())))
    _broke(desk, trouble)
    _release(desk, batch[1:])


def _broke(desk: Desk, answer: Answer) -> None:
    if desk.circuit.broke(desk.clock.now(), refused=(answer.code or 0) >= 500):
        log.warning("smtp server cannot be used", answer=answer.text)

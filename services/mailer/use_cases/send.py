"""Sending: claim, connect, second look, leave to go, write, hand over, record.

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

What makes the stop switch stop: it is looked at when mails are claimed, in the transaction that stores them,
and with each outcome that is recorded. So once it is set, each open connection ends the mail that it is at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile

import structlog

from services.mailer.domain.circuit import Leave
from services.mailer.domain.delivery import Answer, Later, Never, all_together, judge
from services.mailer.domain.letter import Letter, NotYet, Unusable, Verdict, Withheld
from services.mailer.domain.message import Claimed, Rendered
from services.mailer.domain.sending import CompanyZone
from services.mailer.ports import Ending, Reviewed, ReviewUnavailable
from services.mailer.use_cases.admit import Admitted, admit
from services.mailer.use_cases.claim import BATCH, Claim, days_have_moved, take
from services.mailer.use_cases.desk import Desk, past
from services.mailer.use_cases.keep import PATIENCE
from services.mailer.use_cases.put_off import put_off
from services.mailer.use_cases.write import Paper, write_all

log = structlog.get_logger()

REVIEW_HOLDS = timedelta(seconds=1)
"""A second look asked for longer ago is taken again, except for the first mail of an answer."""

ANSWER_HOLDS = timedelta(seconds=2)
"""The first mail of an answer that came longer ago is looked at again: storing it took that long."""

REVIEW_RETRY = timedelta(seconds=2)
"""Until the second look is asked for again, when it cannot be had."""

UNANSWERED = "Waits for the second look; the scheduler's answer was incomplete."
"""Or of a kind that only newer releases know: then it waits until this one is brought up to date."""

_No = Withheld | NotYet | Unusable | None


class _Went(Enum):
    """What became of the connection while one mail was dealt with."""

    ON = "on"
    """It serves the next mail, or a new one can be made."""

    UNHEARD = "unheard"
    """It had ended before the mail was named; the same mail needs a new one."""

    NOWHERE = "nowhere"
    """Nothing more may be handed over: the server cannot be used, or everything was stopped."""


@dataclass(frozen=True)
class _Look:
    """When a second look was asked for, and when its answer came."""

    asked_at: datetime
    answered_at: datetime

    def is_stale(self, now: datetime, *, first: bool) -> bool:
        """Whether nothing more may be sent on it; `first` is the first mail of the answer."""
        return now - self.answered_at > ANSWER_HOLDS if first else now - self.asked_at > REVIEW_HOLDS


def send_some(desk: Desk) -> bool:
    """Sends what is due, at most a batch; whether there may be more to do at once."""
    if not _server_is_there(desk):
        return False
    now = desk.clock.now()
    with desk.begin() as work:
        claim = take(desk, work, now)
        paper = Paper(work.templates.newest(), work.company.profile()) if claim.batch else None
    if paper is None:
        desk.transport.rest()
        return claim.is_capped and days_have_moved(desk, claim.time_zone)
    if len(claim.batch) == BATCH:
        desk.more()
    return _work_through(desk, claim, paper, now)


def _work_through(desk: Desk, claim: Claim, paper: Paper, claimed_at: datetime) -> bool:
    """Group by group: connect, look, write, send; whether the server can be used."""
    batch = claim.batch
    while batch:
        trouble = desk.transport.ready()
        if trouble is not None:
            _give_up_for_now(desk, batch, trouble)
            return False
        asked_at, asked = desk.clock.now(), _alike(batch[: desk.pace.most])
        if asked_at - claimed_at > PATIENCE:
            _release(desk, batch)
            return True
        try:
            verdicts, company_time_zone = _review(desk, asked)
        except ReviewUnavailable as error:
            _await_review(desk, batch, str(error))
            return False
        look = _Look(asked_at, desk.clock.now())
        letters, refused = _sorted(asked, verdicts)
        company = CompanyZone(company_time_zone, instead_of=claim.time_zone)
        mails, is_stopped = admit(letters, begin=desk.begin, now=desk.clock.now(), company=company)
        left, usable = _send_letters(desk, mails, paper, look)
        _keep_back(desk, refused)
        desk.pace.went(len(asked) - len(left), desk.clock.now() - asked_at)
        batch = left + batch[len(asked) :]
        if not usable or is_stopped:
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


def _alike(batch: Sequence[Claimed]) -> list[Claimed]:
    """The first messages, as long as all or none of them are tests: nobody is asked about these."""
    return list(takewhile(lambda message: message.is_test is batch[0].is_test, batch))


def _review(desk: Desk, asked: Sequence[Claimed]) -> Reviewed:
    if asked[0].is_test:
        return Reviewed(_drafted(desk, asked))
    began = desk.clock.now()
    try:
        return desk.reviews.review([message.notice_id for message in asked])
    except ReviewUnavailable:
        desk.pace.went(0, desk.clock.now() - began)
        raise


def _drafted(desk: Desk, tests: Sequence[Claimed]) -> Mapping[str, Verdict]:
    """The letters of tests; the books have nothing to say about them."""
    with desk.begin() as work:
        drafts = work.drafts.of([message.key for message in tests])
    day = desk.clock.now().date()
    return {message.notice_id: drafts[message.key].letter(day) for message in tests}


def _sorted(
    asked: Sequence[Claimed], verdicts: Mapping[str, Verdict]
) -> tuple[list[tuple[Claimed, Letter]], list[tuple[Claimed, _No]]]:
    """What may go out now, and what may not."""
    letters, refused = [], []
    for message in asked:
        verdict = verdicts.get(message.notice_id)
        if isinstance(verdict, Letter):
            letters.append((message, verdict))
        else:
            refused.append((message, verdict))
    return letters, refused


def _send_letters(desk: Desk, letters: Admitted, paper: Paper, look: _Look) -> tuple[list[Claimed], bool]:
    """Sends the first, and the others as long as the look holds and the connection stands.

    Returns what is left to be looked at once more, and whether it may be handed over at all.
    """
    mails, is_stopped = write_all(desk, letters, paper)
    if is_stopped:
        return [message for message, _mail in mails], False
    for done, (message, mail) in enumerate(mails):
        if look.is_stale(desk.clock.now(), first=not done) or (done and not desk.transport.is_open()):
            return [message for message, _mail in mails[done:]], True
        went = _send_one(desk, message, mail)
        if went is not _Went.ON:
            left = [message for message, _mail in mails[done + (went is _Went.NOWHERE) :]]
            return left, went is _Went.UNHEARD
    return [], True


def _send_one(desk: Desk, message: Claimed, mail: Rendered) -> _Went:
    """Hands over one mail, and records how that ended."""
    before = past(message)
    with desk.under_way.mail(message, desk.clock.now()):
        answer = desk.transport.send(mail, together=all_together(before))
        if answer.unheard:
            return _Went.UNHEARD
        outcome = judge(answer, before, desk.clock.now())
        is_stopped = desk.recorder.record(Ending(message, outcome, mail))
    if isinstance(outcome, Later) and outcome.unreachable:
        _broke(desk, answer)
        return _Went.NOWHERE
    desk.circuit.took()
    return _Went.NOWHERE if is_stopped else _Went.ON


def _keep_back(desk: Desk, refused: Sequence[tuple[Claimed, _No]]) -> None:
    """Records what may not go out; after the letters, because these grow old while they wait."""
    waiting = [(message, verdict) for message, verdict in refused if isinstance(verdict, NotYet)]
    withheld = [(message, verdict) for message, verdict in refused if isinstance(verdict, Withheld)]
    unusable = [
        Ending(message, Never(verdict.reason))
        for message, verdict in refused
        if isinstance(verdict, Unusable)
    ]
    unanswered = [message for message, verdict in refused if verdict is None]
    put_off(waiting, begin=desk.begin, now=desk.clock.now())
    if unanswered:
        _await_review(desk, unanswered, UNANSWERED)
    if withheld:
        with desk.begin() as work:
            work.messages.withhold(withheld, desk.clock.now())
    if unusable:
        desk.recorder.record(*unusable)


def _give_up_for_now(desk: Desk, batch: Sequence[Claimed], trouble: Answer) -> None:
    """No connection: one message tells of it in its history, and all wait for a probe to get through."""
    desk.recorder.record(Ending(batch[0], judge(trouble, past(batch[0]), desk.clock.now())))
    _broke(desk, trouble)
    _release(desk, batch[1:])


def _broke(desk: Desk, answer: Answer) -> None:
    if desk.circuit.broke(desk.clock.now(), refused=(answer.code or 0) >= 500):
        log.warning("smtp server cannot be used", answer=answer.text)

"""Writing the mails of a second look, and storing them right before the first of them is handed over."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from services.mailer.domain.company import Profile
from services.mailer.domain.delivery import Never, Outcome, not_written
from services.mailer.domain.letter import Letter
from services.mailer.domain.message import CannotWrite, Claimed, Rendered
from services.mailer.domain.templates import Key, Template, chosen
from services.mailer.ports import Ending
from services.mailer.use_cases.admit import Admitted
from services.mailer.use_cases.desk import Desk, past
from services.mailer.use_cases.keep import LEASE

log = structlog.get_logger()


@dataclass(frozen=True)
class Paper:
    """What all mails of a batch are written on."""

    templates: dict[Key, Template]
    company: Profile


def write_all(desk: Desk, letters: Admitted, paper: Paper) -> tuple[list[tuple[Claimed, Rendered]], bool]:
    """The mails that may now be handed over, stored, unless everything was stopped meanwhile.

    Those that cannot be written are told of.
    """
    mails, unwritten = [], []
    for message, letter, left_out in letters:
        written = _write(desk, message, letter, paper)
        if isinstance(written, Rendered):
            mails.append((message, replace(written, left_out=left_out) if left_out else written))
        else:
            unwritten.append(Ending(message, written))
    if unwritten:
        desk.recorder.record(*unwritten)
    if not mails:
        return [], False
    now = desk.clock.now()
    with desk.begin() as work:
        if work.sending.read().is_stopped:
            return mails, True
        return work.messages.processed(mails, now, now + LEASE), False


def _write(desk: Desk, message: Claimed, letter: Letter, paper: Paper) -> Rendered | Outcome:
    try:
        at = desk.clock.now()
        mail = desk.press.write(letter, _template(letter, paper, at), paper.company, message, at)
    except CannotWrite as refusal:
        return Never(f"{refusal.reason}: {refusal.message}")
    except Exception as error:
        # A mistake of ours in writing one mail must not stop the others behind it in the queue.
        log.exception("mail not written", notice_id=message.notice_id)
        return not_written(f"{type(error).__name__}.", past(message), desk.clock.now())
    path = desk.return_path(message)
    return replace(mail, sender=path.address, envelope_id=path.envelope_id) if path else mail


def _template(letter: Letter, paper: Paper, at: datetime) -> Template:
    wanted = Key(letter.type, letter.language, letter.threshold_days)
    if letter.draft is not None:
        return Template(wanted, 0, letter.draft, at, "")
    return chosen(paper.templates, wanted, paper.company.company.language)

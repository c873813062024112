"""Before mails are written: who is left out, and what has to wait for the switch, the cap or its domain.

One transaction for all letters of a second look, with a fixed small number of statements. What it counts or
gives a slot is noted with the message, so that a mail that is looked at again counts once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.mailer.domain.addresses import domain_of
from services.mailer.domain.letter import Letter, Withheld
from services.mailer.domain.message import Claimed, Lane
from services.mailer.domain.sending import CompanyZone, Limits, beginning, today
from services.mailer.domain.spread import Spread
from services.mailer.ports import Begin, Work
from services.mailer.ports_sending import Known
from services.mailer.use_cases.sending import follow_time_zone
from services.shared.addresses import compared

SUPPRESSED = "ADDRESSES_SUPPRESSED"
"""What the scheduler is told when nobody is left."""

Admitted = list[tuple[Claimed, Letter, tuple[str, ...]]]
"""Mails that may be written now: to whom, and who is left out."""


def admit(
    letters: Sequence[tuple[Claimed, Letter]], *, begin: Begin, now: datetime, company: CompanyZone
) -> tuple[Admitted, bool]:
    """Those that may be written now, and whether everything is stopped. All others are back in the queue.

    Days are those of the company's time zone.
    """
    if not letters:
        return [], False
    with begin() as work:
        sending = work.sending.read()
        if sending.is_stopped:
            work.messages.release([message for message, _letter in letters], now)
            return [], True
        limits = follow_time_zone(sending.limits, company, work, now)
        emails = {compared(one.email) for _message, letter in letters for one in letter.recipients}
        known = work.suppressions.known(emails)
        deliverable, nobody = _deliverable(letters, known)
        going = _within(limits, deliverable, work, now)
        # Last, in the order of locks that repository/sending.py names.
        _withhold(nobody, work, now)
        work.suppressions.note_left(_watched(going, known), now)
        return going, False


def _deliverable(
    letters: Sequence[tuple[Claimed, Letter]], known: Known
) -> tuple[Admitted, list[tuple[Claimed, Withheld]]]:
    """Each without suppressed addresses; and those to nobody else."""
    left: Admitted = []
    nobody: list[tuple[Claimed, Withheld]] = []
    for message, letter in letters:
        out = tuple(one.email for one in letter.recipients if compared(one.email) in known.suppressed)
        others = tuple(one for one in letter.recipients if one.email not in out)
        if not others:
            nobody.append((message, Withheld(SUPPRESSED, f"Mails to {', '.join(out)} come back.")))
            continue
        left.append((message, replace(letter, recipients=others) if out else letter, out))
    return left, nobody


def _watched(going: Admitted, known: Known) -> list[tuple[str, int]]:
    """What leaves for addresses from which mails have come back, with the key of the message."""
    return [
        (key, message.key)
        for message, letter, _out in going
        for one in letter.recipients
        if (key := compared(one.email)) in known.watched
    ]


def _withhold(nobody: Sequence[tuple[Claimed, Withheld]], work: Work, now: datetime) -> None:
    if not nobody:
        return
    whys = {message.key: why for message, why in nobody}
    for message in work.messages.withhold(nobody, now):
        # The scheduler knows of no test.
        if not message.is_test:
            why = whys[message.key]
            fact = {"notice_id": message.notice_id, "reason": why.explanation, "code": why.reason}
            work.announce("message_failed", fact, now)


def _within(limits: Limits, mails: Admitted, work: Work, now: datetime) -> Admitted:
    """What today's cap and the lines of domains let through."""
    if not limits.daily_cap and not limits.domain_per_minute:
        return mails
    day = today(limits, now)
    gate = _Gate(
        limits=limits,
        day=day,
        spent=work.sending.lock_day(day, beginning(limits, day)) if limits.daily_cap else 0,
        spread=_spread(limits, mails, work, now),
    )
    going = [(passed, letter, out) for one, letter, out in mails if (passed := gate.passes(one, letter))]
    if gate.counted:
        work.sending.spend(day, len(gate.counted))
    if gate.spread is not None:
        work.sending.keep_lines(gate.spread.changed())
    work.messages.count_on(gate.counted, day)
    work.messages.release(gate.held, now)
    work.messages.stand_in_line(gate.waiting, now)
    return going


@dataclass
class _Gate:
    """Lets mails pass one by one, as long as there is room."""

    limits: Limits
    day: date
    spent: int
    spread: Spread | None
    counted: list[Claimed] = field(default_factory=list)
    held: list[Claimed] = field(default_factory=list)
    """For another day: they are due as before, and nobody claims them until then (see `open_lanes`)."""
    waiting: list[tuple[Claimed, datetime, str]] = field(default_factory=list)
    """For their turn in the line."""

    def passes(self, message: Claimed, letter: Letter) -> Claimed | None:
        """The message, with what it has been given; None if it has to wait."""
        counts = bool(self.limits.daily_cap) and message.counted_on != self.day.isoformat()
        if counts and message.lane is not Lane.AT_ONCE and self._is_full():
            self.held.append(message)
            return None
        if self.spread is not None and not message.has_slot:
            domains = _domains(letter)
            until = self.spread.ask(domains, message.lane, waited=message.in_line)
            if until is not None:
                self.waiting.append((message, until, self._why(domains)))
                return None
            message = replace(message, has_slot=True)
        if counts:
            message = replace(message, counted_on=self.day.isoformat())
            self.counted.append(message)
        return message

    def _is_full(self) -> bool:
        return self.spent + len(self.counted) >= self.limits.daily_cap

    def _why(self, domains: Collection[str]) -> str:
        most, names = self.limits.domain_per_minute, ", ".join(sorted(domains))
        return f"Waits for its turn: at most {most} mails a minute leave for {names}."


def _spread(limits: Limits, mails: Admitted, work: Work, now: datetime) -> Spread | None:
    if not limits.domain_per_minute:
        return None
    asking = {
        domain for message, letter, _out in mails if not message.has_slot for domain in _domains(letter)
    }
    return Spread(work.sending.lock_lines(asking), limits.domain_per_minute, now)


def _domains(letter: Letter) -> set[str]:
    return {domain_of(one.email) for one in letter.recipients}

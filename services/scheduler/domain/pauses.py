"""Pauses: until a date no reminders go to an organization, or none about one invoice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.scheduler.domain.books import Invoice
from services.scheduler.domain.notice import NoticeType
from services.shared.errors import Invalid, Violation

MOST_DAYS = 366
LATEST_DAYS = 90
"""A promise that was broken is kept once it is paid, up to so many days after the promised date."""

LONGEST_NOTE = 1000


class PauseReason(StrEnum):
    """Why reminders are paused."""

    DISPUTE = "dispute"
    PROMISE_TO_PAY = "promise_to_pay"
    PAYMENT_PLAN = "payment_plan"
    OTHER = "other"


class Promise(StrEnum):
    """What became of a promise to pay."""

    KEPT = "kept"
    BROKEN = "broken"


class PauseState(StrEnum):
    """Where a pause stands."""

    IN_FORCE = "in_force"
    OVER = "over"
    ENDED = "ended"
    REPLACED = "replaced"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"


class PauseView(StrEnum):
    """A part of the pauses; broken promises are those that no newer pause of the same thing has followed."""

    ALL = "all"
    IN_FORCE = "in_force"
    BROKEN_PROMISES = "broken_promises"


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause. `invoice_id` is 0 for one of the whole organization.

    `resumes_on` is the first date, in the organization's zone, on which mails go again; that it begins at
    `resumes_at` is for showing only, since the zone may change. `promised` are the invoices that were to be
    paid by the day before, as promised.
    """

    pause_id: str
    organization_id: str
    invoice_id: int
    invoice_number: str
    reason: PauseReason
    note: str
    resumes_on: date
    resumes_at: datetime
    added_by: str
    added_at: datetime
    promised: tuple[int, ...] = ()
    promise: Promise | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    replaced_by: str = ""

    def state(self, now: datetime) -> PauseState:
        """Where it stands at that instant."""
        if self.replaced_by:
            return PauseState.REPLACED
        if self.ended_at is not None:
            return PauseState.ENDED
        # As long as it forbids it says so, and can be ended, whatever is known of its promise.
        if now < self.resumes_at:
            return PauseState.IN_FORCE
        if self.promise is not None:
            return PauseState.PROMISE_KEPT if self.promise is Promise.KEPT else PauseState.PROMISE_BROKEN
        return PauseState.OVER

    def ended(self, by: str, at: datetime, *, replaced_by: str = "") -> "Pause":
        """The same, ended or replaced at that instant; as it is where it does not hold any more."""
        if self.state(at) is not PauseState.IN_FORCE:
            return self
        return replace(self, ended_at=at, ended_by=by, replaced_by=replaced_by)


class Live(NamedTuple):
    """What a decision needs to know of a pause that was not ended; `invoice_id` as in `Pause`."""

    organization_id: str
    invoice_id: int
    resumes_on: date


class Paused:
    """The pauses that may hold, asked date by date."""

    def __init__(self, live: Iterable[Live]) -> None:
        self._ends = {(one.organization_id, one.invoice_id): one.resumes_on for one in live}

    def forbids(self, type: NoticeType, organization_id: str, invoice_id: int, today: date) -> bool:
        """Whether a mail of the type that goes by itself, about that invoice or none (0), may not go.

        `today` is the organization's local date.
        """
        return bool(self._ends) and self.until(type, organization_id, invoice_id, today) is not None

    def until(self, type: NoticeType, organization_id: str, invoice_id: int, today: date) -> date | None:
        """On which date it may go again; None if it may today."""
        ends = (self._ends.get((organization_id, one)) for one in _paused_by(type, invoice_id))
        return max((end for end in ends if end is not None and today < end), default=None)

    def invoices(self, organization_id: str, today: date) -> frozenset[int]:
        """The invoices of the organization that have a pause of their own on that local date."""
        return frozenset(
            invoice_id
            for (paused, invoice_id), end in self._ends.items()
            if invoice_id and paused == organization_id and today < end
        )


NOTHING_PAUSED = Paused(())

PAUSABLE = frozenset({NoticeType.DUE_NOTICE, NoticeType.ACCOUNT_SUMMARY, NoticeType.INVOICE})
"""What asks for money that is owed. All else tells what has happened, or will by itself."""


def _paused_by(type: NoticeType, invoice_id: int) -> tuple[int, ...]:
    """The invoices whose pauses forbid a mail of the type, 0 standing for all of the organization.

    That an invoice has come in is no reminder: only a pause of that very invoice forbids it.
    """
    match type:
        case NoticeType.DUE_NOTICE:
            return 0, invoice_id
        case NoticeType.ACCOUNT_SUMMARY:
            return (0,)
        case NoticeType.INVOICE:
            return (invoice_id,)
    return ()


def check_pause(
    reason: PauseReason | None, note: str, resumes_on: date | None, today: date
) -> tuple[PauseReason, date]:
    """The reason and the end. `Invalid` (PAUSE_INVALID) that names each field that is wrong.

    `today` is the organization's date.
    """
    violations = list(_problems(reason, note, resumes_on, today))
    if violations or reason is None or resumes_on is None:
        message = " ".join(violation.description for violation in violations)
        raise Invalid(message, reason="PAUSE_INVALID", violations=violations)
    return reason, resumes_on


def _problems(
    reason: PauseReason | None, note: str, resumes_on: date | None, today: date
) -> Iterator[Violation]:
    if reason is None:
        yield Violation("reason", "REASON_MISSING", "Choose why reminders are paused.")
    if len(note) > LONGEST_NOTE:
        yield Violation("note", "NOTE_TOO_LONG", f"A note has at most {LONGEST_NOTE} characters.")
    last = today + timedelta(days=MOST_DAYS)
    if resumes_on is None:
        yield Violation("resumes_on", "END_MISSING", "Say on which date reminders go again.")
    elif resumes_on <= today:
        words = f"Reminders can go again from tomorrow on, {today + timedelta(days=1)}, at the earliest."
        yield Violation("resumes_on", "END_TOO_EARLY", words)
    elif resumes_on > last:
        yield Violation("resumes_on", "END_TOO_LATE", f"A pause ends within {MOST_DAYS} days, by {last}.")


def promised_of(invoices: Iterable[Invoice], resumes_on: date, *, one: bool) -> tuple[int, ...]:
    """The invoices that are promised to be paid by the day before: the open ones that are due by then.

    A promise about `one` invoice holds for it whenever it is due.
    """
    return tuple(
        invoice.invoice_id
        for invoice in invoices
        if _is_open(invoice) and (one or (invoice.due_on is not None and invoice.due_on < resumes_on))
    )


def judged_again_from(today: date) -> date:
    """The first `resumes_on`, the day after the promised one, of which a broken promise is judged again."""
    return today - timedelta(days=LATEST_DAYS - 1)


def judge(promised: Iterable[Invoice]) -> Promise | None:
    """What became of the promise, as its invoices stand after its date; None while a payment is under way.

    All of its invoices are needed: one that is not known may still be open.
    """
    still_open = [one for one in promised if _is_open(one)]
    if not still_open:
        return Promise.KEPT
    if all(one.reserved_minor >= one.balance_minor for one in still_open):
        return None
    return Promise.BROKEN


def _is_open(invoice: Invoice) -> bool:
    return invoice.status == "open" and invoice.balance_minor > 0

"""What would come next for one invoice, in words for staff."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.books import DueInvoice, Subject
from services.scheduler.domain.deciding import NOTHING_KNOWN, decide
from services.scheduler.domain.notice import Decision, Known, Notice, State
from services.scheduler.domain.reasons import explanation
from services.scheduler.domain.thresholds import in_words, next_threshold, reached


class NextNotice(NamedTuple):
    """The next threshold that will be reached, and on which local date."""

    threshold: int
    on: date


class Explanation(NamedTuple):
    """Everything about one invoice; notices and decisions oldest first."""

    invoice_id: int
    notices: tuple[Notice, ...]
    decisions: tuple[Decision, ...]
    now: str
    next: NextNotice | None


_STATUS = {
    "paid": "the invoice is paid",
    "cancelled": "the invoice was cancelled",
    "third_party": "the invoice was handed over to a third party",
}


def why_silent(subject: Subject) -> str:
    """Why no rule can apply to the invoice, as half a sentence; empty if one can."""
    invoice = subject.invoice
    if invoice.status != "open":
        return _STATUS.get(invoice.status, "the invoice is not open")
    if invoice.balance_minor <= 0:
        return "nothing is left to pay"
    return "" if invoice.due_on else "the invoice has no due date"


def what_now(
    subject: Subject,
    thresholds: Collection[int],
    today: date,
    known: Mapping[int, Known],
    *,
    excluded: bool,
    paused: bool = False,
    untold: str = "",
) -> str:
    """What a tick would do on this date; `known` are the notices of the present due date by threshold.

    `untold` is why none of the invoice's addresses would get a mail, empty if one would.
    """
    silent = why_silent(subject)
    due_on = subject.invoice.due_on
    if silent or due_on is None:
        return f"Nothing: {silent}."
    plan = reached(thresholds, (today - due_on).days)
    if plan is None:
        return "Nothing: no rule that is on applies today."
    name = f"“{in_words(plan.candidate)}”"
    due = _as_due(subject, due_on)
    for outcome in decide(due, plan, known, excluded=excluded, paused=paused, untold=untold):
        if outcome.threshold == plan.candidate:
            return (
                f"{_WOULD[outcome.state].format(name=name)} {explanation(outcome.reason, outcome.threshold)}"
            )
    state = known[plan.candidate].state
    if state is State.QUEUED and (excluded or paused):
        why = reasons.ORGANIZATION_EXCLUDED if excluded else reasons.PAUSED
        return f"{name} is queued and will be withheld. {explanation(why)}"
    return _STAYS[state].format(name=name)


_WOULD = {
    State.QUEUED: "Would send {name}.",
    State.HELD: "Would hold {name}.",
    State.SKIPPED: "Would skip {name}.",
    State.SUPERSEDED: "Would not send {name}.",
}
_STAYS = {
    State.SENT: "Nothing: {name} has been sent.",
    State.QUEUED: "Nothing: {name} is on its way.",
    State.FAILED: "Nothing: {name} could not be delivered and will not be tried again.",
    State.HELD: "Nothing: {name} waits for a payment that is under way.",
    State.SKIPPED: "Nothing: {name} stays skipped, because the reason still holds.",
    State.SUPERSEDED: "Nothing: {name} was replaced by a later rule.",
}


def what_next(
    subject: Subject,
    thresholds: Collection[int],
    today: date,
    known: Mapping[int, Known] = NOTHING_KNOWN,
    *,
    paused_until: date | None = None,
) -> NextNotice | None:
    """The next threshold that will be reached if nothing changes; None if there is none.

    A pause puts it off: on its last day comes the newest threshold by then, unless it was sent before. A due
    date may be as late as dates go; a rule behind the last one is never reached.
    """
    due_on = subject.invoice.due_on
    if why_silent(subject) or due_on is None:
        return None
    if paused_until is not None:
        newest = reached(thresholds, (paused_until - due_on).days)
        if newest is not None and not _is_settled(known.get(newest.candidate)):
            return NextNotice(newest.candidate, paused_until)
    threshold = next_threshold(thresholds, ((paused_until or today) - due_on).days)
    if threshold is None or threshold > (date.max - due_on).days:
        return None
    return NextNotice(threshold, due_on + timedelta(days=threshold))


def _is_settled(row: Known | None) -> bool:
    return row is not None and row.state in (State.SENT, State.FAILED)


def _as_due(subject: Subject, due_on: date) -> DueInvoice:
    invoice = subject.invoice
    return DueInvoice(
        invoice.invoice_id,
        invoice.organization_id,
        invoice.number,
        due_on,
        invoice.balance_minor,
        invoice.reserved_minor,
        bool(subject.addressees),
    )

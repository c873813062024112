"""What a tick decides for one invoice."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.books import DueInvoice
from services.scheduler.domain.notice import Known, State
from services.scheduler.domain.standing import Standing, as_told, by_circumstances, is_for_addresses
from services.scheduler.domain.thresholds import Reached, applies

NOTHING_KNOWN: Mapping[int, Known] = {}

_SETTLED = (State.SENT, State.FAILED)
"""The mailer is done with these: it would leave them as they are if it were told of them again."""


class Outcome(NamedTuple):
    """A decision that differs from what is known, or makes something known."""

    threshold: int
    state: State
    reason: str


def decide(
    invoice: DueInvoice,
    plan: Reached,
    known: Mapping[int, Known],
    *,
    excluded: bool,
    paused: bool = False,
    untold: str | None = None,
) -> tuple[Outcome, ...]:
    """The new decisions on an open invoice with a balance, for the thresholds that its day has reached.

    `known` are the notices of this invoice and due date by threshold. At most one outcome is queued, and
    it is the candidate's. What stays as it was has no outcome: a threshold that was sent, or that the mailer
    gave up, never has one again. `untold` is why nobody can be told, empty if somebody can; with None it was
    not asked, and what was skipped for its addresses stays so (see `asks_for_addresses`).
    """
    outcomes = [
        Outcome(threshold, State.SUPERSEDED, reasons.LARGER_THRESHOLD_REACHED)
        for threshold in plan.passed
        if (row := known.get(threshold)) is None or row.state not in (*_SETTLED, State.SUPERSEDED)
    ]
    held = invoice.reserved_minor >= invoice.balance_minor
    circumstances = by_circumstances(
        reasons.RULE_REACHED,
        excluded=excluded,
        paused=paused,
        reachable=invoice.reachable,
        barred=Standing(State.HELD, reasons.PAYMENT_UNDER_WAY) if held else None,
    )
    candidate = _candidate(circumstances, plan.candidate, known, untold)
    if candidate is not None:
        outcomes.append(candidate)
    return tuple(outcomes)


def asks_for_addresses(row: Known | None, outcomes: Collection[Outcome]) -> bool:
    """Whether nothing but its addresses keeps a candidate skipped; `outcomes` are those of `decide`."""
    if row is None or not is_for_addresses(row):
        return False
    return all(outcome.threshold != row.threshold for outcome in outcomes)


def _candidate(
    circumstances: Standing, threshold: int, known: Mapping[int, Known], untold: str | None
) -> Outcome | None:
    row = known.get(threshold)
    if row is not None and row.state in _SETTLED:
        return None
    standing = _blocked(threshold, known)
    if standing is None:
        if row is not None and row.state is State.QUEUED:
            return None
        standing = as_told(circumstances, row, untold)
    if standing is None or (row is not None and (row.state, row.reason) == standing):
        return None
    return Outcome(threshold, *standing)


def _blocked(threshold: int, known: Mapping[int, Known]) -> Standing | None:
    """Whether a later rule was sent, or is on its way though its rule no longer applies."""
    larger = [row.state for row in known.values() if row.threshold > threshold]
    if State.SENT in larger:
        return Standing(State.SUPERSEDED, reasons.LARGER_THRESHOLD_SENT)
    if State.QUEUED in larger:
        # Its mail may be leaving at this moment. If the second look withholds it, the next tick decides.
        return Standing(State.SUPERSEDED, reasons.LARGER_THRESHOLD_QUEUED)
    return None


def let_go(
    row: Known, invoice: DueInvoice, plan: Reached, days: int, rules: Mapping[int, bool]
) -> tuple[State, str] | None:
    """What becomes of a held notice that `decide` does not touch; None if it does.

    Such a notice waits for a payment, but whatever comes of the payment, it never goes out.
    """
    if row.due_on != invoice.due_on:
        return State.SKIPPED, reasons.DUE_DATE_CHANGED
    if row.threshold == plan.candidate or row.threshold in plan.passed:
        return None
    if row.threshold not in rules:
        return State.SKIPPED, reasons.RULE_REMOVED
    if not rules[row.threshold]:
        return State.SKIPPED, reasons.RULE_DISABLED
    if not applies(row.threshold, days):
        return State.SKIPPED, reasons.NO_LONGER_DUE
    return State.SUPERSEDED, reasons.SUPERSEDED

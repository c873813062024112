"""What a tick decides for one invoice."""

from collections.abc import Mapping
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.books import DueInvoice
from services.scheduler.domain.notice import Known, State
from services.scheduler.domain.thresholds import Reached, applies

NOTHING_KNOWN: Mapping[int, Known] = {}


class Outcome(NamedTuple):
    """A decision that differs from what is known, or makes something known."""

    threshold: int
    state: State
    reason: str


def decide(
    invoice: DueInvoice, plan: Reached, known: Mapping[int, Known], *, excluded: bool
) -> tuple[Outcome, ...]:
    """The new decisions on an open invoice with a balance, for the thresholds that its day has reached.

    `known` are the notices of this invoice and due date by threshold. At most one outcome is queued, and
    it is the candidate's. What stays as it was has no outcome: a sent threshold never has one again.
    """
    outcomes = [
        Outcome(threshold, State.SUPERSEDED, reasons.LARGER_THRESHOLD_REACHED)
        for threshold in plan.passed
        if (row := known.get(threshold)) is None or row.state not in (State.SENT, State.SUPERSEDED)
    ]
    candidate = _candidate(invoice, plan.candidate, known, excluded=excluded)
    if candidate is not None:
        outcomes.append(candidate)
    return tuple(outcomes)


def _candidate(
    invoice: DueInvoice, threshold: int, known: Mapping[int, Known], *, excluded: bool
) -> Outcome | None:
    row = known.get(threshold)
    if row is not None and row.state in (State.SENT, State.FAILED):
        return None
    state, reason = _blocked(threshold, known) or (None, "")
    if state is None:
        if row is not None and row.state is State.QUEUED:
            return None
        state, reason = _by_circumstances(invoice, excluded=excluded)
    if row is not None and row.state is state and row.reason == reason:
        return None
    return Outcome(threshold, state, reason)


def _blocked(threshold: int, known: Mapping[int, Known]) -> tuple[State, str] | None:
    """Whether a later rule was sent, or is on its way though its rule no longer applies."""
    larger = [row.state for row in known.values() if row.threshold > threshold]
    if State.SENT in larger:
        return State.SUPERSEDED, reasons.LARGER_THRESHOLD_SENT
    if State.QUEUED in larger:
        # Its mail may be leaving at this moment. If the second look withholds it, the next tick decides.
        return State.SUPERSEDED, reasons.LARGER_THRESHOLD_QUEUED
    return None


def _by_circumstances(invoice: DueInvoice, *, excluded: bool) -> tuple[State, str]:
    if excluded:
        return State.SKIPPED, reasons.ORGANIZATION_EXCLUDED
    if invoice.reserved_minor >= invoice.balance_minor:
        return State.HELD, reasons.PAYMENT_UNDER_WAY
    if not invoice.reachable:
        return State.SKIPPED, reasons.NO_ADDRESS
    return State.QUEUED, reasons.RULE_REACHED


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

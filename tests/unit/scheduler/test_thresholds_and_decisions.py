"""The rule of due notices: which threshold applies, and what is decided."""

from datetime import date

import pytest

from services.scheduler.domain import reasons
from services.scheduler.domain.books import DueInvoice
from services.scheduler.domain.deciding import Outcome, decide, let_go
from services.scheduler.domain.notice import Known, State
from services.scheduler.domain.thresholds import (
    Reached,
    check_threshold,
    in_words,
    latest_due_date,
    next_threshold,
    reached,
)
from services.shared.errors import Invalid

DUE = date(2026, 3, 2)
USUAL = (-5, 15, 30, 45)


@pytest.mark.parametrize(
    ("days", "thresholds", "candidate", "passed"),
    [
        (-6, USUAL, None, ()),
        (-5, USUAL, -5, ()),
        (-1, USUAL, -5, ()),
        (0, USUAL, -5, ()),
        (1, USUAL, None, ()),
        (14, USUAL, None, ()),
        (15, USUAL, 15, ()),
        (29, USUAL, 15, ()),
        (30, USUAL, 30, (15,)),
        (45, USUAL, 45, (15, 30)),
        (4000, USUAL, 45, (15, 30)),
        (0, (-5, -1, 1), -1, ()),
        (-3, (-5, -3, -1), -3, ()),
        (1, (-5, -1, 1), 1, ()),
        (100, (), None, ()),
    ],
)
def test_the_largest_threshold_that_applies_is_the_candidate(
    days: int, thresholds: tuple[int, ...], candidate: int | None, passed: tuple[int, ...]
) -> None:
    expected = None if candidate is None else Reached(candidate, passed)
    assert reached(thresholds, days) == expected


@pytest.mark.parametrize("threshold", [0, -366, 3651])
def test_a_threshold_out_of_range_is_refused_with_its_field(threshold: int) -> None:
    with pytest.raises(Invalid) as refused:
        check_threshold(threshold)
    assert refused.value.reason == "THRESHOLD_OUT_OF_RANGE"
    assert refused.value.violations[0].field == "threshold_days"


@pytest.mark.parametrize("threshold", [-365, -1, 1, 3650])
def test_thresholds_at_the_ends_of_the_range_are_taken(threshold: int) -> None:
    check_threshold(threshold)


def test_no_invoice_due_later_than_the_earliest_threshold_asks_for_is_read() -> None:
    assert latest_due_date((-5, 15), DUE) == date(2026, 3, 7)
    assert latest_due_date((15, 30), DUE) == date(2026, 2, 15)
    assert latest_due_date((), DUE) is None


def test_the_next_threshold_is_the_smallest_not_yet_reached() -> None:
    assert next_threshold(USUAL, -10) == -5
    assert next_threshold(USUAL, -5) == 15
    assert next_threshold(USUAL, 15) == 30
    assert next_threshold(USUAL, 45) is None


def test_thresholds_read_as_staff_say_them() -> None:
    assert [in_words(n) for n in (-5, -1, 1, 30)] == [
        "5 days before due",
        "1 day before due",
        "1 day past due",
        "30 days past due",
    ]


def due_invoice(balance: int = 100, reserved: int = 0, reachable: bool = True) -> DueInvoice:
    return DueInvoice(1, "acme", "001", DUE, balance, reserved, reachable)


def known(states: dict[int, State], reason: str = "") -> dict[int, Known]:
    return {t: Known(f"n{t}", 1, DUE, t, state, reason) for t, state in states.items()}


AT_45 = Reached(45, (15, 30))
SUPERSEDED_15 = Outcome(15, State.SUPERSEDED, reasons.LARGER_THRESHOLD_REACHED)
SUPERSEDED_30 = Outcome(30, State.SUPERSEDED, reasons.LARGER_THRESHOLD_REACHED)
QUEUED_45 = Outcome(45, State.QUEUED, reasons.RULE_REACHED)


def test_smaller_thresholds_past_due_are_superseded_each_with_a_row() -> None:
    assert decide(due_invoice(), AT_45, {}, excluded=False) == (SUPERSEDED_15, SUPERSEDED_30, QUEUED_45)


def test_a_smaller_threshold_that_was_given_up_stays_so() -> None:
    outcomes = decide(due_invoice(), AT_45, known({15: State.FAILED, 30: State.SENT}), excluded=False)
    assert outcomes == (QUEUED_45,)


@pytest.mark.parametrize("state", [State.QUEUED, State.SKIPPED, State.HELD])
def test_a_smaller_threshold_that_was_not_sent_is_superseded_whatever_its_state(state: State) -> None:
    outcomes = decide(due_invoice(), AT_45, known({15: state, 30: State.SENT}), excluded=False)
    assert outcomes == (SUPERSEDED_15, QUEUED_45)


def test_smaller_thresholds_are_superseded_also_when_the_candidate_was_sent_before() -> None:
    outcomes = decide(due_invoice(), AT_45, known({45: State.SENT}), excluded=False)
    assert outcomes == (SUPERSEDED_15, SUPERSEDED_30)


def test_a_smaller_threshold_before_the_due_date_gets_no_row() -> None:
    assert decide(due_invoice(), Reached(-1, ()), {}, excluded=False) == (
        Outcome(-1, State.QUEUED, reasons.RULE_REACHED),
    )


@pytest.mark.parametrize("state", [State.SENT, State.QUEUED, State.FAILED])
def test_a_candidate_that_was_sent_or_queued_or_given_up_stays_as_it_is(state: State) -> None:
    settled = known({15: State.SUPERSEDED, 30: State.SUPERSEDED, 45: state})
    assert decide(due_invoice(), AT_45, settled, excluded=True) == ()


@pytest.mark.parametrize("state", [None, State.QUEUED, State.SKIPPED, State.HELD, State.SUPERSEDED])
def test_a_candidate_never_goes_once_a_larger_threshold_was_sent(state: State | None) -> None:
    rows = known({60: State.SENT} | ({45: state} if state else {}))
    outcomes = decide(due_invoice(), Reached(45, ()), rows, excluded=False)
    assert outcomes == (Outcome(45, State.SUPERSEDED, reasons.LARGER_THRESHOLD_SENT),)


def test_a_candidate_waits_while_a_larger_threshold_may_be_leaving() -> None:
    outcomes = decide(due_invoice(), Reached(45, ()), known({60: State.QUEUED}), excluded=False)
    assert outcomes == (Outcome(45, State.SUPERSEDED, reasons.LARGER_THRESHOLD_QUEUED),)


@pytest.mark.parametrize(
    ("invoice", "excluded", "state", "reason"),
    [
        (due_invoice(), True, State.SKIPPED, reasons.ORGANIZATION_EXCLUDED),
        (due_invoice(reserved=100, reachable=False), True, State.SKIPPED, reasons.ORGANIZATION_EXCLUDED),
        (due_invoice(reserved=100, reachable=False), False, State.HELD, reasons.PAYMENT_UNDER_WAY),
        (due_invoice(reserved=101), False, State.HELD, reasons.PAYMENT_UNDER_WAY),
        (due_invoice(reserved=99), False, State.QUEUED, reasons.RULE_REACHED),
        (due_invoice(reachable=False), False, State.SKIPPED, reasons.NO_ADDRESS),
    ],
)
def test_the_reasons_not_to_send_in_their_order(
    invoice: DueInvoice, excluded: bool, state: State, reason: str
) -> None:
    plan = Reached(15, ())
    assert decide(invoice, plan, {}, excluded=excluded) == (Outcome(15, state, reason),)
    repeated = known({15: state}, reason)
    assert decide(invoice, plan, repeated, excluded=excluded) == (), "the same decision again is no decision"


@pytest.mark.parametrize("state", [State.SKIPPED, State.HELD, State.SUPERSEDED])
def test_a_notice_is_queued_once_its_reason_has_gone(state: State) -> None:
    outcomes = decide(due_invoice(), Reached(15, ()), known({15: state}), excluded=False)
    assert outcomes == (Outcome(15, State.QUEUED, reasons.RULE_REACHED),)


@pytest.mark.parametrize(
    ("threshold", "due_on", "expected"),
    [
        (45, DUE, None),
        (15, DUE, None),
        (45, date(2026, 1, 1), (State.SKIPPED, reasons.DUE_DATE_CHANGED)),
        (20, DUE, (State.SKIPPED, reasons.RULE_REMOVED)),
        (60, DUE, (State.SKIPPED, reasons.RULE_DISABLED)),
        (-5, DUE, (State.SKIPPED, reasons.NO_LONGER_DUE)),
        (90, DUE, (State.SKIPPED, reasons.NO_LONGER_DUE)),
    ],
)
def test_a_held_notice_that_can_never_go_is_let_go(
    threshold: int, due_on: date, expected: tuple[State, str] | None
) -> None:
    rules = {-5: True, 15: True, 30: True, 45: True, 60: False, 90: True}
    row = Known("n", 1, due_on, threshold, State.HELD, reasons.PAYMENT_UNDER_WAY)
    assert let_go(row, due_invoice(), AT_45, 50, rules) == expected


def test_a_held_notice_before_due_gives_way_to_a_later_one_before_due() -> None:
    row = Known("n", 1, DUE, -5, State.HELD, reasons.PAYMENT_UNDER_WAY)
    verdict = let_go(row, due_invoice(), Reached(-1, ()), 0, {-5: True, -1: True})
    assert verdict == (State.SUPERSEDED, reasons.SUPERSEDED)

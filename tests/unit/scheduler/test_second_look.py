"""The second look: what may go out right now, and what is recorded if it may not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import NoticeType, PaymentFact, State
from services.scheduler.ports import Excluded
from services.scheduler.use_cases.receipts import payment_failed, payment_succeeded
from services.shared.errors import Busy, Invalid
from tests.fakes.scheduler_peers import ANN, an_invoice
from tests.unit.scheduler.world import DUE, World, noon

PAYMENT = PaymentFact(
    payment_id="p1",
    organization_id="acme",
    invoice_id=1,
    invoice_number="001",
    amount_minor=4_000,
    currency="USD",
    payer_email="Bob@acme.test",
    method_label="Sandbox card ending 4242",
    ended_at=datetime(2026, 3, 1, tzinfo=UTC),
    balance_minor=6_000,
)


def with_queued_15() -> World:
    world = World(-5, 15, 30)
    world.on_day(15)
    world.tick()
    assert world.states() == {15: State.QUEUED}
    return world


def exclude(world: World) -> None:
    with world.store.write() as work:
        work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, "acme", world.clock.now()))


def remove_rule(world: World) -> None:
    with world.store.write() as work:
        work.rules.remove(15)


def test_a_yes_carries_fresh_figures_and_is_not_recorded() -> None:
    world = with_queued_15()
    world.on_day(16)
    world.ledger.put(an_invoice(balance_minor=4_000))
    (letter,) = world.review(world.notice(15).notice_id)
    assert isinstance(letter, Letter)
    assert letter.subject.invoice.balance_minor == 4_000
    assert letter.subject.pay_token == "a-token"
    assert letter.verdict.days_past_due == 16
    assert letter.verdict.recipients == (ANN,)
    with world.store.read() as work:
        assert len(work.notices.decisions_on_invoice(1)) == 1


@pytest.mark.parametrize(
    ("happened", "state", "reason"),
    [
        (lambda w: w.disable(15), State.SKIPPED, "RULE_DISABLED"),
        (remove_rule, State.SKIPPED, "RULE_REMOVED"),
        (lambda w: w.ledger.put(an_invoice(status="paid", balance_minor=0)), State.SKIPPED, "NOT_OPEN"),
        (lambda w: w.ledger.put(an_invoice(balance_minor=0)), State.SKIPPED, "NOTHING_LEFT_TO_PAY"),
        (lambda w: w.ledger.put(an_invoice(due_on=None)), State.SKIPPED, "DUE_DATE_CHANGED"),
        (
            lambda w: w.ledger.put(an_invoice(due_on=noon(DUE).date() + timedelta(1))),
            State.SKIPPED,
            "DUE_DATE_CHANGED",
        ),
        (lambda w: w.on_day(14), State.SKIPPED, "NO_LONGER_DUE"),
        (exclude, State.SKIPPED, "ORGANIZATION_EXCLUDED"),
        (lambda w: w.ledger.put(an_invoice(reserved_minor=10_000)), State.HELD, "PAYMENT_UNDER_WAY"),
        (lambda w: w.ledger.addressees.update(acme=()), State.SKIPPED, "NO_ADDRESS"),
        (lambda w: w.ledger.invoices.clear(), State.SKIPPED, "INVOICE_MISSING"),
    ],
)
def test_a_no_is_recorded_with_its_reason_and_answered_the_same_again(
    happened: Callable[[World], None], state: State, reason: str
) -> None:
    world = with_queued_15()
    notice_id = world.notice(15).notice_id
    happened(world)
    (first,) = world.review(notice_id)
    assert isinstance(first, Withheld)
    assert (first.reason, bool(first.explanation)) == (reason, True)
    with world.store.read() as work:
        notice = work.notices.get([notice_id])[notice_id]
        assert (notice.state, notice.reason) == (state, reason)
        decisions = work.notices.decisions_on_invoice(1)
        assert [decision.reason for decision in decisions] == ["RULE_REACHED", reason]
    assert world.review(notice_id) == [first]
    with world.store.read() as work:
        assert work.notices.decisions_on_invoice(1) == decisions


def test_a_skipped_notice_is_queued_and_handed_over_again_when_its_reason_has_gone() -> None:
    world = with_queued_15()
    world.hand_over()
    world.ledger.addressees["acme"] = ()
    world.review(world.notice(15).notice_id)
    assert not world.hand_over()
    world.ledger.addressees["acme"] = (ANN,)
    world.clock.advance(timedelta(minutes=1))
    assert world.tick().counts.queued == 1
    assert world.hand_over()
    assert [handed.notice_id for handed in world.mailer.accepted] == [world.notice(15).notice_id] * 2


def test_a_notice_before_due_is_withheld_once_the_due_date_has_passed() -> None:
    world = World(-5)
    world.on_day(-5)
    world.tick()
    world.on_day(0)
    assert isinstance(world.review(world.notice(-5).notice_id)[0], Letter)
    world.on_day(1)
    (answer,) = world.review(world.notice(-5).notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "NO_LONGER_DUE"


def test_a_smaller_notice_that_is_still_queued_gives_way_to_a_larger_one() -> None:
    world = World(-5, -1)
    world.on_day(-5)
    world.tick()
    world.on_day(-1)
    world.tick()
    smaller, larger = world.review(world.notice(-5).notice_id, world.notice(-1).notice_id)
    assert isinstance(smaller, Withheld)
    assert smaller.reason == "SUPERSEDED"
    assert isinstance(larger, Letter)
    assert world.states() == {-5: State.SUPERSEDED, -1: State.QUEUED}


def test_a_smaller_notice_does_not_go_after_a_larger_was_sent() -> None:
    world = with_queued_15()
    world.on_day(30)
    world.tick()
    world.sent(world.notice(30).notice_id)
    world.force([(world.notice(15).notice_id, State.QUEUED, "RULE_REACHED")])
    (answer,) = world.review(world.notice(15).notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "LARGER_THRESHOLD_SENT"


@pytest.mark.parametrize("state", [State.HELD, State.FAILED])
def test_a_larger_notice_that_waits_stands_in_the_way_only_while_its_rule_is_on(state: State) -> None:
    world = World(15, 30)
    world.on_day(30)
    world.tick()
    world.force(
        [
            (world.notice(15).notice_id, State.QUEUED, "RULE_REACHED"),
            (world.notice(30).notice_id, state, "PAYMENT_UNDER_WAY"),
        ]
    )
    world.disable(30)
    assert isinstance(world.review(world.notice(15).notice_id)[0], Letter)
    world.enable(30)
    assert isinstance(world.review(world.notice(15).notice_id)[0], Withheld)


def test_a_notice_of_a_set_clock_is_looked_at_with_that_date_while_in_the_sandbox() -> None:
    world = World(15)
    world.tick(as_of=noon(DUE + timedelta(days=20)))
    notice_id = world.notice(15).notice_id
    (letter,) = world.review(notice_id)
    assert isinstance(letter, Letter)
    assert letter.verdict.days_past_due == 20
    world.calendar(sandbox=False)
    (answer,) = world.review(notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "NO_LONGER_DUE", "outside the sandbox only the real date counts"


def test_answers_come_in_the_order_asked_and_unknown_ids_are_withheld() -> None:
    world = with_queued_15()
    known = world.notice(15).notice_id
    first, second, third = world.review("nobody", known, "nobody")
    assert isinstance(first, Withheld)
    assert first.reason == "NOTICE_UNKNOWN"
    assert isinstance(second, Letter)
    assert third == first
    assert world.review() == []


def test_a_notice_that_was_sent_is_withheld() -> None:
    world = with_queued_15()
    notice_id = world.notice(15).notice_id
    world.sent(notice_id)
    (answer,) = world.review(notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "ALREADY_SENT"


def test_a_whole_batch_costs_one_call_to_the_ledger() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, 201)}
    world.tick()
    world.ledger.calls.clear()
    answers = world.review(*[notice.notice_id for notice in world.notices()])
    assert all(isinstance(answer, Letter) for answer in answers)
    assert world.ledger.calls == ["subjects"]


def test_more_than_200_at_once_are_refused() -> None:
    with pytest.raises(Invalid):
        World().review(*[f"n{n}" for n in range(201)])


def test_without_the_ledger_there_is_no_verdict_and_nothing_is_recorded() -> None:
    world = with_queued_15()
    world.ledger.away = True
    with pytest.raises(Busy):
        world.review(world.notice(15).notice_id)
    assert world.states() == {15: State.QUEUED}


def receipt(world: World, payment: PaymentFact = PAYMENT) -> str:
    with world.store.write() as work:
        payment_succeeded(payment, work=work, new_id=world.ticking.new_id, now=world.clock.now())
    return next(n for n in world.notices() if n.type is NoticeType.PAYMENT_SUCCEEDED).notice_id


def test_a_receipt_goes_to_the_default_contacts_and_the_payer_whatever_else_holds() -> None:
    world = World()
    notice_id = receipt(world)
    exclude(world)
    world.ledger.put(an_invoice(status="paid", balance_minor=0, reserved_minor=5))
    (letter,) = world.review(notice_id)
    assert isinstance(letter, Letter)
    assert [to.email for to in letter.verdict.recipients] == ["ann@acme.test", "Bob@acme.test"]
    assert letter.notice.payment == PAYMENT


def test_a_receipt_names_a_payer_among_the_default_contacts_once() -> None:
    world = World()
    notice_id = receipt(world, replace(PAYMENT, payer_email="ANN@acme.test"))
    (letter,) = world.review(notice_id)
    assert isinstance(letter, Letter)
    assert letter.verdict.recipients == (ANN,)


def test_a_receipt_goes_to_the_payer_alone_where_there_is_no_default_contact() -> None:
    world = World()
    world.ledger.addressees["acme"] = ()
    (letter,) = world.review(receipt(world))
    assert isinstance(letter, Letter)
    assert [to.email for to in letter.verdict.recipients] == ["Bob@acme.test"]


def test_each_payment_has_one_receipt_and_a_failure_beside_it_has_its_own() -> None:
    world = World()
    receipt(world)
    receipt(world)
    with world.store.write() as work:
        payment_failed(PAYMENT, work=work, new_id=world.ticking.new_id, now=world.clock.now())
    assert [notice.type for notice in world.notices()] == [
        NoticeType.PAYMENT_SUCCEEDED,
        NoticeType.PAYMENT_FAILED,
    ]

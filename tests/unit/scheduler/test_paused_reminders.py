"""What a pause forbids, to the very end: in runs, in the second look, in what is foreseen."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.converters_letters import to_letter
from services.scheduler.domain.about import PaymentFact
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import Lane, Notice, NoticeType, State
from services.scheduler.domain.thresholds import reached
from services.scheduler.ports_emails import RecordedInvoice
from services.scheduler.use_cases.by_hand import send_invoice, send_summary
from services.scheduler.use_cases.new_invoices import invoices_recorded, tell_of_new_invoices
from services.scheduler.use_cases.pauses import PauseShown
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.other_types import (
    EXPIRATION,
    SUMMARY,
    UPCOMING,
    at,
    card,
    plan,
    states,
    summaries,
    told,
    upcoming,
    with_types,
)
from tests.unit.scheduler.pausing import end, pause
from tests.unit.scheduler.world import DUE, World, noon

THRESHOLDS = (-5, 1, 3, 8)


@pytest.mark.parametrize("invoice_id", [0, 1])
def test_a_run_skips_what_is_paused_and_after_the_end_sends_the_newest_threshold_only(
    invoice_id: int,
) -> None:
    world = World(1, 3, 8)
    pause(world, 6, invoice_id=invoice_id)
    world.ledger.put(an_invoice(2, organization_id="bolt"))
    for day in range(6):
        world.on_day(day)
        world.tick()
        assert all(notice.organization_id == "bolt" for notice in world.deliver())
    assert world.reasons() == {1: "LARGER_THRESHOLD_REACHED", 3: "PAUSED"}
    world.on_day(6)
    world.tick()
    assert [(n.organization_id, n.threshold) for n in world.deliver()] == [("acme", 3)]
    assert world.reasons() == {1: "LARGER_THRESHOLD_REACHED", 3: "ACCEPTED_BY_SMTP_SERVER"}


def test_a_pause_of_one_invoice_leaves_the_others_alone() -> None:
    world = World(1)
    world.ledger.put(an_invoice(2))
    pause(world, 6, invoice_id=1)
    world.on_day(1)
    world.tick()
    assert [notice.invoice_id for notice in world.deliver()] == [2]


def test_what_is_queued_when_the_pause_comes_does_not_go_out_and_says_why() -> None:
    world = World(1)
    world.on_day(1)
    world.tick()
    (queued,) = world.notices()
    paused = pause(world, 6)
    (answer,) = world.review(queued.notice_id)
    assert isinstance(answer, Withheld)
    assert (answer.reason, world.states()) == ("PAUSED", {1: State.SKIPPED})
    assert "paused" in answer.explanation
    world.tick()
    assert world.states() == {1: State.SKIPPED}
    end(world, paused)
    world.tick()
    assert [notice.notice_id for notice in world.deliver()] == [queued.notice_id], "it is the same notice"


def test_the_day_that_counts_is_that_of_the_organization() -> None:
    world = World(1)
    world.accounts.organizations["acme"] = FakeOrganization(time_zone="Pacific/Kiritimati")
    pause(world, 3)
    world.clock.set(noon(DUE + timedelta(days=2)) - timedelta(hours=3))
    world.tick()
    assert world.reasons() == {1: "PAUSED"}
    world.clock.advance(timedelta(hours=2))  # midnight there
    world.tick()
    assert world.states() == {1: State.QUEUED}


def test_where_a_sandbox_sets_the_clock_its_date_counts() -> None:
    world = World(1)
    pause(world, 6)
    world.tick(as_of=noon(DUE + timedelta(days=5)))
    assert world.reasons() == {1: "PAUSED"}
    world.tick(as_of=noon(DUE + timedelta(days=6)))
    assert len(world.deliver()) == 1


def test_a_held_notice_of_a_paused_invoice_waits_for_no_payment() -> None:
    world = World(1)
    world.ledger.put(an_invoice(reserved_minor=10_000))
    world.on_day(1)
    world.tick()
    assert world.states() == {1: State.HELD}
    pause(world, 6)
    world.tick()
    assert world.reasons() == {1: "PAUSED"}


def test_an_organization_that_is_paused_gets_no_summary_and_others_do() -> None:
    world = with_types(summaries())
    at(world, "2026-03-14")
    pause(world, 30)
    at(world, "2026-03-15")
    world.tick()
    assert states(world, SUMMARY) == {
        "acme|2026-03-15": (State.SKIPPED, "PAUSED"),
        "bolt|2026-03-15": (State.QUEUED, "SCHEDULE_REACHED"),
    }


def test_a_summary_that_is_queued_when_the_pause_comes_does_not_go_out() -> None:
    world = with_types(summaries())
    at(world, "2026-03-15")
    world.tick()
    queued = told(world, SUMMARY)[0]
    assert isinstance(world.review(queued.notice_id)[0], Letter)
    pause(world, 30)
    assert isinstance(world.review(queued.notice_id)[0], Withheld)
    assert states(world, SUMMARY)["acme|2026-03-15"] == (State.SKIPPED, "PAUSED")


def letter_of(world: World, notice: Notice) -> Letter:
    (answer,) = world.review(notice.notice_id)
    assert isinstance(answer, Letter)
    return answer


def test_a_paused_invoice_is_listed_as_open_and_is_no_part_of_what_is_past_due() -> None:
    world = with_types(summaries())
    world.ledger.put(an_invoice(3))
    pause(world, 30, invoice_id=3)
    at(world, "2026-03-15")
    world.tick()
    summary = to_letter(letter_of(world, told(world, SUMMARY)[0])).summary
    assert [(line.invoice.invoice_id, line.status) for line in summary.lines] == [(1, 1), (3, 2)]
    assert [(total.open_minor, total.past_due_minor) for total in summary.totals] == [(20_000, 10_000)]


def test_a_summary_of_paused_invoices_alone_does_not_go() -> None:
    world = with_types(summaries())
    pause(world, 30, invoice_id=1)
    at(world, "2026-03-15")
    world.tick()
    (answer,) = world.review(told(world, SUMMARY)[0].notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "PAUSED"


def test_staff_may_still_send_by_hand() -> None:
    world = with_types(summaries())
    pause(world, 30)
    pause(world, 30, invoice_id=1)
    summary = send_summary("r-1", "acme", ticking=world.ticking)
    invoice = send_invoice("r-2", 1, ticking=world.ticking)
    for notice in (summary, invoice):
        assert notice.lane is Lane.AT_ONCE
        letter_of(world, notice)


def test_what_will_be_collected_and_cards_that_expire_are_told_all_the_same() -> None:
    world = with_types(upcoming(), EmailType(EXPIRATION, enabled=True))
    world.accounts.plans["acme"].append(plan("2026-03-18"))
    world.accounts.methods["acme"].append(card("2026-03"))
    pause(world, 30)
    at(world, "2026-03-15")
    world.tick()
    for type in (UPCOMING, EXPIRATION):
        (notice,) = told(world, type)
        letter_of(world, notice)


@pytest.mark.parametrize(
    ("brings", "subject", "reason"),
    [
        (OnNewInvoice.INVOICES, {"organization_id": "acme"}, "NEW_INVOICE"),
        (OnNewInvoice.INVOICES, {"invoice_id": 7}, "PAUSED"),
        (OnNewInvoice.SUMMARY, {"organization_id": "acme"}, "PAUSED"),
    ],
)
def test_that_an_invoice_has_come_in_is_no_reminder_unless_it_is_paused_itself(
    brings: OnNewInvoice, subject: dict[str, object], reason: str
) -> None:
    world = with_types(summaries(on_new_invoice=brings))
    world.ledger.put(an_invoice(7, issued_on=date(2026, 3, 14)))
    pause(world, 30, **subject)
    with world.store.write() as work:
        invoices_recorded([RecordedInvoice(7, "acme", "s1", world.clock.now())], work=work)
    assert tell_of_new_invoices(ticking=world.ticking)
    (notice,) = told(world, NoticeType.INVOICE if brings is OnNewInvoice.INVOICES else SUMMARY)
    assert notice.reason == reason


def test_a_notification_that_is_queued_does_not_go_once_its_invoice_is_paused() -> None:
    world = with_types(summaries(on_new_invoice=OnNewInvoice.INVOICES))
    world.ledger.put(an_invoice(7, issued_on=date(2026, 3, 14)))
    with world.store.write() as work:
        invoices_recorded([RecordedInvoice(7, "acme", "s1", world.clock.now())], work=work)
    tell_of_new_invoices(ticking=world.ticking)
    pause(world, 30, invoice_id=7)
    (answer,) = world.review(told(world, NoticeType.INVOICE)[0].notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "PAUSED"


def test_a_receipt_goes_whatever_is_paused() -> None:
    world = World(1)
    pause(world, 6)
    fact = PaymentFact(
        "pay-1", "acme", 1, "001", 5_000, "USD", "ann@acme.test", "Visa", world.clock.now(), 5_000
    )
    receipt = Notice(
        "r1", NoticeType.PAYMENT_SUCCEEDED, "acme", 1, "001", 0, None, State.QUEUED, "PAYMENT_SUCCEEDED",
        world.clock.now(), occurrence="pay-1", about=fact, lane=Lane.AT_ONCE,
    )  # fmt: skip
    with world.store.write() as work:
        work.notices.add_new([receipt])
    letter_of(world, receipt)


days = st.integers(-8, 14)


@settings(max_examples=60, deadline=None)
@given(
    pauses=st.lists(
        st.tuples(days, st.integers(1, 9), st.sampled_from([0, 1]), st.integers(0, 9)), max_size=4
    ),
    idle=st.sets(days, max_size=6),
    late=st.integers(0, 2),
)
def test_no_reminder_in_paused_days_and_after_them_exactly_what_the_rules_say(
    pauses: list[tuple[int, int, int, int]], idle: set[int], late: int
) -> None:
    """Pauses of the organization or the invoice, each ended early or not; on some days there is no run.

    A mail leaves `late` days after it was decided, so that pauses meet it on its way.
    """
    world = World(*THRESHOLDS)
    made: dict[int, tuple[date, PauseShown]] = {}
    on_way: list[tuple[int, Notice]] = []
    sent: Counter[int] = Counter()
    ends: dict[int, int] = {}
    reached_while_free: set[int] = set()
    for day in range(-9, 25):
        world.on_day(day)
        for number, (begins, length, invoice_id, ended_after) in enumerate(pauses):
            if begins == day and day >= ends.get(invoice_id, day):
                shown = pause(world, day + length, invoice_id=invoice_id, pause_id=f"p-{number}")
                made[invoice_id] = (shown.pause.resumes_on, shown)
                ends[invoice_id] = day + length
            if begins + ended_after == day and invoice_id in made and day < ends[invoice_id]:
                end(world, made[invoice_id][1])
                ends[invoice_id] = day
        is_paused = any(day < over for over in ends.values())
        for left, notice in [one for one in on_way if one[0] <= day]:
            on_way.remove((left, notice))
            (answer,) = world.review(notice.notice_id)
            if isinstance(answer, Letter):
                assert not is_paused, "no forbidden mail in the paused days"
                sent[notice.threshold] += 1
                world.sent(notice.notice_id)
        if day in idle and day < 14:
            continue
        before = {n.notice_id for n in world.notices() if n.state is State.QUEUED}
        world.tick()
        queued = [n for n in world.notices() if n.state is State.QUEUED and n.notice_id not in before]
        on_way += [(day + late, notice) for notice in queued]
        found = reached(THRESHOLDS, day)
        assert len(queued) <= 1
        if is_paused:
            assert not queued
        elif found is not None:
            reached_while_free.add(found.candidate)
            assert [n.threshold for n in queued] in ([], [found.candidate])
    assert all(count == 1 for count in sent.values()), "never twice"
    assert sent.keys() <= reached_while_free, "only what was the newest threshold on a day without a pause"
    assert sent[8] == 1, "all pauses are over by the end, and the last threshold lasts"
    assert all(n.state is not State.SKIPPED for n in world.notices() if n.threshold == 8)

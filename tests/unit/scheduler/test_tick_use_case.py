"""The tick over fakes: what it decides, writes, counts, and when it refuses."""

from datetime import date, datetime, timedelta

import pytest

from services.scheduler.domain.notice import State
from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.run import BATCH
from services.scheduler.use_cases.tally import Counts
from services.scheduler.use_cases.tick import (
    LEASE,
    LEASE_TIME,
    ClockNotSettable,
    TickOrder,
    TickRunning,
    run_tick,
)
from services.shared.errors import Busy
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import DUE, World, noon


def test_an_invoice_gets_the_largest_threshold_reached_and_rows_for_the_smaller_ones() -> None:
    world = World(-5, 15, 30, 45)
    world.on_day(31)
    assert world.tick().counts == Counts(queued=1, superseded=1)
    assert world.states() == {15: State.SUPERSEDED, 30: State.QUEUED}


def test_a_second_tick_changes_nothing_and_says_so() -> None:
    world = World(-5, 15, 30)
    world.on_day(31)
    world.tick()
    before = world.notices()
    assert world.tick().counts == Counts(unchanged=1)
    assert world.notices() == before


def test_a_tick_reports_how_far_it_has_come_and_for_which_date() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, BATCH + 11)}
    steps = list(run_tick(TickOrder(), ticking=world.ticking))
    assert [(step.examined, step.total, step.done) for step in steps] == [
        (BATCH, BATCH + 10, False),
        (BATCH + 10, BATCH + 11, False),
        (BATCH + 10, BATCH + 10, True),
    ]
    assert steps[-1].today == DUE + timedelta(days=15)
    assert steps[-1].counts.queued == BATCH + 10
    assert world.woken == 2, "the mailer hears of each batch at once"
    assert world.ledger.calls == ["due_invoices"] * 2, "never one call for each invoice"


def test_a_dry_run_decides_the_same_and_writes_nothing() -> None:
    world = World(15, 30)
    world.on_day(31)
    world.ledger.put(an_invoice(2, reserved_minor=10_000))
    dry = world.tick(dry_run=True)
    assert world.notices() == []
    assert dry == world.tick()


def test_a_dry_run_does_not_count_twice_what_is_held() -> None:
    world = World(-5, -1, 15)
    world.ledger.put(an_invoice(reserved_minor=10_000))
    world.on_day(-3)
    world.tick()
    world.ledger.put(an_invoice())
    world.on_day(0)
    dry = world.tick(dry_run=True)
    assert dry.counts == Counts(queued=1, superseded=1)
    assert dry == world.tick()
    assert world.states() == {-5: State.SUPERSEDED, -1: State.QUEUED}


def test_the_clock_can_be_set_in_sandbox_mode_only() -> None:
    world = World(15)
    world.calendar(sandbox=False)
    for dry_run in (False, True):
        with pytest.raises(ClockNotSettable):
            world.tick(as_of=noon(DUE), dry_run=dry_run)


def test_a_tick_with_a_set_clock_decides_for_that_date_and_remembers_it() -> None:
    world = World(15)
    as_of = noon(DUE + timedelta(days=20))
    assert world.tick(as_of=as_of).today == DUE + timedelta(days=20)
    assert world.notice(15).as_of == as_of
    assert world.notice(15).decided_at == world.clock.now(), "decisions are stamped with the real time"


def test_today_is_the_companys_date() -> None:
    world = World(15)
    world.calendar(time_zone="Pacific/Auckland")
    world.clock.set(datetime.fromisoformat("2026-03-16T23:00:00+00:00"))
    assert world.tick().today == date(2026, 3, 17)
    assert world.states() == {15: State.QUEUED}


def test_a_changed_due_date_starts_anew() -> None:
    world = World(15)
    world.on_day(15)
    world.tick()
    world.deliver()
    world.ledger.put(an_invoice(due_on=DUE + timedelta(days=10)))
    assert world.tick().counts == Counts()
    world.on_day(25)
    assert world.tick().counts == Counts(queued=1)
    assert [n.state for n in world.notices()] == [State.SENT, State.QUEUED]


def test_a_rule_enabled_late_sends_only_what_is_largest() -> None:
    world = World(15)
    world.on_day(50)
    world.tick()
    world.deliver()
    world.enable(30, 45)
    assert world.tick().counts == Counts(queued=1, superseded=1)
    assert world.states() == {15: State.SENT, 30: State.SUPERSEDED, 45: State.QUEUED}


def test_a_smaller_threshold_enabled_after_a_larger_was_sent_never_goes() -> None:
    world = World(45)
    world.on_day(50)
    world.tick()
    world.deliver()
    world.disable(45)
    world.enable(30)
    world.tick()
    assert world.states() == {30: State.SUPERSEDED, 45: State.SENT}
    assert world.reasons()[30] == "LARGER_THRESHOLD_SENT"


def test_a_held_notice_goes_once_the_payment_has_failed() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.put(an_invoice(reserved_minor=10_000))
    assert world.tick().counts == Counts(held=1)
    assert world.tick().counts == Counts(unchanged=1)
    world.ledger.put(an_invoice())
    assert world.tick().counts == Counts(queued=1)


@pytest.mark.parametrize(
    ("became", "reason"),
    [
        ({"balance_minor": 0}, "NOTHING_LEFT_TO_PAY"),
        ({"balance_minor": 0, "status": "paid"}, "NOT_OPEN"),
        ({"status": "cancelled"}, "NOT_OPEN"),
        ({"status": "third_party"}, "NOT_OPEN"),
        ({"due_on": None}, "DUE_DATE_CHANGED"),
        ({"due_on": DUE + timedelta(days=100)}, "DUE_DATE_CHANGED"),
        ({"due_on": DUE - timedelta(days=1)}, "DUE_DATE_CHANGED"),
    ],
)
def test_a_held_notice_whose_invoice_is_no_candidate_any_more_is_let_go(
    became: dict[str, object], reason: str
) -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.put(an_invoice(reserved_minor=10_000))
    world.tick()
    first = world.notice(15).notice_id
    world.ledger.put(an_invoice(**became))
    dry = world.tick(dry_run=True)
    wet = world.tick()
    assert dry == wet
    assert wet.counts.skipped == 1
    with world.store.read() as work:
        assert work.notices.get([first])[first].reason == reason


def test_a_held_notice_stays_held_while_the_payment_is_under_way_and_its_rule_on() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.put(an_invoice(reserved_minor=10_000))
    world.tick()
    assert world.tick().counts == Counts(unchanged=1)
    world.disable(15)
    assert world.tick().counts == Counts(skipped=1)
    assert world.reasons() == {15: "RULE_DISABLED"}


def test_a_tick_without_rules_looks_at_no_invoice() -> None:
    world = World()
    assert world.tick().counts == Counts()
    assert world.ledger.calls == []


def test_a_tick_waits_for_the_one_that_is_running_and_then_takes_its_turn() -> None:
    world = World(15)
    world.on_day(15)
    with world.store.write() as work:
        work.leases.take(LEASE, "other", now=world.clock.now(), until=noon(date(2027, 1, 1)))

    def other_ends() -> None:
        with world.store.write() as work:
            work.leases.release(LEASE, "other")

    world.while_waiting = other_ends
    assert world.tick().counts.queued == 1


def test_a_tick_gives_up_waiting_after_half_a_minute() -> None:
    world = World(15)
    began = world.clock.now()
    with world.store.write() as work:
        work.leases.take(LEASE, "other", now=began, until=noon(date(2027, 1, 1)))
    with pytest.raises(TickRunning):
        world.tick()
    assert timedelta(seconds=30) <= world.clock.now() - began < timedelta(seconds=32)


def test_a_tick_takes_over_from_one_that_died() -> None:
    world = World(15)
    world.on_day(15)
    now = world.clock.now()
    with world.store.write() as work:
        work.leases.take(LEASE, "dead", now=now, until=now + LEASE_TIME)
    assert world.tick().counts.queued == 1
    world.waits = 0
    assert world.tick().counts.unchanged == 1
    assert world.waits == 0, "and leaves the lease free"


def test_a_tick_that_was_taken_over_writes_nothing_more() -> None:
    world = World(15)
    world.on_day(15)

    def taken_over() -> None:
        with world.store.write() as work:
            now = world.clock.now() + timedelta(hours=1)
            assert work.leases.take(LEASE, "other", now=now, until=now + LEASE_TIME)

    world.ledger.during = taken_over
    with pytest.raises(TickRunning):
        world.tick()
    assert world.notices() == []


def test_a_tick_whose_reader_went_away_ends_after_its_batch_and_frees_the_lease() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, BATCH + 11)}
    steps = list(run_tick(TickOrder(), ticking=world.ticking, wanted=lambda: False))
    assert [step.examined for step in steps] == [BATCH]
    closed = run_tick(TickOrder(), ticking=world.ticking)
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    assert world.tick().counts == Counts(queued=10, unchanged=BATCH)
    assert world.waits == 0


def test_a_ledger_that_is_away_ends_the_tick_and_frees_the_lease() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.away = True
    with pytest.raises(Busy):
        world.tick()
    world.ledger.away = False
    assert world.tick().counts.queued == 1
    assert world.waits == 0


def test_the_automatic_tick_runs_once_a_day_and_again_after_it_was_cut_short() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.away = True
    with pytest.raises(Busy):
        run_tick_if_due(ticking=world.ticking)
    world.ledger.away = False
    assert run_tick_if_due(ticking=world.ticking)
    assert world.states() == {15: State.QUEUED}
    assert not run_tick_if_due(ticking=world.ticking)


def test_no_automatic_tick_runs_after_the_clock_was_set_until_it_is_let_go() -> None:
    world = World(15)
    world.tick(as_of=noon(DUE))
    assert not run_tick_if_due(ticking=world.ticking)
    world.tick(as_of=None, dry_run=True)
    assert not run_tick_if_due(ticking=world.ticking), "a dry run changes nothing"
    world.tick()
    assert run_tick_if_due(ticking=world.ticking)

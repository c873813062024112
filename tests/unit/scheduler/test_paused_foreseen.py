"""What is foreseen of paused reminders: by counts, the forecast, an invoice's page; and promises to pay."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from services.scheduler.domain.books import Account
from services.scheduler.domain.campaigns import DebtorAudience
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.domain.pauses import PauseReason, PauseState, PauseView, Promise
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.use_cases.campaigning import work_on_campaigns
from services.scheduler.use_cases.campaigns import count_campaign, start_campaign
from services.scheduler.use_cases.counting import count_emails
from services.scheduler.use_cases.explain import explain_invoice
from services.scheduler.use_cases.forecast import COUNT_LEASE, COUNTED_AT_ONCE, count_ahead, get_forecast
from services.scheduler.use_cases.pauses import end_pause, list_pauses
from services.scheduler.use_cases.tick import LEASE_TIME
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.other_types import (
    SUMMARY,
    at,
    summaries,
    told,
    with_types,
)
from tests.unit.scheduler.pausing import end, pause
from tests.unit.scheduler.world import DUE, World, noon


def test_the_page_of_an_invoice_tells_that_it_is_paused_and_what_comes_at_the_end() -> None:
    world = World(1, 3, 8)
    pause(world, 6)
    world.on_day(1)

    def explained() -> tuple[str, object]:
        found = explain_invoice(1, store=world.store, ledger=world.ledger, clock=world.clock)
        return found.now, found.next and (found.next.threshold, found.next.on)

    assert explained() == (
        "Would skip “1 day past due”. Reminders to the organization, or about the invoice, were paused.",
        (3, DUE + timedelta(days=6)),
    )
    world.on_day(6)
    world.tick()
    world.deliver()
    pause(world, 8)
    assert explained()[1] == (8, DUE + timedelta(days=8)), "what was sent is not sent again"


def test_the_page_of_an_invoice_tells_that_what_is_queued_will_not_go() -> None:
    world = World(1)
    world.on_day(1)
    world.tick()

    def now() -> str:
        return explain_invoice(1, store=world.store, ledger=world.ledger, clock=world.clock).now

    assert now() == "Nothing: “1 day past due” is on its way."
    pause(world, 6)
    assert now().startswith("“1 day past due” is queued and will be withheld. Reminders to the organization")


def test_the_forecast_leaves_out_who_is_paused_day_by_day() -> None:
    world = World(1, 3, 8)
    world.calendar(automatic=False)
    world.ledger.put(an_invoice(2, organization_id="bolt"))
    world.ledger.put(an_invoice(3, organization_id="bolt"))

    def expected() -> dict[int, int]:
        return {line.threshold: line.invoices for line in get_forecast(20, ticking=world.ticking).lines}

    assert expected() == {1: 3, 3: 3, 8: 3}
    paused = pause(world, 4)
    assert expected() == {1: 2, 3: 2, 8: 3}
    pause(world, 2, invoice_id=3)
    assert expected() == {1: 1, 3: 2, 8: 3}
    end(world, paused)
    assert expected() == {1: 2, 3: 3, 8: 3}


def test_a_count_of_larger_books_is_of_no_use_once_pauses_have_changed() -> None:
    world = World(1)
    assert count_ahead(ticking=world.ticking)
    assert not count_ahead(ticking=world.ticking)
    paused = pause(world, 4)
    assert count_ahead(ticking=world.ticking)
    end(world, paused)
    assert count_ahead(ticking=world.ticking)


def _paused(world: World, many: int) -> None:
    """Pauses so many organizations in all, "acme" the first of them."""
    made = pause(world, 6).pause
    with world.store.write() as work:
        for name in (f"o{number}" for number in range(1, many)):
            work.pauses.add(replace(made, pause_id=name, organization_id=name))


def test_a_count_that_many_pauses_make_long_keeps_its_lease_and_ends_when_it_is_to() -> None:
    world = World(1)
    for number in range(1, 1001):
        world.ledger.put(an_invoice(1 + number, organization_id=f"o{number}"))
    _paused(world, 1001)
    read, parts = world.accounts.accounts, list[int]()

    def slowly(organization_ids: Collection[str]) -> Mapping[str, Account]:
        parts.append(len(organization_ids))
        world.clock.advance(LEASE_TIME / 2)
        with world.store.read() as work:
            assert work.leases.is_held(COUNT_LEASE, now=world.clock.now()), "nobody else counts meanwhile"
        return read(organization_ids)

    world.accounts.accounts = slowly  # type: ignore[method-assign, assignment]
    assert count_ahead(ticking=world.ticking)
    assert sum(parts) == 1001
    with world.store.read() as work:
        count = work.forecasts.get()
    assert count is not None
    assert sum(map(len, count.paused.values())) == 1001
    world.enable(2)
    parts.clear()
    assert count_ahead(ticking=world.ticking, wanted=lambda: len(parts) < 2)
    assert len(parts) == 2, "it ends with the part that it is at"
    with world.store.read() as work:
        assert work.forecasts.get() == count


def test_nobody_waits_for_a_count_of_more_pauses_than_small_books_have_invoices() -> None:
    world = World(1)
    _paused(world, COUNTED_AT_ONCE + 1)
    assert get_forecast(3, ticking=world.ticking).counted_at is None
    assert count_ahead(ticking=world.ticking)
    counted_at = world.clock.now()
    world.clock.advance(timedelta(seconds=5))
    assert get_forecast(3, ticking=world.ticking).counted_at == counted_at, "that of the worker"


@pytest.mark.parametrize(
    ("invoice", "state"),
    [
        ({}, PauseState.PROMISE_BROKEN),
        ({"balance_minor": 1}, PauseState.PROMISE_BROKEN),
        ({"balance_minor": 0, "status": "paid"}, PauseState.PROMISE_KEPT),
        ({"reserved_minor": 10_000}, PauseState.OVER),
    ],
)
def test_the_first_run_after_a_promise_says_what_became_of_it(
    invoice: dict[str, object], state: PauseState
) -> None:
    world = World(1)
    promise = pause(world, 6, reason=PauseReason.PROMISE_TO_PAY)
    world.ledger.put(an_invoice(**invoice))

    def stands() -> PauseState:
        with world.store.read() as work:
            found = work.pauses.get(promise.pause.pause_id)
        assert found is not None
        return found.state(world.clock.now())

    world.on_day(5)
    world.tick()
    assert stands() is PauseState.IN_FORCE
    world.on_day(6)
    assert stands() is PauseState.OVER
    world.tick(dry_run=True)
    assert stands() is PauseState.OVER
    world.tick()
    assert stands() is state
    world.ledger.put(an_invoice(balance_minor=0, status="paid"))
    world.tick()
    assert stands() is PauseState.PROMISE_KEPT, "also if it was paid late"


@pytest.mark.parametrize("gone", [(1,), (2,), (1, 2)])
def test_while_an_invoice_that_was_promised_is_missing_nobody_says_that_a_promise_was_kept(
    gone: tuple[int, ...],
) -> None:
    world = World(1)
    both = [an_invoice(1), an_invoice(2)]
    world.ledger.put(both[1])
    pause(world, 6, reason=PauseReason.PROMISE_TO_PAY)

    def stands_after_a_run() -> PauseState:
        world.tick()
        shown = list_pauses(PauseView.ALL, "acme", 0, "", store=world.store, clock=world.clock)
        return shown.pauses[0].state

    for one in both:
        world.ledger.put(replace(one, balance_minor=0, status="paid"))
    for number in gone:
        del world.ledger.invoices[number]
    world.on_day(6)
    assert stands_after_a_run() is PauseState.OVER
    for one in both:
        world.ledger.put(replace(one, balance_minor=0, status="paid"))
    assert stands_after_a_run() is PauseState.PROMISE_KEPT


@pytest.mark.parametrize(
    ("days_after_the_promised_one", "state"),
    [(90, PauseState.PROMISE_KEPT), (91, PauseState.PROMISE_BROKEN)],
)
def test_a_promise_that_was_broken_is_asked_after_for_ninety_days(
    days_after_the_promised_one: int, state: PauseState
) -> None:
    world = World(1)
    pause(world, 6, reason=PauseReason.PROMISE_TO_PAY)
    world.on_day(6)
    world.tick()
    world.ledger.put(an_invoice(balance_minor=0, status="paid"))
    world.on_day(5 + days_after_the_promised_one)
    world.tick()
    shown = list_pauses(PauseView.ALL, "acme", 0, "", store=world.store, clock=world.clock)
    assert shown.pauses[0].state is state


def test_after_an_outage_of_any_length_the_first_run_says_what_became_of_a_promise() -> None:
    world = World(1)
    pause(world, 6, reason=PauseReason.PROMISE_TO_PAY)
    world.on_day(300)
    world.tick()
    shown = list_pauses(PauseView.ALL, "acme", 0, "", store=world.store, clock=world.clock)
    assert shown.pauses[0].state is PauseState.PROMISE_BROKEN


def test_a_promise_has_all_of_its_day_where_the_organization_is() -> None:
    world = World(1)
    world.accounts.organizations["acme"] = FakeOrganization(
        time_zone="Pacific/Pago_Pago"
    )  # eleven hours behind
    pause(world, 6, reason=PauseReason.PROMISE_TO_PAY)

    def stands() -> PauseState:
        with world.store.read() as work:
            (found,) = work.pauses.page(PauseView.ALL, "acme", world.clock.now(), None, 9)
        return found.state(world.clock.now())

    world.clock.set(noon(DUE + timedelta(days=6)) - timedelta(hours=2))
    world.tick()
    assert stands() is PauseState.IN_FORCE
    world.clock.advance(timedelta(hours=2))
    world.tick()
    assert stands() is PauseState.PROMISE_BROKEN


def test_a_run_with_its_clock_set_judges_no_promise() -> None:
    world = World(1)
    promise = pause(world, 6, reason=PauseReason.PROMISE_TO_PAY)
    world.tick(as_of=noon(DUE + timedelta(days=20)))
    with world.store.read() as work:
        found = work.pauses.get(promise.pause.pause_id)
    assert found == promise.pause
    world.on_day(7)
    world.tick()
    with world.store.read() as work:
        broken = work.pauses.page(PauseView.BROKEN_PROMISES, "acme", world.clock.now(), None, 9)
    assert [one.pause_id for one in broken] == [promise.pause.pause_id], "the first real run after it does"


@pytest.mark.parametrize("known", list(Promise))
def test_what_forbids_is_in_force_and_can_be_ended_whatever_is_known_of_its_promise(known: Promise) -> None:
    world = World(1)
    made = pause(world, 6, reason=PauseReason.PROMISE_TO_PAY).pause
    with world.store.write() as work:
        work.pauses.put(replace(made, promise=known))
    shown = list_pauses(PauseView.IN_FORCE, "acme", 0, "", store=world.store, clock=world.clock)
    assert [(one.pause.pause_id, one.state) for one in shown.pauses] == [(made.pause_id, PauseState.IN_FORCE)]
    ended = end_pause(made.pause_id, "sam@x.test", store=world.store, clock=world.clock)
    assert ended.state is PauseState.ENDED
    world.on_day(1)
    world.tick()
    assert world.states() == {1: State.QUEUED}


def test_counts_leave_out_who_is_paused_by_then_and_say_so() -> None:
    world = with_types(summaries())
    pause(world, 14)  # until 16 March; the summary goes on 15 March
    counted = count_emails(summaries(), 0, ticking=world.ticking)
    assert (counted.organizations, counted.paused, counted.names) == (1, 1, ("bolt",))
    campaign = count_campaign(DebtorAudience(), 0, "", ticking=world.ticking)
    assert ([one.key for one in campaign.members], campaign.reach.left_out) == (["bolt"], 1)
    at(world, "2026-03-16")
    assert count_emails(summaries(), 0, ticking=world.ticking).paused == 0
    assert count_campaign(DebtorAudience(), 0, "", ticking=world.ticking).reach.left_out == 0


@pytest.mark.parametrize(("until", "mails"), [(2, 2), (5, 1)])
def test_of_a_rule_only_those_count_who_are_not_paused_at_the_next_run(until: int, mails: int) -> None:
    world = World()
    world.ledger.put(an_invoice(2, organization_id="bolt"))
    world.on_day(1)
    with world.store.write() as work:  # so that the next one takes place tomorrow
        work.zone_runs.put([ZoneRun("", DUE + timedelta(days=1))])
    pause(world, until)
    counted = count_emails(EmailType(NoticeType.DUE_NOTICE), 1, ticking=world.ticking)
    assert (counted.due_now, counted.paused) == (mails, 2 - mails)


def test_a_campaign_to_all_who_owe_skips_who_is_paused() -> None:
    world = with_types()
    pause(world, 30)
    start_campaign("c-1", DebtorAudience(), "sam@x.test", ticking=world.ticking)
    while work_on_campaigns(ticking=world.ticking):
        pass
    assert sorted((n.organization_id, n.reason) for n in told(world, SUMMARY)) == [
        ("acme", "PAUSED"),
        ("bolt", "CAMPAIGN"),
    ]

"""Any number of payments on one day, in memory and on both databases: all count, and no day hides another."""

from collections.abc import Iterator
from datetime import date

import pytest

from services.paynow.domain.accounts import MOST_PLANS, PayDay, PlannedTotal
from services.paynow.domain.books import TooMany
from services.paynow.domain.plans import Span
from tests.contracts.paynow_accounts import World, day, open_world
from tests.contracts.paynow_books import KINDS
from tests.fakes.paynow_accounts import autopay, scheduled
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl

MANY = MOST_PLANS + 50
CROWDED, LATER, QUIET = day(10), day(12), day(11)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    """AutoPay pays 250 invoices of 1.00 on one day, and ten two days later; O-2 pays one on the first."""
    with open_world(request.param, migrated_url) as world:
        small = {"amount": "1.00", "balance": "1.00"}
        crowd = [a_record(f"C{n}", due_on=CROWDED.isoformat(), **small) for n in range(MANY)]
        later = [a_record(f"L{n}", due_on=LATER.isoformat(), **small) for n in range(10)]
        other = a_record("X", organization_id="O-2", due_on=CROWDED.isoformat())
        world.sync(*crowd, *later, other)
        world.sync_plans(autopay(), autopay(organization_id="O-2"))
        yield world


def test_a_crowded_day_is_counted_and_summed_up_whole(world: World) -> None:
    found = world.account(pay_days=[CROWDED])
    assert len(found.plans) == MOST_PLANS
    assert {plan.pays_on for plan in found.plans} == {CROWDED}
    assert found.pay_days == (PayDay(CROWDED, MANY, (PlannedTotal("USD", MANY * 100),)),)


def test_a_later_day_is_found_behind_a_crowded_one(world: World) -> None:
    found = world.account(today=day(1), pay_days=[LATER])
    assert ({plan.pays_on for plan in found.plans}, len(found.plans)) == ({LATER}, 10)
    both = world.account(today=day(1), pay_days=[LATER, CROWDED, QUIET])
    assert [(one.pays_on, one.payments) for one in both.pay_days] == [(CROWDED, MANY), (LATER, 10)]
    assert [plan.pays_on for plan in both.plans] == [CROWDED] * MOST_PLANS + [LATER] * 10


def test_each_organization_has_room_of_its_own(world: World) -> None:
    found = world.account("O-2", pay_days=[CROWDED, LATER])
    assert [plan.invoice.number for plan in found.plans] == ["X"]
    assert found.pay_days == (PayDay(CROWDED, 1, (PlannedTotal("USD", 25_000),)),)


def test_days_that_have_passed_count_no_more(world: World) -> None:
    found = world.account(today=day(11), pay_days=[CROWDED, LATER])
    assert [one.pays_on for one in found.pay_days] == [LATER]
    over = world.account(today=day(13), pay_days=[CROWDED, LATER])
    assert (over.plans, over.pay_days) == ((), ())


def test_sums_are_by_currency_and_never_more_than_remains(world: World) -> None:
    partly = a_record("E1", currency="EUR", due_on="", amount="50.00", balance="50.00")
    world.sync(
        partly,
        a_record("E2", currency="EUR", due_on="", amount="50.00", balance="50.00"),
        a_record("U1", due_on="", amount="5.00", balance="5.00"),
    )
    on = QUIET.isoformat()
    world.sync_plans(
        scheduled("S-1", invoice_number="E1", pays_on=on, amount="40.00"),
        scheduled("S-2", invoice_number="E2", pays_on=on, amount="20.00"),
        scheduled("S-3", invoice_number="U1", pays_on=on),
    )
    world.sync(partly._replace(balance="30.00"))
    totals = (PlannedTotal("EUR", 3000 + 2000), PlannedTotal("USD", 500))
    assert world.account(pay_days=[QUIET]).pay_days == (PayDay(QUIET, 3, totals),)


def test_payments_of_an_invoice_come_to_no_more_than_it_owes_on_whatever_day_they_are(world: World) -> None:
    world.sync(a_record("Two", due_on="", amount="250.00", balance="250.00"))
    world.sync_plans(
        *(
            scheduled(f"S-{on.day}", invoice_number="Two", pays_on=on.isoformat(), amount="150.00")
            for on in (day(20), day(22), day(24))
        )
    )
    found = world.account(today=day(19), pay_days=[day(20), day(22), day(24)])
    assert found.pay_days == (
        PayDay(day(20), 1, (PlannedTotal("USD", 15_000),)),
        PayDay(day(22), 1, (PlannedTotal("USD", 10_000),)),
    )
    alone = world.account(today=day(19), pay_days=[day(22)])
    assert alone.pay_days == found.pay_days[1:], "what comes before it counts, asked for or not"
    over = world.account(today=day(21), pay_days=[day(22), day(24)])
    assert [one.totals[0].amount_minor for one in over.pay_days] == [15_000, 10_000]


def test_without_days_all_are_read_from_today_on(world: World) -> None:
    found = world.account(today=day(11))
    assert (len(found.plans), found.pay_days) == (10, ())
    assert len(world.plans(span=Span(CROWDED, LATER))) == MANY + 10


def test_too_many_days_are_refused(world: World) -> None:
    with pytest.raises(TooMany):
        world.account(pay_days=[date.fromordinal(n) for n in range(700_000, 700_201)])

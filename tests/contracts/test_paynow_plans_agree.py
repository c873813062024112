"""The database finds the planned payments that the rules name, over books made by chance."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from services.paynow.domain.books import Invoice
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.on_file import MethodRecord
from services.paynow.domain.plan_lines import PlanRecord, ScheduledRecord
from services.paynow.domain.plans import Span
from services.paynow.ports_accounts import AccountsReader
from tests.contracts.paynow_accounts import World, open_world, world_in_memory
from tests.fakes.paynow_accounts import a_card, autopay, scheduled
from tests.fakes.paynow_books import a_record
from tests.servers import DATABASES, MigratedUrl

ORGANIZATIONS = [f"O-{n}" for n in range(1, 10)]
FIRST = date(2026, 3, 1)
ZONES = ["", "Europe/Berlin", "Asia/Tokyo"]


def some_books(chance: random.Random) -> list[SyncRecord]:
    zones = {organization_id: chance.choice(ZONES) for organization_id in ORGANIZATIONS}
    return [
        a_record(
            str(number),
            organization_id=(organization_id := chance.choice(ORGANIZATIONS)),
            organization_time_zone=zones[organization_id],
            due_on=chance.choice(["", some_day(chance), some_day(chance)]),
            balance=chance.choice(["0", "10", "250"]),
            status=chance.choice(["open", "open", "open", "third_party"]),
            contact_emails=chance.choice([(), ("a@x.test",)]),
        )
        for number in range(120)
    ]


def some_methods(chance: random.Random) -> list[MethodRecord]:
    return [
        a_card(
            f"M-{number}",
            organization_id=organization_id,
            expires=f"2026-{chance.randint(1, 12):02}",
            status=chance.choice(["active", "active", "deleted", "failed"]),
        )
        for organization_id in ORGANIZATIONS
        for number in range(3)
    ]


def some_plans(chance: random.Random, books: list[SyncRecord]) -> list[PlanRecord]:
    of_autopay: list[PlanRecord] = [
        autopay(
            chance.choice(["on", "on", "off"]),
            organization_id=organization_id,
            method_id=some_method(chance),
            days_after_due=str(chance.randint(-60, 60)),
        )
        for organization_id in chance.sample(ORGANIZATIONS, 6)
    ]
    return [*of_autopay, *some_scheduled(chance, books, 200)]


def some_scheduled(chance: random.Random, books: list[SyncRecord], count: int) -> list[PlanRecord]:
    """Several for most of the invoices; some more than they owe together, some long over."""
    return [
        scheduled(
            # In the order of code points the capitals come first, in that of a language they do not.
            f"{'sS'[number % 2]}-{number}",
            organization_id=(invoice := chance.choice(books[:60])).organization_id,
            invoice_number=invoice.invoice_number,
            method_id=some_method(chance),
            pays_on=some_day(chance, chance.choice([7, 60])),
            amount=chance.choice(["", "4", "100"] if invoice.balance == "250" else ["", "4"]),
            status=chance.choice(["scheduled", "scheduled", "scheduled", "cancelled", "done"]),
        )
        for number in range(count)
    ]


def changed(chance: random.Random, record: ScheduledRecord) -> ScheduledRecord:
    """Moved, cancelled or made."""
    day = chance.choice([record.pays_on, some_day(chance)])
    return record._replace(pays_on=day, status=chance.choice(["", "", "cancelled", "done"]), method_id="")


def some_day(chance: random.Random, span: int = 60) -> str:
    return (FIRST + timedelta(days=chance.randint(-3, span))).isoformat()


def some_method(chance: random.Random) -> str:
    return chance.choice(["", "M-0", "M-1", "M-2"])


@pytest.fixture(params=DATABASES)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    with open_world(request.param, migrated_url) as world:
        yield world


@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_the_rules_name(world: World, seed: int) -> None:
    chance = random.Random(seed)
    books = some_books(chance)
    methods, plans = some_methods(chance), some_plans(chance, books)
    memory = world_in_memory()
    for one in (world, memory):
        one.sync(*books)
        one.sync_methods(*methods)
        reported = one.sync_plans(*plans)
        assert reported.added > 150
    assert world.told() == memory.told()
    again = [changed(chance, one) for one in plans if isinstance(one, ScheduledRecord)]
    for one in (world, memory):
        one.sync_plans(*again)
    assert world.told() == memory.told()
    assert {"payment_scheduled", "payment_rescheduled", "payment_cancelled"} <= {n for n, _ in world.told()}
    with world.accounts.read() as found, memory.accounts.read() as named:
        for _ in range(20):
            first = chance.choice([None, FIRST + timedelta(days=chance.randint(-5, 60))])
            last = chance.choice([None, (first or FIRST) + timedelta(days=chance.randint(0, 20))])
            compare(found, named, Span(first, last), chance)


def compare(found: AccountsReader, named: AccountsReader, span: Span, chance: random.Random) -> None:
    zones = chance.sample(ZONES, chance.randint(0, 2))
    after = (chance.choice(["", *ORGANIZATIONS]), chance.choice([None, FIRST + timedelta(days=20)]))
    limit, most = chance.choice([1, 5, 1000]), chance.choice([1, 3, 1000])
    assert found.upcoming(span, after, limit, zones) == named.upcoming(span, after, limit, zones)
    ours, theirs = found.plans(ORGANIZATIONS, most, span), named.plans(ORGANIZATIONS, most, span)
    assert ours == theirs
    days = {(span.first or FIRST) + timedelta(days=chance.randint(0, 9)) for _ in range(chance.randint(1, 4))}
    on_days = found.plans_on(ORGANIZATIONS, days, most, span.first)
    assert on_days == named.plans_on(ORGANIZATIONS, days, most, span.first)
    summed = found.pay_days(ORGANIZATIONS, days, span.first)
    assert summed == named.pay_days(ORGANIZATIONS, days, span.first)
    paid: Counter[Invoice] = Counter()
    for plan in (plan for plans in found.plans(ORGANIZATIONS, 1000, span).values() for plan in plans):
        paid[plan.invoice] += plan.amount_minor
    assert all(paid[invoice] <= invoice.balance_minor for invoice in paid)
    ids = [number for number in range(1, 121) if chance.random() < 0.5]
    next_ones, by_rule = found.next_plans(ids, span), named.next_plans(ids, span)
    assert next_ones == by_rule
    day = span.last or FIRST
    card = (after[0], "M-1")
    assert found.expiring(day, card, limit, zones) == named.expiring(day, card, limit, zones)
    assert found.debtors(after[0], limit, [], zones) == named.debtors(after[0], limit, [], zones)
    assert found.count_debtors(zones) == named.count_debtors(zones)

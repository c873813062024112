"""Settings of types: what is due when one is turned on, when it next goes, and whom it would reach."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.scheduler.domain.books import Method, Plan
from services.scheduler.domain.calendar import Calendar, CalendarSettings
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.monthly import MANUAL, ClosedDays, Monthly
from services.scheduler.domain.next_times import next_dates, next_time
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.runs import run_due
from services.scheduler.ports import Excluded
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.use_cases.counting import BATCH, MOST_EXAMINED, NAMES, EmailCount, count_emails
from services.scheduler.use_cases.email_types import TypeShown, list_email_types, update_email_type
from services.scheduler.use_cases.sweeps import summary_days
from services.shared.errors import Invalid
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

SUMMARY, INVOICE, UPCOMING, EXPIRATION, DUE = (
    NoticeType.ACCOUNT_SUMMARY,
    NoticeType.INVOICE,
    NoticeType.UPCOMING_PAYMENTS,
    NoticeType.METHOD_EXPIRATION,
    NoticeType.DUE_NOTICE,
)
TODAY = date(2026, 3, 2)
"""The day of the world, a Monday; its clock stands at noon, three hours after the send time."""


def a_world() -> World:
    world = World()
    with world.store.write() as work:
        work.zone_runs.put([ZoneRun("", TODAY, TODAY)])
    return world


def save(world: World, new: EmailType, *, include_due: bool = False) -> TypeShown:
    return update_email_type(new, include_due=include_due, store=world.store, clock=world.clock)


def since(world: World, type: NoticeType) -> date | None:
    with world.store.read() as work:
        return work.email_types.get(type).since


def shown(world: World) -> dict[NoticeType, TypeShown]:
    found = list_email_types(store=world.store, clock=world.clock)
    return {one.settings.type: one for one in found}


def count(world: World, new: EmailType, threshold: int = 0) -> EmailCount:
    return count_emails(new, threshold, ticking=world.ticking)


def summary(day: int | None = 15, **but: object) -> EmailType:
    usual = EmailType(SUMMARY, schedule=Monthly(day, ClosedDays.SEND))
    return replace(usual, **but)  # type: ignore[arg-type]


def test_turned_on_a_type_counts_from_today_unless_what_is_due_is_included() -> None:
    world = a_world()
    on = EmailType(UPCOMING, enabled=True)
    save(world, on)
    assert since(world, UPCOMING) == TODAY
    world.on_day(3)
    save(world, replace(on, days_before=5))
    assert since(world, UPCOMING) == TODAY, "saved again it neither forgets nor brings back anything"
    save(world, on, include_due=True)
    assert since(world, UPCOMING) is None
    save(world, on)
    assert since(world, UPCOMING) is None
    save(world, replace(on, enabled=False))
    save(world, on)
    assert since(world, UPCOMING) == TODAY + timedelta(days=3)


def test_invoice_notifications_are_switched_by_what_new_invoices_bring() -> None:
    world = a_world()
    saved = save(world, EmailType(INVOICE, enabled=True, newest_days=3))
    assert (saved.settings.enabled, saved.settings.newest_days) == (False, 3)
    save(world, summary(enabled=True, on_new_invoice=OnNewInvoice.INVOICES))
    assert shown(world)[INVOICE].settings.enabled
    save(world, summary(enabled=False, on_new_invoice=OnNewInvoice.INVOICES))
    assert not shown(world)[INVOICE].settings.enabled
    assert shown(world)[INVOICE].next_at is None


def test_what_every_type_shows() -> None:
    world = a_world()
    world.enable(15, 30)
    save(world, EmailType(EXPIRATION, enabled=True))
    with world.store.write() as work:
        for number in (1, 2):
            work.exclusions.add(Excluded(DUE, f"o{number}", world.clock.now()))
        work.email_types.note_sent(DUE, 15, world.clock.now())
        work.email_types.note_sent(DUE, 30, world.clock.now() + timedelta(hours=1))
    found = shown(world)
    assert list(found) == list(NoticeType)
    tomorrow = datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert found[DUE] == TypeShown(
        EmailType(DUE, enabled=True), world.clock.now() + timedelta(hours=1), 2, tomorrow
    )
    assert (found[EXPIRATION].next_at, found[UPCOMING].next_at) == (tomorrow, None)
    receipt = found[NoticeType.PAYMENT_SUCCEEDED]
    assert (receipt.settings.enabled, receipt.next_at, receipt.excluded) == (True, None, 0)
    world.calendar(automatic=False)
    assert shown(world)[DUE].next_at is None


def test_a_receipt_has_no_settings() -> None:
    with pytest.raises(Invalid) as error:
        save(a_world(), EmailType(NoticeType.PAYMENT_FAILED, enabled=True))
    assert error.value.reason == "TYPE_NOT_SWITCHABLE"


CALENDAR = Calendar(
    CalendarSettings("America/Chicago", "09:00", sandbox=False, automatic=True),
    since=datetime(2020, 1, 1, tzinfo=UTC),
)


@settings(max_examples=150, deadline=None)
@example(schedule=Monthly(0, ClosedDays.SEND), business_days_only=True, country="US", hour=750, turned_on=0)
@given(
    schedule=st.builds(Monthly, st.integers(0, 28), st.sampled_from(list(ClosedDays))),
    business_days_only=st.booleans(),
    country=st.sampled_from(["", "US", "DE"]),
    hour=st.integers(0, 24 * 400),
    turned_on=st.integers(-3, 0),
)
def test_the_next_time_is_that_of_the_very_run_that_deals_with_the_next_date(
    schedule: Monthly, business_days_only: bool, country: str, hour: int, turned_on: int
) -> None:
    told = replace(CALENDAR.settings, business_days_only=business_days_only, country=country)
    calendar = replace(CALENDAR, settings=told)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    today = calendar.date_at(start)
    on = EmailType(
        SUMMARY,
        enabled=True,
        schedule=schedule,
        since=today + timedelta(days=turned_on),
    )
    # All runs up to now have taken place; from here on, hour by hour, as the clock goes.
    newest = max(
        d
        for d in (today - timedelta(days=n) for n in range(40))
        if calendar.send_instant(d) <= start and calendar.takes_place_on(d)
    )
    ran_on, summed_on = newest, schedule.decided_by(newest, calendar.days)
    expected = next_time(on, calendar, start, ran_on=ran_on, summed_on=summed_on)
    summed_on_at_first = summed_on
    now, dealt = start, list[date]()
    while not dealt:
        now += timedelta(minutes=30)
        assert now < start + timedelta(days=130)
        due = run_due(calendar, ran_on, now)
        if due is not None:
            local = calendar.date_at(now)
            dealt = summary_days(on, ZoneRun("", ran_on, summed_on), local, calendar.days)
            ran_on, summed_on = due, schedule.decided_by(local, calendar.days)
    assert expected is not None
    assert expected <= now < expected + timedelta(minutes=30)
    dates = next_dates(on, calendar, today, summed_on_at_first, 3)
    assert len(dates) == 3
    assert dates[0] == calendar.date_at(expected)


def test_what_was_missed_before_a_type_was_turned_on_is_not_its_next_time() -> None:
    now, ran_on = datetime(2026, 3, 2, 18, tzinfo=UTC), date(2026, 2, 10)
    on = EmailType(SUMMARY, enabled=True, schedule=Monthly(15, ClosedDays.SEND))
    assert next_time(on, CALENDAR, now, ran_on=ran_on, summed_on=ran_on) == now, "that of 15 February"
    since_today = replace(on, since=TODAY)
    coming = next_time(since_today, CALENDAR, now, ran_on=ran_on, summed_on=ran_on)
    assert coming == datetime(2026, 3, 15, 14, tzinfo=UTC)
    assert next_dates(since_today, CALENDAR, TODAY, ran_on, 2) == [date(2026, 3, 15), date(2026, 4, 15)]


def test_by_hand_only_there_is_no_next_time_and_no_date() -> None:
    by_hand = EmailType(SUMMARY, enabled=True, schedule=MANUAL)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert next_time(by_hand, CALENDAR, now, ran_on=None, summed_on=None) is None
    assert next_dates(by_hand, CALENDAR, TODAY, None, 3) == []


def test_a_summary_is_counted_for_its_next_day_and_for_now_if_that_is_the_next_run() -> None:
    world = a_world()
    for number, name in enumerate(("bolt", "mute", "shut"), start=2):
        world.ledger.put(an_invoice(number, organization_id=name, organization_name=name))
    world.ledger.addressees["mute"] = ()
    with world.store.write() as work:
        work.exclusions.add(Excluded(SUMMARY, "shut", world.clock.now()))
    found = count(world, summary(15))
    assert found == EmailCount(
        due_now=0,
        organizations=2,
        next_at=datetime(2026, 3, 15, 9, tzinfo=UTC),
        excluded=1,
        unreachable=1,
        names=("acme", "bolt"),
        next_dates=("2026-03-15", "2026-04-15", "2026-05-15"),
    )
    assert count(world, summary(3)).due_now == 2, "tomorrow is the 3rd"
    by_hand = count(world, summary(None))
    assert (by_hand.organizations, by_hand.next_at, by_hand.next_dates) == (2, None, ())
    calls = set(world.ledger.calls)
    assert calls == {"debtors", "addressees"}


def test_expiring_cards_and_coming_payments_are_counted_with_and_without_what_is_due() -> None:
    world = a_world()
    world.accounts.organizations["acme"] = FakeOrganization("Acme Ltd")
    expired, expiring = Method("m1", "Visa", "", 1, 2026), Method("m2", "Visa", "", 4, 2026)
    world.accounts.methods["acme"] = [expired, expiring]
    found = count(world, EmailType(EXPIRATION))
    assert (found.due_now, found.organizations, found.names) == (1, 0, ())
    save(world, EmailType(EXPIRATION, enabled=True), include_due=True)
    found = count(world, EmailType(EXPIRATION))
    assert (found.due_now, found.organizations, found.names) == (1, 1, ("Acme Ltd",))

    def pays(day: date) -> Plan:
        return Plan("s", 1, day, 5, "Visa", by_autopay=True)

    world.accounts.plans["acme"] = [pays(TODAY + timedelta(days=n)) for n in (1, 2, 4, 5, 20)]
    found = count(world, EmailType(UPCOMING, days_before=3))
    # Tomorrow's run looks ahead to the 4th and 6th; of these only the last has come up since today.
    assert (found.due_now, found.organizations) == (2, 1)
    assert found.next_at == datetime(2026, 3, 3, 9, tzinfo=UTC)
    world.tick()
    assert [n.type for n in world.store.tables.notices.values()] == [EXPIRATION]  # type: ignore[attr-defined]
    assert count(world, EmailType(EXPIRATION)).due_now == 0, "nobody is told twice"


def test_a_due_notice_rule_is_counted_by_itself() -> None:
    world = a_world()
    world.on_day(31)
    world.ledger.put(an_invoice(2, organization_id="shut", organization_name="Shut"))
    world.ledger.put(an_invoice(3, organization_id="mute", organization_name="Mute"))
    world.ledger.put(an_invoice(4))
    world.ledger.addressees["mute"] = ()
    with world.store.write() as work:
        work.exclusions.add(Excluded(DUE, "shut", world.clock.now()))
    found = count(world, EmailType(DUE), 15)
    assert (found.due_now, found.organizations, found.excluded, found.unreachable) == (2, 1, 1, 1)
    assert found.names == ("Acme Ltd",)
    assert count(world, EmailType(DUE), 60).due_now == 0
    world.enable(15)
    world.tick()
    found = count(world, EmailType(DUE), 15)
    assert (found.due_now, found.excluded, found.unreachable) == (0, 1, 1), "who is left out stays so"


def test_of_larger_books_only_so_many_are_looked_at() -> None:
    world = a_world()
    world.on_day(31)
    world.ledger.invoices = {
        n: an_invoice(n, organization_id=f"o{n % 500}", organization_name=f"O{n % 500:03}")
        for n in range(1, MOST_EXAMINED + 1)
    }
    found = count(world, EmailType(DUE), 15)
    assert (found.due_now, found.organizations, found.at_least) == (MOST_EXAMINED, 500, False)
    assert found.names == tuple(f"O{n:03}" for n in range(NAMES))
    world.ledger.invoices[MOST_EXAMINED + 1] = an_invoice(MOST_EXAMINED + 1)
    world.ledger.calls.clear()
    found = count(world, EmailType(DUE), 15)
    assert (found.due_now, found.at_least) == (MOST_EXAMINED, True)
    assert world.ledger.calls.count("due_invoices") == MOST_EXAMINED // BATCH + 1

"""Counts foresee the second look: whose addresses get no mail is not among those who would get one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.books import Method, Plan, Recipient
from services.scheduler.domain.campaigns import ContactAudience, DebtorAudience
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.ports import Store
from services.scheduler.ports_emails import Unsubscription, ZoneRun
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases.campaigning import work_on_campaigns
from services.scheduler.use_cases.campaigns import Reach, count_campaign, start_campaign
from services.scheduler.use_cases.counting import EmailCount, count_emails
from services.scheduler.use_cases.whom import MOST_KEYS
from services.shared.database import Database
from tests.fakes.scheduler import FakeStore
from tests.fakes.scheduler_peers import an_invoice
from tests.servers import DATABASES, MigratedUrl
from tests.unit.scheduler.test_campaigns import a_contact, told
from tests.unit.scheduler.world import DUE as DUE_ON
from tests.unit.scheduler.world import World

SUMMARY, WELCOME, UPCOMING, EXPIRATION, DUE = (
    NoticeType.ACCOUNT_SUMMARY,
    NoticeType.WELCOME,
    NoticeType.UPCOMING_PAYMENTS,
    NoticeType.METHOD_EXPIRATION,
    NoticeType.DUE_NOTICE,
)
TOLD_AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["fake", *DATABASES])
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    database = Database(migrated_url(request.param, MIGRATIONS))
    yield SqlStore(database)
    database.dispose()


def suppress(store: Store, *emails: str) -> None:
    with store.write() as work:
        for email in emails:
            work.addresses.note_suppressed(email, "BOUNCED_FOR_GOOD", suppressed=True, told_at=TOLD_AT)


def unsubscribe(store: Store, type: NoticeType, *emails: str) -> None:
    with store.write() as work:
        for email in emails:
            work.addresses.unsubscribe(Unsubscription(type, email, email, TOLD_AT))


@pytest.fixture
def world(store: Store) -> World:
    """Five organizations that owe, all with two addresses but one, which has none."""
    world = World(15, store=store)
    world.on_day(31)
    names = ("bounces", "gone", "half", "mute", "ready")
    world.ledger.invoices = {
        n: an_invoice(n, organization_id=name, organization_name=name.title())
        for n, name in enumerate(names, 1)
    }
    for name in names:
        addresses = (f"Ann@{name}.test", f"bob@{name}.test") if name != "mute" else ()
        world.ledger.addressees[name] = tuple(Recipient("", email) for email in addresses)
        world.accounts.plans[name] = [Plan("s", 1, DUE_ON + timedelta(days=33), 5, "Visa", by_autopay=True)]
        world.accounts.methods[name] = [Method(f"of {name}", "Visa", "", 1, 2026)]
    suppress(store, "ann@bounces.test", "bob@bounces.test", "ann@half.test")
    with store.write() as work:
        today = DUE_ON + timedelta(days=31)
        work.zone_runs.put([ZoneRun("", today, today)])
    unsubscribe(store, SUMMARY, "ann@gone.test", "bob@gone.test", "ann@ready.test")
    unsubscribe(store, UPCOMING, "bob@half.test")
    return world


def count(world: World, settings: EmailType, threshold: int = 0) -> EmailCount:
    return count_emails(settings, threshold, ticking=world.ticking)


def numbers(found: EmailCount) -> dict[str, int]:
    kept = ("due_now", "organizations", "unreachable", "suppressed", "unsubscribed")
    return {name: number for name in kept if (number := getattr(found, name))}


def test_counts_of_every_type_leave_out_whom_no_address_would_get_it(world: World) -> None:
    tomorrow = Monthly((DUE_ON + timedelta(days=32)).day, ClosedDays.SEND)
    assert numbers(count(world, EmailType(SUMMARY, schedule=tomorrow))) == {
        "due_now": 2, "organizations": 2, "unreachable": 1, "suppressed": 1, "unsubscribed": 1,
    }  # fmt: skip
    assert numbers(count(world, EmailType(DUE), 15)) == {
        "due_now": 3, "organizations": 3, "unreachable": 1, "suppressed": 1,
    }  # fmt: skip
    assert count(world, EmailType(UPCOMING, days_before=3)).due_now == 2
    assert count(world, EmailType(EXPIRATION)).due_now == 3, "which nobody can unsubscribe from"


def test_names_are_of_those_who_would_get_it(world: World) -> None:
    assert count(world, EmailType(DUE), 15).names == ("Gone", "Half", "Ready")


def test_what_a_run_queues_and_the_second_look_lets_go_is_what_was_counted(world: World) -> None:
    counted = count(world, EmailType(DUE), 15).due_now
    world.tick()
    assert len(world.deliver()) == counted
    assert count(world, EmailType(DUE), 15).due_now == 0, "who bounces is not due again and again"


def test_client_profiles_count_where_they_are_chosen(world: World, store: Store) -> None:
    world.accounts.by_profile["billing"] = {"ready": (Recipient("", "bad@x.test"),)}
    suppress(store, "bad@x.test")
    by_profile = EmailType(SUMMARY, profile_ids=("billing",))
    assert numbers(count(world, by_profile)) == {"unreachable": 4, "suppressed": 1}


def test_a_campaign_counts_and_names_whom_it_will_reach(world: World, store: Store) -> None:
    found = count_campaign(DebtorAudience(), 1, "", ticking=world.ticking)
    assert found.reach == Reach(total=2, unreachable=1, suppressed=1, unsubscribed=1)
    following = count_campaign(DebtorAudience(), 1, found.next_page_token, ticking=world.ticking)
    assert following.reach == found.reach
    assert [one.organization_id for one in (*found.members, *following.members)] == ["half", "ready"]
    began = start_campaign("c1", DebtorAudience(), "sam", ticking=world.ticking)
    assert began.campaign.total == 2


def test_an_invitation_goes_to_the_first_address_and_counts_by_it(world: World, store: Store) -> None:
    world.accounts.people = [*map(a_contact, range(1, 5)), a_contact(5, emails=())]
    suppress(store, "p1@x.test", "second2@x.test")
    unsubscribe(store, WELCOME, "p3@x.test")
    found = count_campaign(ContactAudience("billing"), 0, "", ticking=world.ticking)
    assert found.reach == Reach(total=2, unreachable=1, suppressed=1, unsubscribed=1)
    assert [one.contact_id for one in found.members] == [2, 4]
    start_campaign("c1", ContactAudience("billing"), "sam", ticking=world.ticking)
    while work_on_campaigns(ticking=world.ticking):
        pass
    world.review(*(notice.notice_id for notice in told(world)))
    rows = {notice.access.contact_id: notice for notice in told(world) if notice.access}
    assert [number for number, notice in rows.items() if notice.state is State.QUEUED] == [2, 4]
    assert (rows[1].reason, rows[3].reason) == ("ADDRESSES_SUPPRESSED", "UNSUBSCRIBED")


def test_more_addresses_than_one_question_may_hold(world: World, store: Store) -> None:
    many = tuple(Recipient("", f"p{n}@many.test") for n in range(MOST_KEYS + 5))
    world.ledger.addressees["ready"] = many
    with store.write() as work:
        for to in many[:3]:
            work.addresses.note_suppressed(to.email, "BOUNCED_FOR_GOOD", suppressed=True, told_at=TOLD_AT)
    assert count(world, EmailType(DUE), 15).organizations == 3


def test_the_books_are_asked_batch_by_batch_and_not_for_each_organization(world: World) -> None:
    world.ledger.invoices = {n: an_invoice(n, organization_id=f"o{n:04}") for n in range(1, 2502)}
    world.ledger.calls.clear()
    assert count_campaign(DebtorAudience(), 1, "", ticking=world.ticking).reach.total == 2501
    assert world.ledger.calls.count("addressees") <= 3

"""Facts, campaigns, new invoices and second looks at once, on PostgreSQL: no deadlock, nothing twice."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Barrier

import pytest
from sqlalchemy import event, text

from services.scheduler import tables
from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.campaigns import CampaignState, ContactAudience
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.notice import Notice, NoticeFilter, NoticeType, State
from services.scheduler.facts import FactHandler
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases import campaigns
from services.scheduler.use_cases.by_hand import send_summary
from services.scheduler.use_cases.campaigning import withdraw_cancelled, work_on_campaigns
from services.scheduler.use_cases.new_invoices import tell_of_new_invoices
from services.shared.database import Database
from services.shared.errors import Refusal
from services.shared.facts import StoredFact
from services.shared.inbox import Inbox, InboxWorker
from tests.contracts.test_scheduler_at_once import LONG, ended_or_waits, right_after
from tests.fakes.scheduler_peers import an_invoice
from tests.servers import PostgresServer
from tests.unit.scheduler.test_campaigns import a_contact
from tests.unit.scheduler.world import World

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.migrated(MIGRATIONS)
    database = Database(url)
    yield database
    database.dispose()
    postgres.drop(url)


@pytest.fixture
def world(database: Database) -> World:
    world = World(15, store=SqlStore(database))
    world.on_day(16)
    with world.store.write() as work:
        settings = EmailType(NoticeType.ACCOUNT_SUMMARY, enabled=True, on_new_invoice=OnNewInvoice.INVOICES)
        work.email_types.put(settings)
    return world


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


class Facts:
    """An inbox, and as many workers at it as a test wants."""

    def __init__(self, database: Database, world: World) -> None:
        self._database, self._world = database, world
        self._inbox = Inbox(database, tables.inbox, world.clock)
        self._handler = FactHandler(world.clock, world.ticking.new_id, wake=lambda: None)
        self._numbers = count(1)

    def take_in(self, *told: tuple[str, dict[str, object]]) -> None:
        now = self._world.clock.now()
        self._inbox.take_in(
            [StoredFact(f"f{next(self._numbers)}", name, dict(body), now) for name, body in told]
        )

    def worker(self, most: int = 50) -> InboxWorker:
        return InboxWorker(
            self._database,
            tables.inbox,
            self._handler,
            self._world.clock,
            lock=self._handler.lock,
            most=most,
        )

    def trouble(self) -> list[tuple[int, str | None]]:
        with self._database.read() as connection:
            waiting = connection.execute(
                text("SELECT attempts, error FROM inbox WHERE handled_at IS NULL OR attempts > 0")
            )
            return [(attempts, error) for attempts, error in waiting]


@pytest.fixture
def facts(database: Database, world: World) -> Facts:
    return Facts(database, world)


def suppressed(name: str) -> tuple[str, dict[str, object]]:
    return "address_suppressed", {"email": f"{name}@x.test", "reason": "BOUNCED_FOR_GOOD"}


def restored(name: str) -> tuple[str, dict[str, object]]:
    return "address_restored", {"email": f"{name}@x.test"}


def test_two_who_hear_of_the_same_addresses_in_another_order_never_wait_in_a_circle(
    database: Database, facts: Facts, other: ThreadPoolExecutor
) -> None:
    facts.take_in(suppressed("a"), suppressed("b"), suppressed("b"), suppressed("a"))
    one, two = facts.worker(most=2), facts.worker(most=2)
    second: list[Future[bool]] = []

    def at_the_same_time() -> None:
        second.append(other.submit(two.run_once))
        ended_or_waits(database, second[0])

    with right_after(database, "INTO suppressed", at_the_same_time):
        assert one.run_once()
    assert second[0].result(LONG)
    assert facts.trouble() == []


def test_a_request_that_comes_twice_at_once_makes_one_notice(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    second: list[Future[Notice]] = []

    def ask() -> Notice:
        return send_summary("r-1", "acme", ticking=world.ticking)

    def at_the_same_time() -> None:
        second.append(other.submit(ask))
        ended_or_waits(database, second[0])

    with right_after(database, "INSERT INTO notices", at_the_same_time):
        first = ask()
    assert second[0].result(LONG) == first
    with world.store.read() as work:
        assert work.notices.page(NoticeFilter(), None, 10) == [first]


def begin(world: World, campaign_id: str) -> str:
    try:
        campaigns.start_campaign(campaign_id, ContactAudience("billing"), "sam", ticking=world.ticking)
    except Refusal as refusal:
        return refusal.reason
    return "begun"


@pytest.mark.parametrize(("campaign_id", "came"), [("c1", "begun"), ("c2", "CAMPAIGN_RUNNING")])
def test_of_two_who_begin_a_campaign_at_once_one_does(
    world: World, database: Database, other: ThreadPoolExecutor, campaign_id: str, came: str
) -> None:
    world.accounts.people = [a_contact(1)]
    second: list[Future[str]] = []

    def at_the_same_time() -> None:
        second.append(other.submit(begin, world, campaign_id))
        ended_or_waits(database, second[0])

    with right_after(database, "WHERE campaigns.type", at_the_same_time):
        assert begin(world, "c1") == "begun"
    assert second[0].result(LONG) == came
    with world.store.read() as work:
        assert [one.campaign_id for one in work.campaigns.running()] == ["c1"]


def test_several_who_decide_on_the_same_new_invoices_tell_each_once(
    world: World, facts: Facts, other: ThreadPoolExecutor
) -> None:
    numbers = range(1, 1_201)
    world.ledger.invoices = {n: an_invoice(n, issued_on=world.clock.now().date()) for n in numbers}
    told = [{"invoice_id": n, "organization_id": "acme"} for n in numbers]
    facts.take_in(("invoices_recorded", {"sync_id": "1", "invoices": told}))
    assert facts.worker().run_once()
    together = Barrier(3)

    def decide() -> None:
        together.wait(LONG)
        while tell_of_new_invoices(ticking=world.ticking):
            pass

    for future in [other.submit(decide) for _ in range(3)]:
        future.result(3 * LONG)
    with world.store.read() as work:
        notices = work.notices.page(NoticeFilter(type=NoticeType.INVOICE), None, 5_000)
        assert not work.recorded.waiting(1)
    assert sorted(notice.invoice_id for notice in notices) == list(numbers)


def test_everything_at_once_never_deadlocks(
    world: World, database: Database, facts: Facts, other: ThreadPoolExecutor
) -> None:
    invoices, rounds = 60, 10
    world.ledger.invoices = {
        n: an_invoice(n, issued_on=world.clock.now().date()) for n in range(1, invoices + 1)
    }
    world.accounts.people = [a_contact(n) for n in range(1, 301)]
    world.tick()
    queued = [notice.notice_id for notice in world.notices() if notice.state is State.QUEUED]
    failed: list[str] = []

    def note(context: object) -> None:
        error = context.original_exception  # type: ignore[attr-defined]
        failed.append(f"{type(error).__name__}: {error}")

    event.listen(database._engine, "handle_error", note)
    numbers = count(1)

    def hear(rng: random.Random) -> None:
        told: list[tuple[str, dict[str, object]]] = []
        for notice_id in rng.sample(queued, 8):
            body = {"notice_id": notice_id, "reason": "ADDRESSES_SUPPRESSED: all come back"}
            told.append(("message_failed", body))
            told.append((suppressed if rng.random() < 0.5 else restored)(rng.choice("abc")))
        new = [{"invoice_id": n, "organization_id": "acme"} for n in rng.sample(range(1, invoices), 20)]
        told.append(("invoices_recorded", {"sync_id": str(next(numbers)), "invoices": new}))
        facts.take_in(*told)
        worker = facts.worker(most=rng.randint(2, 20))
        while worker.run_once():
            pass

    def tell(_rng: random.Random) -> None:
        tell_of_new_invoices(ticking=world.ticking)

    def campaign(rng: random.Random) -> None:
        campaign_id = f"c{next(numbers)}"
        campaigns.start_campaign(campaign_id, ContactAudience("billing"), "", ticking=world.ticking)
        turns = count()
        work_on_campaigns(ticking=world.ticking, wanted=lambda: next(turns) < rng.randint(1, 5), batch=50)
        campaigns.cancel_campaign(campaign_id, store=world.store, clock=world.clock)

    def withdraw(_rng: random.Random) -> None:
        withdraw_cancelled(store=world.store, clock=world.clock)

    def look(rng: random.Random) -> None:
        with world.store.read() as work:
            found = work.notices.page(NoticeFilter(state=State.QUEUED), None, 500)
        ids = [notice.notice_id for notice in found]
        world.review(*rng.sample(ids, min(80, len(ids))))

    def run(_rng: random.Random) -> None:
        world.tick()

    def hand_over(_rng: random.Random) -> None:
        now = world.clock.now() + next(numbers) * timedelta(hours=2)
        until = now + timedelta(seconds=30)
        with world.store.write() as work:
            ids = [notice.notice_id for notice in work.notices.to_hand_over(now, 500)]
            work.notices.claim(ids, until=until)
        with world.store.write() as work:
            work.notices.end_claim(ids, until=until, again_at=now)

    def again_and_again(act: Callable[[random.Random], None], seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(rounds):
            act(rng)

    acts = (hear, hear, tell, tell, campaign, withdraw, look, run, hand_over)
    with ThreadPoolExecutor(len(acts)) as pool:
        for each in [pool.submit(again_and_again, act, seed) for seed, act in enumerate(acts)]:
            each.result(6 * LONG)
    event.remove(database._engine, "handle_error", note)
    assert failed == []
    assert facts.trouble() == []
    with world.store.read() as work:
        told = work.notices.page(NoticeFilter(), None, 100_000)
        states = {one.campaign_id: one.state for one in work.campaigns.newest(None, 50)}
    assert set(states.values()) <= {CampaignState.CANCELLED, CampaignState.DONE}
    occurrences = Counter((notice.type, notice.occurrence) for notice in told if notice.occurrence)
    assert set(occurrences.values()) == {1}

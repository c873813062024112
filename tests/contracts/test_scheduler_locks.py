"""Nobody who locks several notices of the scheduler deadlocks with another one, on PostgreSQL."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.notice import NoticeType, PaymentFact, State
from services.scheduler.ports import Excluded
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases.receipts import payment_succeeded
from services.shared.database import Database
from tests.contracts.test_scheduler_at_once import LONG, ended_or_waits, right_after
from tests.fakes.scheduler_peers import an_invoice
from tests.servers import PostgresServer
from tests.unit.scheduler.world import World

pytestmark = pytest.mark.postgresql

IN_THE_ORDER_OF_THE_TABLE = "-c enable_indexscan=off -c enable_bitmapscan=off"
"""So PostgreSQL may always read, as it does where its statistics say so."""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.migrated(MIGRATIONS)
    database = Database(f"{url}?options={IN_THE_ORDER_OF_THE_TABLE.replace(' ', '%20')}")
    yield database
    database.dispose()
    postgres.drop(url)


@pytest.fixture
def world(database: Database) -> World:
    world = World(15, 30, store=SqlStore(database))
    world.on_day(31)
    return world


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def receipt(world: World, notice_id: str, invoice_id: int = 1) -> None:
    """A payment on the invoice, whose receipt has that id."""
    payment = PaymentFact(
        payment_id=f"p-{notice_id}",
        organization_id="acme",
        invoice_id=invoice_id,
        invoice_number="001",
        amount_minor=5,
        currency="USD",
        payer_email="ann@acme.test",
        method_label="Card",
        ended_at=world.clock.now(),
        balance_minor=7,
        failure_reason="",
    )
    with world.store.write() as work:
        payment_succeeded(payment, work=work, new_id=lambda: notice_id, now=world.clock.now())


def lock(world: World, *notice_ids: str) -> None:
    with world.store.write() as work:
        work.notices.get(notice_ids)


def test_who_ends_a_claim_locks_notices_in_their_order(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    world.ledger.put(an_invoice(2))
    world.tick()
    first, second = sorted(n.notice_id for n in world.notices() if n.state is State.QUEUED)
    until = world.clock.now() + timedelta(seconds=30)
    world.force([(first, State.QUEUED, "AGAIN")])  # which puts it behind the second one in the table
    with world.store.write() as work:
        work.notices.claim([first, second], until=until)

    def end_claim() -> None:
        with world.store.write() as work:
            work.notices.end_claim([first, second], until=until, again_at=until)

    with world.store.write() as work:
        work.notices.get([first])
        ending = other.submit(end_claim)
        ended_or_waits(database, ending)
        work.notices.get([second])
    ending.result(LONG)


def test_a_second_look_locks_receipts_and_due_notices_in_one_order(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    world.tick()
    due = world.notice(30).notice_id
    receipt(world, "a-receipt")
    assert due > "a-receipt"
    world.disable(30)
    locking = []

    def between() -> None:
        locking.append(other.submit(lock, world, "a-receipt", due))
        ended_or_waits(database, locking[0])

    with right_after(database, "FOR UPDATE", between):
        world.review("a-receipt", due)
    locking[0].result(LONG)
    assert world.states()[30] is State.SKIPPED


def test_dispatchers_second_looks_runs_and_facts_at_once_never_deadlock(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    invoices, rounds = 150, 12
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, invoices + 1)}
    numbers = count(1)
    receipts = [f"{'a' if n % 2 else 'z'}-{n}" for n in range(1, invoices, 5)]
    for number, notice_id in enumerate(receipts, 1):
        receipt(world, notice_id, invoice_id=5 * number)
    world.tick()
    queued = [n.notice_id for n in world.notices() if n.state is State.QUEUED]
    failed: list[str] = []

    def note(context: object) -> None:
        error = context.original_exception  # type: ignore[attr-defined]
        failed.append(f"{type(error).__name__}: {error}")

    event.listen(database._engine, "handle_error", note)

    def dispatch(_rng: random.Random) -> None:
        # Each with a clock of its own, so that what the others have handed over is due again.
        now = world.clock.now() + next(numbers) * timedelta(hours=2)
        until = now + timedelta(seconds=30)
        with world.store.write() as work:
            ids = [notice.notice_id for notice in work.notices.to_hand_over(now, 500)]
            work.notices.claim(ids, until=until)
        with world.store.write() as work:
            work.notices.end_claim(ids, until=until, again_at=now)

    def look(rng: random.Random) -> None:
        with world.store.write() as work:
            work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, "acme", world.clock.now()))
        world.review(*rng.sample(queued, 80))

    def run(_rng: random.Random) -> None:
        with world.store.write() as work:
            work.exclusions.remove(NoticeType.DUE_NOTICE, "acme")
        world.tick()

    def hear(rng: random.Random) -> None:
        world.sent(rng.choice(queued))

    def again_and_again(act: Callable[[random.Random], None], seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(rounds):
            act(rng)

    acts = (dispatch, dispatch, look, look, run, hear)
    for each in [other.submit(again_and_again, act, seed) for seed, act in enumerate(acts)]:
        each.result(6 * LONG)
    event.remove(database._engine, "handle_error", note)
    assert failed == []

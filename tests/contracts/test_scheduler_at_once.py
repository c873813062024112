"""What SQLite's single writer gives for free, kept on PostgreSQL too: several at once, nothing lost."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.exc import DBAPIError

from services.scheduler import tables
from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.letter import Withheld
from services.scheduler.domain.notice import HandOver, NoticeType, State
from services.scheduler.facts import FactHandler
from services.scheduler.ports import Excluded
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases import exclusions
from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.dispatch import BATCH, CLAIM_TIME, hand_over
from services.scheduler.use_cases.receipts import message_failed
from services.scheduler.use_cases.rules import remove_rule
from services.scheduler.use_cases.tick import LEASE
from services.shared.database import Database
from services.shared.database_errors import DatabaseAway, database_refusal
from services.shared.facts import StoredFact
from services.shared.inbox import Inbox, InboxWorker
from tests.fakes.scheduler_peers import FakeMailer, an_invoice
from tests.servers import PostgresServer
from tests.unit.scheduler.world import World

pytestmark = pytest.mark.postgresql

LONG = 20.0
"""Seconds after which a test that waits for something gives up."""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.migrated(MIGRATIONS)
    database = Database(url)
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
    """Another process, as far as the database can tell."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@contextmanager
def right_after(database: Database, words: str, act: Callable[[], object]) -> Iterator[None]:
    """Runs `act` right after the first statement that contains the words, within its transaction."""
    pending = [act]

    def ran(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if words in statement and pending:
            pending.pop()()

    event.listen(database._engine, "after_cursor_execute", ran)
    yield
    event.remove(database._engine, "after_cursor_execute", ran)
    assert not pending, f"no statement contained {words!r}"


def ended_or_waits(database: Database, future: Future[Any]) -> None:
    """Waits until the other has ended, or waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up = time.monotonic() + LONG
    while time.monotonic() < give_up:
        with database.read() as connection:
            if future.done() or connection.execute(waiting).scalar_one():
                return
    raise TimeoutError


def exclude(world: World) -> None:
    with world.store.write() as work:
        work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, "acme", world.clock.now()))


def nothing_goes_out(world: World, reason: str) -> None:
    queued = [notice for notice in world.notices() if notice.state is State.QUEUED]
    assert [notice.threshold for notice in queued] == [30]
    (answer,) = world.review(queued[0].notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == reason
    assert world.reasons()[30] == reason


def test_an_exclusion_made_while_a_tick_decides_forbids_what_the_tick_queues(
    world: World, database: Database
) -> None:
    with right_after(database, "FROM exclusions", lambda: exclude(world)):
        world.tick()
    nothing_goes_out(world, "ORGANIZATION_EXCLUDED")


def test_a_rule_turned_off_while_a_tick_runs_forbids_what_the_tick_queues(
    world: World, database: Database
) -> None:
    with right_after(database, "FROM exclusions", lambda: world.disable(30)):
        world.tick()
    nothing_goes_out(world, "RULE_DISABLED")


def test_a_rule_removed_while_a_tick_runs_forbids_what_the_tick_queues(
    world: World, database: Database
) -> None:
    with right_after(database, "FROM exclusions", lambda: remove_rule(30, store=world.store)):
        world.tick()
    nothing_goes_out(world, "RULE_REMOVED")


def test_an_exclusion_is_seen_by_a_second_look_that_has_begun(world: World, database: Database) -> None:
    world.tick()
    with right_after(database, "FROM rules", lambda: exclude(world)):
        nothing_goes_out(world, "ORGANIZATION_EXCLUDED")


@pytest.mark.parametrize("moment", ["FROM notices", "ORDER BY notices.notice_id"])
def test_a_mail_that_is_out_stays_sent_though_a_tick_decides_on_it_at_that_moment(
    world: World, database: Database, other: ThreadPoolExecutor, moment: str
) -> None:
    world.tick()
    notice_id = world.notice(30).notice_id
    world.force([(notice_id, State.SKIPPED, "NO_ADDRESS")])
    sent: list[Future[None]] = []

    def goes_out() -> None:
        sent.append(other.submit(world.sent, notice_id))
        ended_or_waits(database, sent[0])

    with right_after(database, moment, goes_out):
        world.tick()
    sent[0].result(LONG)
    assert world.states()[30] is State.SENT


def test_a_mail_that_is_out_stays_sent_though_a_second_look_withholds_it_at_that_moment(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    world.tick()
    notice_id = world.notice(30).notice_id
    exclude(world)
    sent: list[Future[None]] = []

    def goes_out() -> None:
        sent.append(other.submit(world.sent, notice_id))
        ended_or_waits(database, sent[0])

    with right_after(database, "FOR UPDATE", goes_out):
        world.review(notice_id)
    sent[0].result(LONG)
    assert world.states()[30] is State.SENT


def test_a_mail_that_is_out_stays_sent_though_the_mailer_is_told_to_have_given_up_at_that_moment(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    world.tick()
    notice_id = world.notice(30).notice_id
    sent: list[Future[None]] = []

    def goes_out() -> None:
        sent.append(other.submit(world.sent, notice_id))
        ended_or_waits(database, sent[0])

    with right_after(database, "FROM notices", goes_out), world.store.write() as work:
        message_failed(notice_id, "550", work=work, now=world.clock.now())
    sent[0].result(LONG)
    assert world.states()[30] is State.SENT


def test_a_lease_under_which_somebody_writes_is_not_waited_for(
    world: World, other: ThreadPoolExecutor
) -> None:
    now = world.clock.now()
    later = now + timedelta(seconds=1)

    def take() -> bool:
        with world.store.write() as work:
            return work.leases.take(LEASE, "b", now=later, until=later)

    with world.store.write() as work:
        assert work.leases.take(LEASE, "a", now=now, until=later)
    with world.store.write() as work:
        assert work.leases.renew(LEASE, "a", until=now)
        assert not other.submit(take).result(5)
    assert other.submit(take).result(5), "it has expired, and nobody writes under it"


def test_a_database_that_goes_away_while_a_tick_inserts_is_away_and_no_bug(
    world: World, database: Database
) -> None:
    everybody = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def cut() -> None:
        with database.read() as connection:
            connection.execute(everybody)

    with right_after(database, "FROM notices", cut), pytest.raises(DBAPIError) as error:
        world.tick()
    assert isinstance(database_refusal(error.value), DatabaseAway)
    assert world.notices() == []
    assert world.tick().counts.queued == 1


def test_of_many_processes_one_runs_the_automatic_tick(world: World, other: ThreadPoolExecutor) -> None:
    with world.store.write() as work:
        work.calendar.put(replace(work.calendar.get(), since=world.clock.now() - timedelta(days=1)))
    together = threading.Barrier(4)

    def look_at_the_calendar() -> bool:
        together.wait(LONG)
        return run_tick_if_due(ticking=world.ticking)

    ran = [future.result(LONG) for future in [other.submit(look_at_the_calendar) for _ in range(4)]]
    assert world.ledger.calls.count("due_invoices") == 1
    assert any(ran)
    assert not run_tick_if_due(ticking=world.ticking)
    assert world.waits == 0, "nobody waits for a tick that another one runs"


def test_several_dispatchers_share_the_work(world: World, other: ThreadPoolExecutor) -> None:
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, 3 * BATCH + 1)}
    world.tick()
    together = threading.Barrier(3)

    def dispatch() -> list[HandOver]:
        mailer = FakeMailer()
        mailer.during = lambda: together.wait(LONG) and None  # all three are telling it at the same time
        assert hand_over(store=world.store, mailer=mailer, clock=world.clock)
        return mailer.accepted

    told = [future.result(LONG) for future in [other.submit(dispatch) for _ in range(3)]]
    assert [len(each) for each in told] == [BATCH] * 3
    assert len({notice for each in told for notice in each}) == 3 * BATCH
    assert not world.hand_over()


def test_a_dispatcher_passes_over_what_another_one_is_claiming(
    world: World, other: ThreadPoolExecutor
) -> None:
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, BATCH + 6)}
    world.tick()
    with world.store.write() as work:
        claiming = work.notices.to_hand_over(world.clock.now(), BATCH)
        assert other.submit(world.hand_over).result(5)
    assert len(world.mailer.accepted) == 5
    assert not {*world.mailer.accepted} & {*claiming}


def test_what_a_dispatcher_dies_with_is_handed_over_by_another_one_within_a_minute(world: World) -> None:
    world.tick()
    now = world.clock.now()
    with world.store.write() as work:
        ids = [notice.notice_id for notice in work.notices.to_hand_over(now, BATCH)]
        work.notices.claim(ids, until=now + CLAIM_TIME)
    assert not world.hand_over()
    world.clock.advance(timedelta(minutes=1))
    assert world.hand_over()
    assert [notice.notice_id for notice in world.mailer.accepted] == ids


def test_two_facts_about_one_payment_at_once_make_one_receipt_and_no_failure(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    payment = {
        "payment_id": "p1",
        "organization_id": "acme",
        "invoice_id": 1,
        "invoice_number": "001",
        "amount_minor": 5,
        "currency": "USD",
        "payer_email": "ann@acme.test",
        "method_label": "Card",
    }
    body = {"payment": payment, "balance_minor": 7}
    facts = [StoredFact(f"f{n}", "payment_succeeded", body, datetime(2026, 3, 1, tzinfo=UTC)) for n in (1, 2)]
    Inbox(database, tables.inbox, world.clock).take_in(facts)
    handler = FactHandler(world.clock, world.ticking.new_id, wake=lambda: None)
    worker = InboxWorker(database, tables.inbox, handler, world.clock, most=1)
    second: list[Future[bool]] = []

    def at_the_same_time() -> None:
        second.append(other.submit(worker.run_once))
        ended_or_waits(database, second[0])

    with right_after(database, "INSERT INTO notices", at_the_same_time):
        assert worker.run_once()
    assert second[0].result(LONG)
    assert [notice.type for notice in world.notices()] == [NoticeType.PAYMENT_SUCCEEDED]
    with database.read() as connection:
        rows = connection.execute(text("SELECT attempts, handled_at IS NOT NULL FROM inbox")).all()
    assert [tuple(row) for row in rows] == [(0, True), (0, True)]


@pytest.mark.parametrize("rules", ["there", "removed"])
def test_many_facts_at_once_about_the_same_rules_never_wait_in_a_circle(
    world: World, database: Database, other: ThreadPoolExecutor, rules: str
) -> None:
    due = {15: date(2026, 3, 18), 30: date(2026, 3, 3)}
    for number, threshold in enumerate((30, 15, 30, 15), start=2):
        world.ledger.put(an_invoice(number, due_on=due[threshold]))
    world.tick()
    queued = {notice.invoice_id: notice for notice in world.notices() if notice.state is State.QUEUED}
    facts = []
    for invoice_id in (2, 3, 5, 4):  # the first worker's rules are 30 and 15, the second one's 15 and 30
        notice_id = queued[invoice_id].notice_id
        body = {"notice_id": notice_id, "message_id": f"<{notice_id}@x>"}
        facts.append(StoredFact(f"f{invoice_id}", "message_sent", body, world.clock.now()))
    if rules == "removed":
        with database.write() as connection:
            connection.execute(text("DELETE FROM rules"))
    Inbox(database, tables.inbox, world.clock).take_in(facts)
    handler = FactHandler(world.clock, world.ticking.new_id, wake=lambda: None)
    one, two = (
        InboxWorker(database, tables.inbox, handler, world.clock, lock=handler.lock, most=2) for _ in "12"
    )
    second: list[Future[bool]] = []

    def at_the_same_time() -> None:
        second.append(other.submit(two.run_once))
        ended_or_waits(database, second[0])

    with right_after(database, "INTO last_sent", at_the_same_time):
        assert one.run_once()
    assert second[0].result(LONG)
    with database.read() as connection:
        handled = connection.execute(text("SELECT count(handled_at) FROM inbox")).scalar_one()
    assert handled == len(facts)


def test_the_exclusion_list_never_grows_past_its_end(
    world: World, database: Database, other: ThreadPoolExecutor
) -> None:
    for number, name in enumerate(("beta", "gamma"), start=2):
        world.ledger.put(replace(an_invoice(number), organization_id=name))
    now = world.clock.now()
    rows = [
        {"type": "due_notice", "organization_id": f"o{n}", "created_at": now}
        for n in range(exclusions.MOST_EXCLUSIONS - 1)
    ]
    with database.write() as connection:
        connection.execute(insert(tables.exclusions), rows)

    def add(name: str) -> bool:
        try:
            exclusions.add_exclusion(
                NoticeType.DUE_NOTICE, name, store=world.store, ledger=world.ledger, clock=world.clock
            )
        except exclusions.ExclusionsFull:
            return False
        return True

    second: list[Future[bool]] = []

    def at_the_same_time() -> None:
        second.append(other.submit(add, "gamma"))
        ended_or_waits(database, second[0])

    with right_after(database, "count(*)", at_the_same_time):
        assert add("beta")
    assert not second[0].result(LONG)

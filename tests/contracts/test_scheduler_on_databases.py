"""The scheduler on real databases: schema, ticks at once, constant statements, facts."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, event, inspect

from services.scheduler import tables
from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.notice import NoticeType, State
from services.scheduler.facts import FactHandler
from services.scheduler.operations import count_backlog
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases.dispatch import CLAIM_TIME
from services.scheduler.use_cases.run import BATCH, Progress
from services.scheduler.use_cases.tick import TickOrder, run_tick
from services.shared.database import Database
from services.shared.facts import StoredFact
from services.shared.inbox import Inbox, InboxWorker
from services.shared.migrate import migrate
from tests.fakes.scheduler_peers import an_invoice
from tests.servers import DATABASES, MigratedUrl
from tests.unit.scheduler.world import World


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> str:
    return migrated_url(request.param, MIGRATIONS)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.dispose()


@pytest.fixture
def world(database: Database) -> World:
    world = World(15, 30, store=SqlStore(database))
    world.on_day(31)
    return world


def test_the_migrated_schema_is_the_one_that_the_code_names(url: str, database: Database) -> None:
    migrate(url, MIGRATIONS)  # a repeat changes nothing
    with database.write() as connection:
        found = _described(connection)
        for table in reversed(tables.metadata.sorted_tables):
            table.drop(connection)
        tables.metadata.create_all(connection)
        expected = _described(connection)
        connection.rollback()
    assert found == expected
    assert set(found) - {"alembic_version"} == set(tables.metadata.tables)


def _described(connection: Connection) -> dict[str, object]:
    inspector = inspect(connection)
    found: dict[str, object] = {}
    for table in inspector.get_table_names():
        columns = [
            (c["name"], str(c["type"]), c["nullable"], c.get("primary_key"))
            for c in inspector.get_columns(table)
        ]
        indexes = sorted(
            (str(i["name"]), tuple(i["column_names"]), i["unique"]) for i in inspector.get_indexes(table)
        )
        uniques = sorted(tuple(u["column_names"]) for u in inspector.get_unique_constraints(table))
        keys = inspector.get_pk_constraint(table)["constrained_columns"]
        foreign = sorted(tuple(f["constrained_columns"]) for f in inspector.get_foreign_keys(table))
        found[table] = columns, indexes, uniques, keys, foreign
    return found


def test_two_ticks_at_once_do_the_work_once(world: World) -> None:
    count = 2 * BATCH + 7
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, count + 1)}
    ends: list[Progress] = []
    both = threading.Barrier(2)
    never = threading.Event()

    def pause(_seconds: float) -> None:
        never.wait(0.01)

    ticking = replace(world.ticking, pause=pause)

    def tick() -> None:
        both.wait()
        *_, last = run_tick(TickOrder(), ticking=ticking)
        ends.append(last)

    threads = [threading.Thread(target=tick) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    first, second = sorted(ends, key=lambda end: end.counts.unchanged)
    assert (first.counts.queued, first.counts.superseded, first.counts.unchanged) == (count, count, 0)
    assert (second.counts.queued, second.counts.superseded, second.counts.unchanged) == (0, 0, count)


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(
    world: World, database: Database
) -> None:
    def statements(invoices: int) -> int:
        world.ledger.invoices = {n: an_invoice(n) for n in range(1000 * invoices, 1000 * invoices + invoices)}
        ran: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            ran.append(statement)

        event.listen(database._engine, "before_cursor_execute", note)
        world.tick()
        event.remove(database._engine, "before_cursor_execute", note)
        return len(ran)

    assert statements(1) == statements(50) == statements(900)


def test_the_whole_way_of_a_notice(world: World) -> None:
    world.tick()
    assert world.states() == {15: State.SUPERSEDED, 30: State.QUEUED}
    assert world.hand_over()
    assert [n.threshold for n in world.deliver()] == [30]
    assert world.states() == {15: State.SUPERSEDED, 30: State.SENT}
    assert world.tick().counts.unchanged == 1
    with world.store.read() as work:
        assert work.email_types.last_sent() == {(NoticeType.DUE_NOTICE, 30): world.clock.now()}


def fact(fact_id: str, name: str, **body: object) -> StoredFact:
    return StoredFact(fact_id, name, body, datetime(2026, 3, 1, tzinfo=UTC))


PAYMENT = {
    "payment_id": "p1",
    "organization_id": "acme",
    "invoice_id": 1,
    "invoice_number": "001",
    "amount_minor": 5,
    "currency": "USD",
    "payer_email": "ann@acme.test",
    "method_label": "Card",
}


def test_facts_are_handled_once_however_often_they_come(world: World, database: Database) -> None:
    inbox = Inbox(database, tables.inbox, world.clock)
    handler = FactHandler(world.clock, world.ticking.new_id, wake=lambda: None)
    worker = InboxWorker(database, tables.inbox, handler, world.clock)
    world.tick()
    sent = world.notice(30).notice_id
    facts = [
        fact("f1", "payment_succeeded", payment=PAYMENT, balance_minor=7),
        fact("f2", "payment_succeeded", payment=PAYMENT, balance_minor=7),
        fact("f3", "payment_failed", payment=PAYMENT | {"payment_id": "p2"}, reason="CARD_DECLINED"),
        fact("f4", "message_sent", notice_id=sent, message_id="<x@y>"),
        fact("f5", "message_failed", notice_id=world.notice(15).notice_id, reason="550"),
        fact("f6", "something_else"),
    ]
    assert inbox.take_in(facts) == 6
    assert inbox.take_in(facts) == 0
    assert count_backlog(database, world.clock).inbox == 6
    while worker.run_once():
        pass
    assert world.notice(30).message_id == "<x@y>"
    receipts = [n for n in world.notices() if n.type is not NoticeType.DUE_NOTICE]
    assert [(n.type, n.state) for n in receipts] == [
        (NoticeType.PAYMENT_SUCCEEDED, State.QUEUED),
        (NoticeType.PAYMENT_FAILED, State.QUEUED),
    ]
    assert receipts[0].payment is not None
    assert (receipts[0].payment.balance_minor, receipts[0].payment.failure_reason) == (7, "")
    assert receipts[1].payment is not None
    assert (receipts[1].payment.balance_minor, receipts[1].payment.failure_reason) == (None, "CARD_DECLINED")
    assert count_backlog(database, world.clock).inbox == 0


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (
            {"reason": "ADDRESSES_SUPPRESSED: Mails to a@x.test come back."},
            (State.SKIPPED, "ADDRESSES_SUPPRESSED", "Mails to a@x.test come back."),
        ),
        (
            {"reason": "Mails to a@x.test come back.", "code": "ADDRESSES_SUPPRESSED"},
            (State.SKIPPED, "ADDRESSES_SUPPRESSED", "Mails to a@x.test come back."),
        ),
        (
            {"reason": "550 ADDRESSES_SUPPRESSED: Mails to a@x.test come back."},
            (State.FAILED, "MAILER_GAVE_UP", "550 ADDRESSES_SUPPRESSED: Mails to a@x.test come back."),
        ),
    ],
    ids=["of a mailer before codes", "with its code", "said by a server"],
)
def test_that_nobody_is_left_is_told_by_facts_of_any_release(
    world: World, database: Database, body: dict[str, str], ended: tuple[State, str, str]
) -> None:
    handler = FactHandler(world.clock, world.ticking.new_id, wake=lambda: None)
    world.tick()
    with database.write() as connection:
        handler(connection, fact("f1", "message_failed", notice_id=world.notice(30).notice_id, **body))
    notice = world.notice(30)
    assert (notice.state, notice.reason, notice.detail) == ended


def test_the_backlog_is_what_waits_to_be_handed_over_and_activity_grows_with_work(
    world: World, database: Database
) -> None:
    before = count_backlog(database, world.clock)
    assert (before.outbox, before.inbox, before.queue) == (0, 0, 0)
    world.tick()
    queued = count_backlog(database, world.clock)
    assert queued.queue == 1
    assert queued.activity > before.activity
    world.hand_over()
    assert count_backlog(database, world.clock).queue == 0
    world.tick()
    assert count_backlog(database, world.clock).activity == queued.activity


def test_what_a_process_has_claimed_and_died_with_is_still_work(world: World, database: Database) -> None:
    world.tick()
    with world.store.write() as work:
        (claimed,) = work.notices.to_hand_over(world.clock.now(), 10)
        work.notices.claim([claimed.notice_id], until=world.clock.now() + CLAIM_TIME)
    assert count_backlog(database, world.clock).queue == 1
    assert not world.hand_over(), "nobody takes it over yet"
    world.clock.advance(CLAIM_TIME)
    assert world.hand_over()
    assert count_backlog(database, world.clock).queue == 0

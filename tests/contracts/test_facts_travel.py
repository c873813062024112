"""The way of a fact: outbox, relay, inbox, handler; with real SQLite and real gRPC on loopback."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from dunlin.events.v1 import events_pb2_grpc
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, select

from services.shared import inbox as inboxes
from services.shared import outbox as outboxes
from services.shared import relay as relays
from services.shared.database import Database
from services.shared.facts import StoredFact
from services.shared.facts_grpc import GrpcSubscriber, InboxServicer
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from tests.fakes.clock import SetClock

TOKEN = "a token for the tests"
PAID: dict[str, Any] = {
    "payment": {
        "payment_id": "p1",
        "organization_id": "0042",
        "invoice_id": 9_007_199_254_740_993,
        "invoice_number": "0000/1 🧾",
        "amount_minor": 5000,
        "currency": "USD",
        "payer_email": "ann@example.test",
        "method_label": "Card",
    },
    "balance_minor": 0,
}


class World:
    """A producer and a consumer with a database each."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock()
        self.producer = Database(f"sqlite:///{folder}/producer.sqlite")
        self.consumer = Database(f"sqlite:///{folder}/consumer.sqlite")
        produced, consumed = MetaData(), MetaData()
        self.outbox = outboxes.outbox_table(produced)
        self.inbox = inboxes.inbox_table(consumed)
        self.effects = Table("effects", consumed, Column("n", Integer))
        with self.producer.write() as connection:
            produced.create_all(connection)
        with self.consumer.write() as connection:
            consumed.create_all(connection)
        self.handled: list[StoredFact] = []
        self.broken = False
        self.worker = inboxes.InboxWorker(self.consumer, self.inbox, self.handle, self.clock)

    def handle(self, connection: Connection, fact: StoredFact) -> None:
        connection.execute(self.effects.insert().values(n=1))
        if self.broken:
            raise RuntimeError("the handler is broken")
        self.handled.append(fact)

    def produce(self, body: dict[str, Any] = PAID) -> None:
        with self.producer.write() as connection:
            outboxes.append_fact(connection, self.outbox, "payment_succeeded", body, at=self.clock.now())

    def waiting(self) -> tuple[int, int]:
        with self.producer.read() as produced, self.consumer.read() as consumed:
            return outboxes.waiting_facts(produced, self.outbox), inboxes.waiting_facts(consumed, self.inbox)

    def effect_count(self) -> int:
        with self.consumer.read() as connection:
            return connection.execute(select(func.count()).select_from(self.effects)).scalar_one()

    def parked(self) -> int:
        with self.consumer.read() as connection:
            return inboxes.parked_facts(connection, self.inbox)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.producer.dispose()
    world.consumer.dispose()


@pytest.fixture
def relay(world: World) -> Iterator[relays.Relay]:
    servicer = InboxServicer(inboxes.Inbox(world.consumer, world.inbox, world.clock))
    server = Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda s: events_pb2_grpc.add_InboxServiceServicer_to_server(servicer, s),
        names=["dunlin.events.v1.InboxService"],
    )
    channel = open_channel(server.start(), TOKEN)
    yield relays.Relay(world.producer, world.outbox, [GrpcSubscriber(channel)], world.clock)
    channel.close()
    server.stop(0)


class Deaf:
    """A subscriber that takes everything in, and whose answer is lost."""

    def __init__(self, inner: GrpcSubscriber) -> None:
        self._inner = inner

    def deliver(self, facts: list[StoredFact]) -> None:
        self._inner.deliver(facts)
        raise TimeoutError("the answer was lost")


def test_a_fact_arrives_whole_and_is_handled_once(world: World, relay: relays.Relay) -> None:
    world.produce()
    assert world.waiting() == (1, 0)
    assert relay.run_once()
    assert world.waiting() == (0, 1)
    assert world.worker.run_once()
    assert world.waiting() == (0, 0)
    assert [fact.body for fact in world.handled] == [PAID]
    assert world.handled[0].occurred_at == world.clock.now()
    assert not relay.run_once()
    assert not world.worker.run_once()


def test_a_lost_answer_means_a_second_delivery_that_the_inbox_drops(
    world: World, relay: relays.Relay
) -> None:
    world.produce()
    deaf = relays.Relay(world.producer, world.outbox, [Deaf(relay._subscribers[0])], world.clock)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        deaf.run_once()
    assert world.waiting() == (1, 1)
    relay.run_once()
    while world.worker.run_once():
        pass
    assert len(world.handled) == 1


def test_a_transaction_that_fails_leaves_no_fact(world: World) -> None:
    def produce_and_fail() -> None:
        with world.producer.write() as connection:
            outboxes.append_fact(connection, world.outbox, "payment_succeeded", PAID, at=world.clock.now())
            raise RuntimeError("the transaction fails")

    with pytest.raises(RuntimeError):
        produce_and_fail()
    assert world.waiting() == (0, 0)


def test_a_handler_that_fails_is_tried_again_later_and_leaves_nothing_behind(
    world: World, relay: relays.Relay
) -> None:
    world.produce()
    relay.run_once()
    world.broken = True
    assert world.worker.run_once()
    assert world.effect_count() == 0
    assert not world.worker.run_once(), "it waits before the next try"
    world.broken = False
    world.clock.advance(timedelta(seconds=2))
    assert world.worker.run_once()
    assert world.effect_count() == 1


def test_a_fact_that_never_succeeds_is_parked_and_does_not_stand_in_the_way(
    world: World, relay: relays.Relay
) -> None:
    world.produce()
    relay.run_once()
    world.broken = True
    for _ in range(inboxes.MOST_ATTEMPTS):
        assert world.worker.run_once()
        world.clock.advance(inboxes.LONGEST_BACKOFF)
    assert world.parked() == 1
    assert world.waiting() == (0, 0)
    world.broken = False
    world.produce()
    relay.run_once()
    assert world.worker.run_once()
    assert len(world.handled) == 1


def test_a_subscriber_that_is_away_loses_nothing(world: World) -> None:
    channel = open_channel("127.0.0.1:1", TOKEN)
    relay = relays.Relay(world.producer, world.outbox, [GrpcSubscriber(channel)], world.clock)
    world.produce()
    with pytest.raises(grpc.RpcError):
        relay.run_once()
    channel.close()
    assert world.waiting() == (1, 0)

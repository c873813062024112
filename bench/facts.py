"""Facts from a commit in the producer's database to the row in the subscriber's inbox, through RabbitMQ.

Both databases on PostgreSQL, real relay and real nameko process; beside them bare kombu on the same broker.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kombu import Connection, Consumer, Exchange, Producer, Queue
from sqlalchemy import func, select

from bench.figures import Figure, floor, limit
from services.paynow import tables as paynow
from services.scheduler import tables as scheduler
from services.shared.facts import StoredFact
from services.shared.facts_amqp import FACTS_A_MESSAGE
from services.shared.facts_wire import to_json
from services.shared.inbox import newest_fact
from tests.contracts.facts_world import PAID, World, until, whole_broker
from tests.servers import PostgresServer

if TYPE_CHECKING:
    from bench.run import Scale

ROUNDS = 2
PATIENCE = 300.0

SENT = {"notice_id": str(uuid.UUID(int=7)), "message_id": "<4b825dc642cb6eb9a060@mail.example.test>"}


def run(scale: Scale) -> list[Figure]:
    """The figures; each round of ours is followed by one of the peer's."""
    count, single = (5_000, 50) if scale.quick else (50_000, 200)
    ours_idle: list[float] = []
    peer_idle: list[float] = []
    ours, audited, peer_one, peer_many = [], [], [], []
    with _ways(scale) as (world, bare):
        for _ in range(ROUNDS):
            ours_idle += _idle(world, single)
            peer_idle += bare.one_by_one(single)
            peer_one.append(single / sum(peer_idle[-single:]))
            arrived, delivered = _waiting(world, count)
            ours.append(count / arrived)
            audited.append(count / delivered)
            peer_many.append(count / bare.in_batches(count))
    p50, p99 = _percentile(ours_idle, 50), _percentile(ours_idle, 99)
    facts = f"{count:,} facts that wait in the outbox"
    return [
        limit(
            "a fact from commit to inbox, idle, p50",
            "ms",
            ours=p50 * 1000,
            most=100,
            note=f"p99 {p99 * 1000:.0f} ms",
        ),
        Figure(
            "a fact from commit to inbox, idle, p50",
            "a bare kombu round trip (publish, confirm, consume)",
            "ms",
            p50 * 1000,
            _percentile(peer_idle, 50) * 1000,
            p50 / _percentile(peer_idle, 50),
            "none",
            None,
        ),
        floor(f"{facts} to the inbox", "facts/s", ours=max(ours), least=5_000, note=_rounds(ours)),
        Figure(
            f"{facts} to the inbox",
            "bare kombu, one message a fact, one by one",
            "facts/s",
            max(ours),
            max(peer_one),
            max(ours) / max(peer_one),
            "none",
            None,
        ),
        Figure(
            f"{facts} to the inbox",
            f"bare kombu, {FACTS_A_MESSAGE} facts a message, confirms in batches, no database",
            "facts/s",
            max(ours),
            max(peer_many),
            max(ours) / max(peer_many),
            "none",
            None,
        ),
        Figure(
            f"{facts} until the audit knows them all",
            "until they are in the inbox",
            "facts/s",
            max(audited),
            max(ours),
            max(audited) / max(ours),
            "none",
            None,
        ),
    ]


@contextmanager
def _ways(scale: Scale) -> Iterator[tuple[World, Bare]]:
    """Ours, running and listening, and the peer."""
    with ExitStack() as stack:
        url = stack.enter_context(whole_broker(scale.amqp_url))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = PostgresServer(scale.postgres_url)
        stack.callback(postgres.close)
        world = World(folder, "postgresql", lambda _kind, scripts: postgres.migrated(scripts), url)
        stack.callback(world.close)
        world.listening()
        world.relay().start()
        world.tell()
        until(world.taken, "the first fact arrives")
        bare = Bare(url)
        stack.callback(bare.close)
        yield world, bare


def _idle(world: World, count: int) -> list[float]:
    """Seconds from the commit of a fact to the moment when it is seen in the inbox, each on its own."""
    took = []
    for _ in range(count):
        time.sleep(0.05)
        with world.producer.write() as connection:
            fact_id = str(uuid.uuid4())
            connection.execute(paynow.outbox.insert().values(_row(fact_id, "payment_succeeded", PAID)))
        began = time.perf_counter()
        arrived = select(scheduler.inbox.c.inbox_id).where(scheduler.inbox.c.fact_id == fact_id)
        with world.subscriber.read() as connection:
            while connection.execute(arrived).first() is None:
                time.sleep(0.001)
        took.append(time.perf_counter() - began)
    return took


def _waiting(world: World, count: int) -> tuple[float, float]:
    """Seconds until so many facts, all committed at once, are in the inbox, and are known to be."""
    before, newest = _taken(world), _newest(world)
    rows = [_row(str(uuid.uuid4()), "message_sent", SENT) for _ in range(count)]
    with world.producer.write() as connection:
        connection.execute(paynow.outbox.insert(), rows)
    began = time.perf_counter()
    # The count costs the database much, so it is asked for only when it may be reached.
    until(
        lambda: _newest(world) >= newest + count and _taken(world) == before + count,
        "all are in the inbox",
        PATIENCE,
    )
    arrived = time.perf_counter() - began
    until(lambda: world.waiting() == 0, "all are known to be", PATIENCE)
    return arrived, time.perf_counter() - began


def _taken(world: World) -> int:
    with world.subscriber.read() as connection:
        return connection.execute(select(func.count()).select_from(scheduler.inbox)).scalar_one()


def _newest(world: World) -> int:
    with world.subscriber.read() as connection:
        return newest_fact(connection, scheduler.inbox)


def _row(fact_id: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"fact_id": fact_id, "name": name, "body": json.dumps(body), "occurred_at": now, "request_id": "r"}


class Bare:
    """kombu alone: a durable queue, persistent messages, confirms; what is consumed is thrown away."""

    def __init__(self, url: str) -> None:
        self._queue = Queue("bench.bare", Exchange("bench.bare", durable=True), "facts", durable=True)
        self._sending = Connection(url, transport_options={"confirm_publish": True})
        self._batching, self._receiving = Connection(url), Connection(url)
        self._queue(self._receiving.channel()).declare()
        self._received = 0
        self._consumer = Consumer(
            self._receiving.channel(), [self._queue], on_message=self._on_message, prefetch_count=20
        )
        self._consumer.consume()

    def one_by_one(self, count: int) -> list[float]:
        """Seconds of each round trip."""
        producer = Producer(self._sending.channel(), self._queue.exchange, "facts", serializer="json")
        took = []
        for _ in range(count):
            began = time.perf_counter()
            seen = self._received
            producer.publish(SENT, delivery_mode=2, mandatory=True)
            while self._received == seen:
                self._receiving.drain_events(timeout=10)
            took.append(time.perf_counter() - began)
        return took

    def in_batches(self, count: int) -> float:
        """Seconds for as many facts in as many messages as ours, published and consumed in turn."""
        fact = StoredFact(str(uuid.uuid4()), "message_sent", SENT, datetime.now(UTC), "r")
        channel = self._batching.connection.channel()
        channel.confirm_select()
        confirmed = [0]

        def on_ack(number: int, multiple: bool) -> None:
            confirmed[0] = max(confirmed[0], number)

        channel.events["basic_ack"].add(on_ack)
        messages, seen, began = count // FACTS_A_MESSAGE, self._received, time.perf_counter()
        for number in range(1, messages + 1):
            body = to_json([fact] * FACTS_A_MESSAGE)
            message = channel.prepare_message(
                body, content_type="application/json", properties={"delivery_mode": 2}
            )
            channel.basic_publish(message, "bench.bare", "facts", mandatory=True)
            if number % 10 == 0:
                while confirmed[0] < number:
                    self._batching.drain_events(timeout=10)
                while self._received - seen < number:
                    self._receiving.drain_events(timeout=10)
        return time.perf_counter() - began

    def close(self) -> None:
        self._consumer.cancel()
        channel = self._receiving.channel()
        channel.queue_delete("bench.bare")
        channel.exchange_delete("bench.bare")
        for connection in (self._sending, self._batching, self._receiving):
            connection.close()

    def _on_message(self, message: Any) -> None:
        json.loads(message.body)
        self._received += 1
        message.ack()


def _rounds(values: list[float]) -> str:
    return f"MessageSent; the best of {', '.join(f'{value:,.0f}' for value in values)}"


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]

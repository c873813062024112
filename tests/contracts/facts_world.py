"""A producer (paynow) and a subscriber (the scheduler) of facts, and the two ways between them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import amqp
from dunlin.events.v1 import events_pb2_grpc
from sqlalchemy import Row, select

from services.paynow import tables as paynow
from services.scheduler import tables as scheduler
from services.shared import inbox as inboxes
from services.shared import outbox as outboxes
from services.shared.clock import Clock, SystemClock
from services.shared.database import Database
from services.shared.facts_amqp import AmqpPublisher, AmqpQueue, broker, exchange_of, queue_of
from services.shared.facts_grpc import GrpcSubscriber, InboxServicer
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from services.shared.relay import Audit, BrokerRelay, Relay
from tests.servers import MigratedUrl, free_port

ROOT = Path(__file__).parents[2]
PRODUCERS = ("mailer", "paynow")
TOKEN = "a token that is long enough"
PATIENCE = 40.0

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


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Waits until it holds."""
    give_up = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < give_up, f"not within {patience:g} s: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def whole_broker(url: str) -> Iterator[str]:
    """The broker for one test alone, without a queue or an exchange of ours.

    Queues have fixed names, so that two tests at once would take each other's facts.
    """
    name = hashlib.sha256(url.encode()).hexdigest()[:12]
    with (Path(tempfile.gettempdir()) / f"dunlin-broker-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        forget(url)
        yield url
        forget(url)


def forget(url: str) -> None:
    """Deletes the queues and exchanges."""
    with on_channel(url) as channel:
        for producer in PRODUCERS:
            channel.queue_delete(queue_of("scheduler", producer).name)
            channel.exchange_delete(exchange_of(producer).name)


@contextlib.contextmanager
def on_channel(url: str) -> Iterator[amqp.Channel]:
    """A channel of its own."""
    connection = broker(url).transport.establish_connection()
    try:
        yield connection.channel()
    finally:
        connection.close()


class Process:
    """A program of ours that may be killed and started again."""

    def __init__(self, folder: Path, module: str, *arguments: str, env: dict[str, str]) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}", **env}
        self._log = folder / f"{module}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All it has said so far."""
        return self._log.read_text() if self._log.exists() else ""

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._env, stderr=log, cwd=ROOT)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self) -> int:
        """SIGTERM; its exit code. Whoever does not heed it fails the test."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(30)
        self._process = None
        return code


class World:
    """Both databases, the subscriber's inbox over gRPC, and the broker if there is one."""

    def __init__(
        self,
        folder: Path,
        kind: str,
        migrated_url: MigratedUrl,
        amqp_url: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.folder, self.amqp_url = folder, amqp_url
        self.clock = clock or SystemClock()
        self.producer_url = migrated_url(kind, Path(paynow.__file__).parent / "migrations")
        self.subscriber_url = migrated_url(kind, Path(scheduler.__file__).parent / "migrations")
        self.producer, self.subscriber = Database(self.producer_url), Database(self.subscriber_url)
        self.inbox = inboxes.Inbox(self.subscriber, scheduler.inbox, self.clock)
        servicer = InboxServicer(self.inbox)
        self._server = Server(
            "127.0.0.1:0",
            TOKEN,
            servicers=lambda s: events_pb2_grpc.add_InboxServiceServicer_to_server(servicer, s),
            names=["dunlin.events.v1.InboxService"],
        )
        self.address = self._server.start()
        self._channel = open_channel(self.address, TOKEN)
        self.audience = GrpcSubscriber(self._channel)
        self.publisher = AmqpPublisher(amqp_url, "paynow")
        self._processes: list[Process] = []

    # The parts of the way

    def straight(self) -> Relay:
        return Relay(self.producer, paynow.outbox, [self.audience], self.clock)

    def publishing(self, publisher: Any = None) -> BrokerRelay:
        return BrokerRelay(self.producer, paynow.outbox, publisher or self.publisher, self.clock)

    def audit(self) -> Audit:
        queue = AmqpQueue(self.amqp_url, "scheduler", "paynow")
        return Audit(self.producer, paynow.outbox, self.audience, queue, self.clock)

    def ear(self, **env: str) -> Process:
        """The process that listens to the broker."""
        given = {
            "DUNLIN_SCHEDULER_DATABASE_URL": self.subscriber_url,
            "DUNLIN_AMQP_URL": self.amqp_url,
            **env,
        }
        return self._process("services.scheduler.events", env=given)

    def relay(self, **env: str) -> Process:
        """Paynow's relay as a process."""
        (self.folder / "token").write_text(TOKEN)
        given = {
            "DUNLIN_PAYNOW_DATABASE_URL": self.producer_url,
            "DUNLIN_SANDBOX_DATABASE_URL": f"sqlite:///{self.folder}/sandbox.sqlite",
            "DUNLIN_PAYNOW_LISTEN": f"127.0.0.1:{free_port()}",
            "DUNLIN_SERVICE_TOKEN_FILE": str(self.folder / "token"),
            "DUNLIN_LINK_KEY_FILE": str(self.folder / "token"),
            "DUNLIN_SCHEDULER_ADDRESS": self.address,
            "DUNLIN_AMQP_URL": self.amqp_url,
            **env,
        }
        return self._process("services.paynow", "relay", env=given)

    def listening(self, **env: str) -> Process:
        """The same, once both queues are there and it listens to them."""
        ear = self.ear(**env)
        ear.start()
        until(lambda: ear.log.count('"listening"') >= len(PRODUCERS), "it listens")
        return ear

    def _process(self, module: str, *arguments: str, env: dict[str, str]) -> Process:
        process = Process(self.folder, module, *arguments, env=env)
        self._processes.append(process)
        return process

    # What is to be seen

    def tell(self, count: int = 1, body: dict[str, Any] = PAID) -> None:
        """Something has happened, so many times, each in a transaction of its own."""
        for _ in range(count):
            with self.producer.write() as connection:
                outboxes.append_fact(
                    connection, paynow.outbox, "payment_succeeded", body, at=self.clock.now()
                )

    def told(self) -> list[Row[Any]]:
        """The outbox."""
        with self.producer.read() as connection:
            return list(connection.execute(select(paynow.outbox).order_by(paynow.outbox.c.outbox_id)))

    def taken(self) -> list[Row[Any]]:
        """The inbox."""
        with self.subscriber.read() as connection:
            return list(connection.execute(select(scheduler.inbox).order_by(scheduler.inbox.c.inbox_id)))

    def waiting(self) -> int:
        """Facts that are not known to have arrived."""
        with self.producer.read() as connection:
            return outboxes.waiting_facts(connection, paynow.outbox)

    def published(self) -> int:
        """Facts that the broker has taken over, or that have arrived."""
        return sum(row.published_at is not None for row in self.told())

    def all_arrived_once(self) -> bool:
        """Whether each fact is in the inbox; that none is there twice, the table itself sees to."""
        return sorted(row.fact_id for row in self.told()) == sorted(row.fact_id for row in self.taken())

    def queued(self) -> int:
        """Messages that wait in the queue."""
        with on_channel(self.amqp_url) as channel:
            return int(
                channel.queue_declare(queue_of("scheduler", "paynow").name, passive=True).message_count
            )

    def declare(self) -> None:
        """The queue is there, and nobody listens."""
        with on_channel(self.amqp_url) as channel:
            queue_of("scheduler", "paynow")(channel).declare()

    def delete_queue(self) -> int:
        """Deletes the queue with all that waits in it; how many messages that were."""
        with on_channel(self.amqp_url) as channel:
            return int(channel.queue_delete(queue_of("scheduler", "paynow").name))

    def publish_raw(self, body: bytes, **properties: Any) -> None:
        """A message that no relay of ours would send."""
        with on_channel(self.amqp_url) as channel:
            channel.basic_publish(amqp.Message(body, **properties), exchange_of("paynow").name, "facts")

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        self.publisher.close()
        self._channel.close()
        self._server.stop(0)
        self.producer.dispose()
        self.subscriber.dispose()


Make = Callable[..., World]
"""Makes a world on the kind of database that is named, with a clock of its own if one is given."""

"""Puts a service's relay together: straight to the subscriber, or by the broker if there is one."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Table

from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.facts_amqp import AmqpPublisher, AmqpQueue
from services.shared.facts_grpc import GrpcSubscriber
from services.shared.relay import Audit, BrokerRelay, Relay
from services.shared.worker import Worker

SUBSCRIBER = "scheduler"
"""The one service that listens to facts."""

STRAIGHT_SECONDS = 0.2
PUBLISH_SECONDS = 0.05
AUDIT_SECONDS = 0.2
"""How often each looks for work while there is none; each look is one read of a small index."""

LONGEST_PAUSE = 5.0
"""Facts go on so soon after a broker, a database or the subscriber has come back."""


@dataclass(frozen=True)
class Relaying:
    """The workers of the role "relay"."""

    workers: tuple[Worker, ...]
    close: Callable[[], None]

    def wake(self) -> None:
        """Tells that facts were written."""
        self.workers[0].wake()


def relaying(
    producer: str, *, database: Database, outbox: Table, subscriber: GrpcSubscriber, url: str, clock: Clock
) -> Relaying:
    """Carries the facts of `producer` to the scheduler; by the broker at `url` unless that is empty."""
    if not url:
        straight = Relay(database, outbox, [subscriber], clock)
        return Relaying(
            (Worker("relay", straight.run_once, idle_seconds=STRAIGHT_SECONDS, longest_pause=LONGEST_PAUSE),),
            close=lambda: None,
        )
    publisher = AmqpPublisher(url, producer)
    publishing = BrokerRelay(database, outbox, publisher, clock)
    audit = Audit(database, outbox, subscriber, AmqpQueue(url, SUBSCRIBER, producer), clock)
    return Relaying(
        (
            Worker("relay", publishing.run_once, idle_seconds=PUBLISH_SECONDS, longest_pause=LONGEST_PAUSE),
            Worker("audit", audit.run_once, idle_seconds=AUDIT_SECONDS, longest_pause=LONGEST_PAUSE),
        ),
        close=publisher.close,
    )

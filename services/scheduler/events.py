"""The scheduler's ear at the broker: `python -m services.scheduler.events`. Event -> inbox, nothing more.

The one place that knows nameko and eventlet. grpc cannot live in the same process, so nothing here leads
to it.
"""

import os
import warnings

# That it is kept in repair only is known, and why this is the one module that uses it.
with warnings.catch_warnings(action="ignore"):
    import eventlet

# Before anything else is loaded, or it would hold on to what blocks. psycopg reads the variable as it loads:
# its own way of waiting would stop all green threads, the heartbeat's among them.
eventlet.monkey_patch()
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"

import contextlib
import logging as standard_logging
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from eventlet.patcher import original
from kombu import Connection, Queue
from nameko import config
from nameko.amqp.consume import Consumer
from nameko.containers import ServiceContainer
from nameko.messaging import Consumer as Entrypoint

from services.scheduler.tables import inbox
from services.shared import log as logging
from services.shared import tracing
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.facts_amqp import Broken, broker_url, brokers, hold_to_seconds, queue_of
from services.shared.inbox import Inbox
from services.shared.intake import PATIENCE_SECONDS, Intake
from services.shared.probe_server import ProbeServer
from services.shared.server_urls import server_url
from services.shared.settings import SettingError, choice, required
from services.shared.vitals import Vitals

# A thread of the operating system's, which goes on where all green ones are held up.
real_threading, real_time = original("threading"), original("time")

log = structlog.get_logger()

NAME = "scheduler"

MESSAGES_AT_ONCE = 10
"""Messages of one producer that are taken in at the same time."""

HEARTBEAT_SECONDS = 10
"""A broker that has been silent for twice as long is taken for dead."""

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 3.0
"""Between two looks for a broker."""

DECLARE_SECONDS = 5.0
"""How often the queue is declared and bound again, since nobody tells when the binding is removed. A broker
that does not answer to that is found out as well."""

STOP_SECONDS = 4.0
"""How long messages that are being taken in are given at the end; the broker has the others."""

SPANS_SECONDS = 2.0
"""How long a collector of traces is given at the end."""

STUCK_SECONDS = PATIENCE_SECONDS + 60
"""A listener that has not looked at its connection for so long never will. Until all that it has in hand is
stored or given back, it may wait."""

FROZEN_SECONDS = 60
"""Whatever holds up all green threads for so long will not let go."""


@dataclass(frozen=True)
class Settings:
    """Where the inbox and the broker are."""

    database_url: str
    amqp_url: str
    probe: str

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """From the environment; `SettingError` names what is missing or wrong."""
        required(env, "DUNLIN_AMQP_URL")
        return cls(
            database_url=server_url(env, "DUNLIN_SCHEDULER_DATABASE_URL"),
            amqp_url=broker_url(env),
            probe=env.get("DUNLIN_METRICS_LISTEN", ""),
        )


class PatientConsumer(Consumer):
    """nameko's consumer, which survives its broker: it connects and declares anew within seconds.

    Hands every body over as bytes, whatever its content type claims; nameko's would acknowledge, and so
    lose, what it cannot decode.
    """

    _connected = False
    _declared_at = 0.0
    _moved_at: float | None = None

    @property
    def connection(self) -> Connection:
        """What kombu asks for the errors of connections; they are made in `establish_connection`."""
        return brokers(self.amqp_uri)[0]

    def check(self) -> None:
        """Raises unless it listens."""
        if not self._connected:
            raise ConnectionError("not connected to the broker")

    @property
    def is_stuck(self) -> bool:
        """Whether it neither listens nor tries to connect."""
        return self._moved_at is not None and time.monotonic() - self._moved_at > STUCK_SECONDS

    def on_away(self, host: str, error: Exception) -> None:
        """One broker was tried in vain; the next one is, or after a pause all of them again."""
        self._moved_at = time.monotonic()
        # Not the error's words, nor the URL as nameko shows it: of several it hides the first password only.
        log.warning("the broker is away", host=host, error=type(error).__name__)

    @contextlib.contextmanager
    def establish_connection(self) -> Iterator[Connection]:
        """Tries again within three seconds of the last attempt, and lets no single read or write hang."""
        self._connected, self._moved_at = False, time.monotonic()
        with self._first_that_takes_one() as connection:
            hold_to_seconds(connection.connection)
            try:
                yield connection
            except Broken:
                # Without taking leave: a frozen broker would let that wait, too.
                connection.connection.collect()
                raise

    def _first_that_takes_one(self) -> Connection:
        """Connected to the first of the brokers that is there, as relays do: they have to meet."""
        pause = FIRST_PAUSE
        while True:
            for one in brokers(self.amqp_uri, heartbeat=HEARTBEAT_SECONDS):
                try:
                    return one.ensure_connection(max_retries=0, reraise_as_library_errors=False)
                except Broken as error:
                    self.on_away(one.hostname, error)
            # Green, as everything here: the other threads go on, and a stop ends it.
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, pause + 0.5)

    def get_consumers(self, consumer_cls: Any, channel: Any) -> list[Any]:
        """One consumer of undecoded messages."""
        consumer = consumer_cls(queues=self.queues, on_message=self._on_raw)
        consumer.qos(prefetch_count=self.prefetch_count)
        self._consumer, self._declared_at = consumer, time.monotonic()
        return [consumer]

    def on_consume_ready(self, *args: Any, **kwargs: Any) -> None:
        """The broker is there, and the queue is declared."""
        super().on_consume_ready(*args, **kwargs)
        self._connected = True
        log.info("listening", queue=self.queues[0].name)

    def on_consume_end(self, connection: Any, channel: Any) -> None:
        """The connection was lost, or the end has come."""
        self._connected = False

    def on_iteration(self) -> None:
        """Between messages, at least once a second."""
        self._moved_at = time.monotonic()
        if time.monotonic() - self._declared_at > DECLARE_SECONDS:
            self._declared_at = time.monotonic()
            self._consumer.declare()

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Undoing a compression has failed; such a body is unreadable like any other."""
        self._on_raw(message)

    def ack_message(self, message: Any) -> None:
        """Acknowledges; if that fails the message comes again, and the inbox drops it."""
        with contextlib.suppress(*Broken):
            super().ack_message(message)

    def requeue_message(self, message: Any) -> None:
        """Gives the message back; if that fails the broker does it by itself."""
        with contextlib.suppress(*Broken):
            super().requeue_message(message)

    def _on_raw(self, message: Any) -> None:
        # nameko reads headers of its own making; what others put there must not trip it.
        message.headers = {}
        body = message.body
        self.on_message(body.encode("utf-8", "backslashreplace") if isinstance(body, str) else body, message)


class Listen(Entrypoint):
    """Hands each body of a queue to the decorated method; gives it back to the broker if that raises."""

    consumer_cls = PatientConsumer

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue, requeue_on_error=True, prefetch_count=MESSAGES_AT_ONCE)


def listener(intake: Intake) -> type:
    """The service as nameko knows it."""

    class Listener:
        name = f"{NAME}-events"

        @Listen.decorator(queue_of(NAME, "mailer"))
        def from_mailer(self, body: bytes) -> None:
            intake.take_in(body)

        @Listen.decorator(queue_of(NAME, "paynow"))
        def from_paynow(self, body: bytes) -> None:
            intake.take_in(body)

    return Listener


def run(settings: Settings) -> int:
    """Listens until SIGTERM or SIGINT and returns 0; 1 if it cannot go on and has to be started anew."""
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stop.append(number))
    # Durable: what was acknowledged is nowhere else.
    database = Database(settings.database_url, durable=True)
    intake = Intake(Inbox(database, inbox, SystemClock()), sleep=eventlet.sleep)
    # At every end nameko warns that it ends its threads.
    standard_logging.getLogger("nameko.containers").setLevel(standard_logging.ERROR)
    config.update({"AMQP_URI": settings.amqp_url, "max_workers": 2 * MESSAGES_AT_ONCE})
    container = ServiceContainer(listener(intake))
    ended = eventlet.spawn(container.wait)
    vitals = Vitals({"database": database.ping, "broker": lambda: _check(container)})
    life = partial(_life, container)
    probing = ProbeServer(settings.probe, alive=life, ready=vitals.of_needs) if settings.probe else None
    vitals.start()
    if probing is not None:
        probing.start()
    # In a thread of its own, since it waits for the broker.
    eventlet.spawn(container.start)
    beats = Beats()
    real_threading.Thread(target=beats.watch, name="frozen", daemon=True).start()
    while not stop and not ended.dead and not life():
        beats.count += 1
        eventlet.sleep(0.1)
    log.info("stopping", died=not stop, stuck=life())
    intake.end()
    with eventlet.Timeout(STOP_SECONDS, False):
        container.stop()
    with eventlet.Timeout(SPANS_SECONDS, False):
        tracing.shut_down()
    return 0 if stop else 1


class Beats:
    """Ends the process if the green threads no longer move: nothing in it could then say or mend that."""

    count = 0

    def watch(self) -> None:
        """Looks every second, for ever; time in which the whole process slept does not count."""
        seen, still = -1, 0
        while still < FROZEN_SECONDS:
            real_time.sleep(1)
            seen, still = self.count, still + 1 if seen == self.count else 0
        # Not through the log, whose lock a green thread may hold.
        os.write(2, b'{"event": "frozen", "level": "error"}\n')
        os._exit(1)


def _life(container: ServiceContainer) -> dict[str, str]:
    """What only a new start cures."""
    consumers = {one.method_name: getattr(one, "consumer", None) for one in container.entrypoints}
    return {
        name: "makes no progress" for name, consumer in consumers.items() if consumer and consumer.is_stuck
    }


def _check(container: ServiceContainer) -> None:
    for entrypoint in container.entrypoints:
        entrypoint.consumer.check()


def main(env: Mapping[str, str]) -> int:
    """Runs; returns the exit code (2 for wrong settings)."""
    try:
        logging.configure(f"{NAME}-events", choice(env, "DUNLIN_LOG_LEVEL", "INFO", logging.LEVELS))
        tracing.configure(f"{NAME}-events", env)
        return run(Settings.read(env))
    except SettingError as error:
        sys.stderr.write(f"{NAME}-events: {error}\n")
        return 2


if __name__ == "__main__":
    code = main(os.environ)
    # Not through the interpreter's own end, which would wait for connections to a broker that may be frozen.
    sys.stderr.flush()
    os._exit(code)

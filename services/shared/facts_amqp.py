"""Facts over AMQP: the names that both sides agree on, the publisher, and a look at the queue.

For relays: plain sockets and threads, no nameko. What travels is described in events.proto.
"""

import contextlib
import ssl
import time
import uuid
from collections.abc import Mapping, Sequence

import amqp
import structlog
from kombu import Connection, Exchange, Queue
from kombu.utils.url import parse_url

from services.shared.facts import Published, StoredFact
from services.shared.facts_wire import to_json
from services.shared.plaintext import Plaintext
from services.shared.server_urls import url_with_password
from services.shared.settings import SettingWrong

log = structlog.get_logger()

ROUTING_KEY = "facts"
CONTENT_TYPE = "application/json"
PERSISTENT = 2

FACTS_A_MESSAGE = 100
"""A message carries at most so many; fewer if fewer wait."""

CONNECT_SECONDS = 5.0
CONFIRM_SECONDS = 8.0
"""A broker that does not answer for so long is given up for now."""

Broken = (amqp.AMQPError, OSError)
"""What a broker that is away, frozen or in trouble raises."""


def exchange_of(producer: str) -> Exchange:
    """Where a service publishes its facts."""
    return Exchange(f"{producer}.events", type="topic", durable=True)


def queue_of(subscriber: str, producer: str) -> Queue:
    """Where the facts of one service wait for another."""
    name = f"{subscriber}.facts.{producer}"
    return Queue(name, exchange_of(producer), routing_key=ROUTING_KEY, durable=True)


def broker_url(env: Mapping[str, str]) -> str:
    """DUNLIN_AMQP_URL, empty if there is to be no broker; `SettingError` if it cannot be used."""
    name = "DUNLIN_AMQP_URL"
    if not env.get(name):
        return ""
    urls = url_with_password(env, name)
    for url in urls.split(";"):
        if not url.startswith(("amqp://", "amqps://")):
            raise SettingWrong(f"{name} must be like amqp://user@host:5672/name, or begin with amqps://.")
        host = _host_of(url, name)
        if url.startswith("amqp://"):
            Plaintext.read(env).check(host, f"{name} leads to {host}", "let it begin with amqps://")
    return urls


def _host_of(url: str, name: str) -> str:
    try:
        return str(parse_url(url)["hostname"] or "localhost")
    except (ValueError, TypeError, KeyError):
        raise SettingWrong(f"{name} is no URL of a broker, such as amqp://user@host:5672/name.") from None


def broker(url: str, *, heartbeat: float = 0) -> Connection:
    """How to connect; nothing is connected yet. With amqps:// the broker has to prove who it is."""
    checked = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
    return Connection(
        url,
        connect_timeout=CONNECT_SECONDS,
        heartbeat=heartbeat,
        ssl=checked if url.startswith("amqps://") else False,
    )


def brokers(urls: str, *, heartbeat: float = 0) -> list[Connection]:
    """The same for each of the URLs between semicolons: nodes of one cluster that share their queues.

    One for all of them would hold the certificate of the second broker against the name of the first.
    """
    return [broker(url, heartbeat=heartbeat) for url in urls.split(";")]


def connected(urls: str) -> amqp.Connection:
    """A connection to the first of the brokers in the URL, between semicolons, that takes one."""
    *others, last = brokers(urls)
    for one in others:
        with contextlib.suppress(*Broken):
            return one.transport.establish_connection()
    return last.transport.establish_connection()


def hold_to_seconds(connection: amqp.Connection, seconds: float = CONFIRM_SECONDS) -> None:
    """From now on no single read or write may take longer; `TimeoutError` if one does."""
    connection.transport.sock.settimeout(seconds)


class _Session:
    """A connection and its one channel, on which the broker confirms what it has taken over."""

    def __init__(self, url: str, exchange: Exchange) -> None:
        self._exchange = exchange.name
        self._connection = connected(url)
        self._connection.on_blocked = self._on_blocked
        self._connection.on_unblocked = self._on_unblocked
        self.blocked = ""
        try:
            hold_to_seconds(self._connection)
            self._channel = self._connection.channel()
            self._channel.confirm_select()
            exchange(self._channel).declare()
        except BaseException:
            self.drop()
            raise
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._number = 0
        self._waiting: dict[int, str] = {}
        self._acknowledged: set[str] = set()
        self.refused: set[str] = set()
        self.returned: set[str] = set()

    @property
    def confirmed(self) -> set[str]:
        """The messages that the broker has taken over since the last `send`, and put into a queue."""
        return self._acknowledged - self.returned

    def is_alive(self) -> bool:
        """Whether the connection still stands, as far as can be seen without asking the broker."""
        try:
            self._connection.drain_events(timeout=0)
        except TimeoutError:
            return True
        except Broken:
            return False
        return True

    def send(self, bodies: Mapping[str, bytes]) -> None:
        """Publishes messages by id, and returns when the broker has answered to each of them."""
        for answers in (self._waiting, self._acknowledged, self.refused, self.returned):
            answers.clear()
        for message_id, body in bodies.items():
            message = amqp.Message(
                body, content_type=CONTENT_TYPE, delivery_mode=PERSISTENT, message_id=message_id
            )
            self._number += 1
            self._waiting[self._number] = message_id
            self._channel.basic_publish(message, self._exchange, ROUTING_KEY, mandatory=True)
        give_up = time.monotonic() + CONFIRM_SECONDS
        while self._waiting:
            self._connection.drain_events(timeout=max(0.001, give_up - time.monotonic()))

    def drop(self) -> None:
        """Leaves the broker without a word, which takes no time."""
        with contextlib.suppress(*Broken):
            self._connection.collect()

    def _on_ack(self, number: int, multiple: bool) -> None:
        self._acknowledged.update(self._settled(number, multiple))

    def _on_nack(self, number: int, multiple: bool) -> None:
        self.refused.update(self._settled(number, multiple))

    def _settled(self, number: int, multiple: bool) -> list[str]:
        numbers = [each for each in self._waiting if each <= number] if multiple else [number]
        return [self._waiting.pop(each) for each in numbers if each in self._waiting]

    def _on_return(self, _why: object, _exchange: str, _routing_key: str, message: amqp.Message) -> None:
        self.returned.add(message.properties.get("message_id", ""))

    def _on_blocked(self, reason: str) -> None:
        self.blocked = f"The broker takes no messages for now: {reason}"

    def _on_unblocked(self) -> None:
        self.blocked = ""


class AmqpPublisher:
    """Publishes the facts of one service, many messages at a time.

    Holds one connection, made when it is first needed, and made anew after any trouble. For one thread. No
    call takes much longer than `CONNECT_SECONDS` or `CONFIRM_SECONDS`, whatever the broker does.
    """

    def __init__(self, url: str, producer: str) -> None:
        self._url = url
        self._exchange = exchange_of(producer)
        self._session: _Session | None = None

    def publish(self, facts: Sequence[StoredFact]) -> Published:
        """What the broker has acknowledged message by message, without what it could not route."""
        parts = [facts[at : at + FACTS_A_MESSAGE] for at in range(0, len(facts), FACTS_A_MESSAGE)]
        batches = {uuid.uuid4().hex: part for part in parts}
        try:
            session = self._open()
        except Broken as broken:
            return Published(frozenset(), f"The broker is away ({type(broken).__name__}: {broken})")
        error = ""
        try:
            session.send({message_id: to_json(part) for message_id, part in batches.items()})
        except Broken as broken:
            error = session.blocked or f"The broker did not confirm ({type(broken).__name__}: {broken})"
        if session.refused:
            error = "The broker refused messages; a queue may be at its limit."
        if session.returned:
            error = f"No queue takes what {self._exchange.name} carries; its consumer declares it."
        confirmed = session.confirmed
        if error:
            self.close()
        return Published(frozenset(fact.fact_id for key in confirmed for fact in batches[key]), error)

    def close(self) -> None:
        """Drops the connection; another call makes a new one."""
        session, self._session = self._session, None
        if session is not None:
            session.drop()

    def _open(self) -> _Session:
        if self._session is not None and not self._session.is_alive():
            self.close()
        if self._session is None:
            self._session = _Session(self._url, self._exchange)
        return self._session


class AmqpQueue:
    """The queue that one service's facts for another wait in. Connects for each question; these are rare."""

    def __init__(self, url: str, subscriber: str, producer: str) -> None:
        self._url = url
        self._name = queue_of(subscriber, producer).name

    def holds_messages(self) -> bool:
        """Whether messages wait to be fetched; False also if the queue is gone. Raises `Broken`."""
        connection = connected(self._url)
        try:
            hold_to_seconds(connection)
            found = connection.channel().queue_declare(self._name, passive=True)
            return bool(found.message_count)
        except amqp.NotFound:
            return False
        finally:
            with contextlib.suppress(*Broken):
                connection.collect()

"""A producer and a subscriber of facts with an unreliable broker between them, in one process."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count

from sqlalchemy import Column, Connection, MetaData, Row, String, Table, select

from services.shared import inbox as inboxes
from services.shared import outbox as outboxes
from services.shared.database import Database
from services.shared.dead_letters import DeadLetters
from services.shared.facts import Published, StoredFact, UnreadableFact
from services.shared.relay import Audit, BrokerRelay
from tests.fakes.clock import SetClock
from tests.fakes.dying_store import Killed


class FakeBroker:
    """A queue that takes messages over, and may lose, repeat and reorder them.

    `dies` says where the next publish ends: "" nowhere, "before" or "after" the broker has the messages
    (the relay is killed), "deaf" if it refuses all, "half" if it confirms only some.
    """

    def __init__(self) -> None:
        self.messages: list[StoredFact] = []
        self.dies = ""

    def publish(self, facts: Sequence[StoredFact]) -> Published:
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Killed
        if dies == "deaf":
            return Published(frozenset(), "the broker is away")
        taken = facts[: len(facts) // 2] if dies == "half" else facts
        self.messages += taken
        if dies == "after":
            raise Killed
        return Published(frozenset(fact.fact_id for fact in taken), "some were lost" if dies else "")

    def holds_messages(self) -> bool:
        return bool(self.messages)


class FactWorld:
    """Facts with an effect each: a row in the subscriber's database for every time it was handled."""

    def __init__(self, producer: Database, subscriber: Database) -> None:
        self.clock = SetClock()
        self.producer, self.subscriber = producer, subscriber
        produced, consumed = MetaData(), MetaData()
        self.outbox = outboxes.outbox_table(produced)
        self.inbox_table = inboxes.inbox_table(consumed)
        self._effects = Table("effects", consumed, Column("fact", String(40), nullable=False))
        for database, metadata in ((producer, produced), (subscriber, consumed)):
            with database.write() as connection:
                metadata.create_all(connection)
        self.broker = FakeBroker()
        self.inbox = inboxes.Inbox(subscriber, self.inbox_table, self.clock)
        self.relay = BrokerRelay(producer, self.outbox, self.broker, self.clock)
        self.letters = DeadLetters(subscriber, self.inbox_table, self.clock)
        self.poison: set[int] = set()
        """Facts whose handling fails, by their number."""
        self.dies_while_handling = False
        self._numbers = count(1)
        self._new_audit()

    def _new_audit(self) -> None:
        self.audit = Audit(self.producer, self.outbox, self, self.broker, self.clock)
        self.worker = inboxes.InboxWorker(self.subscriber, self.inbox_table, self._handle, self.clock)

    # The audience, as the audit asks it

    def missing(self, fact_ids: Sequence[str]) -> set[str]:
        return set(self.inbox.missing(list(fact_ids)))

    # Doing

    def tell(self, *, commits: bool = True) -> int:
        """Something happens; its number. Without the commit it has not happened."""
        number = next(self._numbers)
        try:
            with self.producer.write() as connection:
                body = {"number": number}
                outboxes.append_fact(connection, self.outbox, "happened", body, at=self.clock.now())
                if not commits:
                    raise Killed
        except Killed:
            pass
        return number

    def survives(self, work: Callable[[], object]) -> None:
        """Does it; a process that is killed meanwhile starts anew."""
        try:
            work()
        except Killed:
            self._new_audit()

    def deliver(self, message: StoredFact) -> None:
        """The broker hands a message to the subscriber's listener."""
        self.inbox.take_in([message])

    def deliver_nonsense(self, text: str) -> None:
        """A message that nobody can read."""
        self.inbox.take_in([], [UnreadableFact(f"unreadable-{text}"[:36], text, "it makes no sense")])

    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def settle(self, rng: random.Random) -> None:
        """No more harm: everything gets to where it belongs."""
        self.broker.dies, self.dies_while_handling = "", False
        for _ in range(3 * inboxes.MOST_ATTEMPTS):
            exhaust(self.relay.run_once)
            rng.shuffle(self.broker.messages)
            while self.broker.messages:
                self.deliver(self.broker.messages.pop())
            self._new_audit()  # one that does not rest
            exhaust(self.audit.run_once)
            exhaust(self.worker.run_once)
            if self._is_settled():
                return
            self.wait(400)

    def _is_settled(self) -> bool:
        with self.producer.read() as told, self.subscriber.read() as taken:
            waiting = outboxes.waiting_facts(told, self.outbox)
            return waiting + inboxes.waiting_facts(taken, self.inbox_table) == 0

    def _handle(self, connection: Connection, fact: StoredFact) -> None:
        connection.execute(self._effects.insert().values(fact=str(fact.body["number"])))
        if self.dies_while_handling:
            self.dies_while_handling = False
            raise Killed
        if fact.body["number"] in self.poison:
            raise ValueError("this fact cannot be handled")

    # Looking

    def effects(self) -> Counter[int]:
        """How often each fact has taken effect."""
        with self.subscriber.read() as connection:
            return Counter(int(fact) for fact in connection.execute(select(self._effects.c.fact)).scalars())

    def told(self) -> list[Row[tuple[object, ...]]]:
        """The outbox."""
        with self.producer.read() as connection:
            return list(connection.execute(select(self.outbox).order_by(self.outbox.c.outbox_id)))

    def taken(self) -> list[Row[tuple[object, ...]]]:
        """The inbox."""
        with self.subscriber.read() as connection:
            return list(connection.execute(select(self.inbox_table).order_by(self.inbox_table.c.inbox_id)))

    def parked(self) -> list[int]:
        """The inbox ids of the dead letters."""
        return [letter.inbox_id for letter in self.letters.page(200, "").letters]

    def close(self) -> None:
        self.producer.dispose()
        self.subscriber.dispose()


def exhaust(work: Callable[[], bool]) -> None:
    """Works until there is nothing to do."""
    for _ in range(500):
        if not work():
            return
    raise AssertionError("there is always something to do")

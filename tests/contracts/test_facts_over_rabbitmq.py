"""The way of a fact by RabbitMQ: outbox, relay, broker, nameko's ear, inbox, audit; nothing of it is fake.

What both ways promise is tested over both; what only a broker can do to a fact, over the broker.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.shared.facts import NotDelivered, Published, StoredFact
from services.shared.facts_amqp import AmqpPublisher, AmqpQueue
from services.shared.log import request_id
from services.shared.relay import AUDITED_AT_ONCE, PUBLISHED_AT_ONCE
from tests.contracts.facts_world import PAID, Make, on_channel, until
from tests.fakes.clock import SetClock
from tests.faults.tcp_proxy import TcpProxy
from tests.servers import DATABASES

pytestmark = [pytest.mark.rabbitmq]

BOTH = pytest.mark.parametrize("kind", DATABASES)
POSTGRESQL = pytest.mark.parametrize("kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)])


class Lost:
    """A publisher whose process dies when the broker has confirmed and nothing is marked yet."""

    def __init__(self, inner: AmqpPublisher) -> None:
        self._inner = inner

    def publish(self, facts: Sequence[StoredFact]) -> Published:
        assert not self._inner.publish(facts).error
        raise KeyboardInterrupt


class Held:
    """A publisher that does not come to an end until it is let go; tells what it was given."""

    def __init__(self, inner: AmqpPublisher) -> None:
        self._inner = inner
        self.given: list[str] = []
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def publish(self, facts: Sequence[StoredFact]) -> Published:
        self.given += [fact.fact_id for fact in facts]
        self.has_begun.set()
        assert self.may_go_on.wait(30)
        return self._inner.publish(facts)


# Over both ways


@BOTH
@pytest.mark.parametrize("way", ["grpc", "rabbitmq"])
def test_a_fact_arrives_whole_and_once(world_of: Make, kind: str, way: str) -> None:
    world = world_of(kind)
    token = request_id.set("request-of-the-payer")
    world.tell()
    request_id.reset(token)
    assert world.waiting() == 1
    if way == "grpc":
        assert world.straight().run_once()
    else:
        ear = world.listening()
        assert world.publishing().run_once()
        until(world.taken, "it is in the inbox")
        assert world.waiting() == 1, "nobody has asked yet whether it arrived"
        until(lambda: not world.audit().run_once() and world.waiting() == 0, "the audit sees it")
        assert '"request_id": "request-of-the-payer"' in ear.log
    (told,), (taken,) = world.told(), world.taken()
    assert (taken.fact_id, taken.name) == (told.fact_id, "payment_succeeded")
    assert (taken.occurred_at, taken.request_id) == (told.occurred_at, "request-of-the-payer")
    assert json.loads(taken.body) == PAID
    assert told.published_at is not None
    assert told.delivered_at is not None
    assert not world.straight().run_once()
    assert not world.publishing().run_once()


@BOTH
@pytest.mark.parametrize("way", ["grpc", "rabbitmq"])
def test_programs_of_both_ways_carry_on_after_kills_between_any_two_steps(
    world_of: Make, kind: str, way: str
) -> None:
    world = world_of(kind)
    relay = world.relay(DUNLIN_AMQP_URL=world.amqp_url if way == "rabbitmq" else "")
    programs = [relay] if way == "grpc" else [relay, world.ear()]
    for program in programs:
        program.start()
    dice = random.Random(7)
    for round_ in range(8):
        seen = len(world.taken())
        world.tell(25)
        until(lambda seen=seen: len(world.taken()) > seen, f"facts arrive in round {round_}")  # type: ignore[misc]
        victim = dice.choice(programs)
        victim.kill()
        world.tell(5)
        victim.start()
    until(world.all_arrived_once, "all have arrived")
    until(lambda: world.waiting() == 0, "all are known to have arrived")


@POSTGRESQL
@pytest.mark.parametrize("way", ["grpc", "rabbitmq"])
def test_relays_share_the_work_and_pass_by_what_another_one_carries(
    world_of: Make, kind: str, way: str
) -> None:
    world = world_of(kind)
    world.declare()
    world.tell(1)
    held = Held(world.publisher)
    slow = threading.Thread(target=world.publishing(held).run_once)
    slow.start()
    assert held.has_begun.wait(30)
    world.tell(3)
    if way == "grpc":
        assert world.straight().run_once()
    else:
        other = AmqpPublisher(world.amqp_url, "paynow")
        assert world.publishing(other).run_once()
        assert not world.publishing(other).run_once(), "the rest is in other hands"
        other.close()
    assert [row.published_at is not None for row in world.told()] == [False, True, True, True]
    held.may_go_on.set()
    slow.join(30)
    assert world.published() == 4
    assert len(held.given) == 1


@POSTGRESQL
def test_what_a_dead_relay_carried_is_free_at_once(world_of: Make, kind: str) -> None:
    world = world_of(kind)
    world.declare()
    world.tell(1)
    with pytest.raises(KeyboardInterrupt):
        world.publishing(Lost(world.publisher)).run_once()
    assert world.published() == 0
    assert world.publishing().run_once()
    assert world.published() == 1


# Between the relay and the broker


@BOTH
def test_a_relay_that_dies_before_it_marks_publishes_again_and_the_inbox_drops_it(
    world_of: Make, kind: str
) -> None:
    world = world_of(kind)
    world.listening()
    world.tell(3)
    with pytest.raises(KeyboardInterrupt):
        world.publishing(Lost(world.publisher)).run_once()
    until(world.all_arrived_once, "they have arrived")
    assert world.publishing().run_once()
    world.tell()
    world.publishing().run_once()
    until(world.all_arrived_once, "the last one has arrived behind the repeats")


def test_a_fact_that_no_queue_takes_is_not_marked_and_arrives_once_there_is_one(world_of: Make) -> None:
    world = world_of()
    world.tell(2)
    with pytest.raises(NotDelivered, match=r"No queue takes what paynow\.events carries"):
        world.publishing().run_once()
    assert world.published() == 0
    world.listening()
    assert world.publishing().run_once()
    until(world.all_arrived_once, "they have arrived")


def test_only_messages_that_the_broker_has_confirmed_count(world_of: Make) -> None:
    world = world_of()
    with on_channel(world.amqp_url) as channel:
        limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
        channel.queue_declare("short", durable=False, auto_delete=False, exclusive=False, arguments=limits)
        channel.exchange_declare("paynow.events", "topic", durable=True, auto_delete=False)
        channel.queue_bind("short", "paynow.events", "facts")
    try:
        world.tell(350)
        with pytest.raises(NotDelivered, match="refused"):
            world.publishing().run_once()
        with on_channel(world.amqp_url) as channel:
            in_queue = channel.queue_declare("short", passive=True).message_count
        assert in_queue * 100 == world.published() < 350
    finally:
        with on_channel(world.amqp_url) as channel:
            channel.queue_delete("short")


@pytest.mark.parametrize("trouble", ["refuse", "black_hole", "cut"])
def test_a_broker_that_is_away_or_silent_holds_the_relay_for_seconds_only_and_loses_nothing(
    world_of: Make, proxied: tuple[TcpProxy, str], trouble: str
) -> None:
    world = world_of()
    world.declare()
    proxy, url = proxied
    publisher = AmqpPublisher(url, "paynow")
    world.tell()
    assert world.publishing(publisher).run_once()
    world.tell()
    getattr(proxy, trouble)()
    if trouble == "cut":
        # What can be seen to be broken is made anew before anything is sent.
        assert world.publishing(publisher).run_once()
    else:
        with pytest.raises(NotDelivered, match="The broker"):
            world.publishing(publisher).run_once()
        assert world.published() == 1
        proxy.heal()
        assert world.publishing(publisher).run_once()
    assert world.published() == 2
    publisher.close()


def test_more_facts_than_a_message_or_a_turn_carries_all_arrive(world_of: Make) -> None:
    world = world_of()
    world.listening()
    count = PUBLISHED_AT_ONCE + 150
    world.tell(count)
    relay, audit = world.publishing(), world.audit()
    turns = 0
    while relay.run_once():
        turns += 1
    assert turns == 2
    until(world.all_arrived_once, "all have arrived")
    pages = 0
    while audit.run_once():
        pages += 1
    assert pages == count // AUDITED_AT_ONCE
    assert world.waiting() == 0


# Between the broker and the inbox


def test_a_queue_deleted_with_facts_in_it_loses_none(world_of: Make) -> None:
    clock = SetClock()
    world = world_of(clock=clock)
    world.declare()
    world.tell(3)
    world.publishing().run_once()
    assert world.delete_queue() == 1
    world.declare()
    audit = world.audit()
    audit.run_once()
    assert world.published() == 3, "they may still be on their way"
    clock.advance(timedelta(seconds=16))
    until(lambda: audit.run_once() or world.published() == 0, "the audit finds them lost")
    world.listening()
    assert world.publishing().run_once()
    until(world.all_arrived_once, "they have arrived")
    until(lambda: audit.run_once() or world.waiting() == 0, "and are known to have")


def test_facts_that_wait_for_a_consumer_that_is_down_are_not_published_again(world_of: Make) -> None:
    clock = SetClock()
    world = world_of(clock=clock)
    world.declare()
    world.tell(3)
    world.publishing().run_once()
    until(lambda: world.queued() == 1, "the queue shows its message")
    clock.advance(timedelta(hours=1))
    audit = world.audit()
    for _ in range(60):
        audit.run_once()
    assert world.published() == 3
    assert world.queued() == 1
    world.listening()
    until(world.all_arrived_once, "they have arrived")


def test_a_lost_fact_is_found_behind_pages_of_others(world_of: Make) -> None:
    clock = SetClock()
    world = world_of(clock=clock)
    world.declare()
    world.tell(AUDITED_AT_ONCE)
    world.publishing().run_once()
    world.delete_queue()
    ear = world.listening()
    world.tell(1)
    world.publishing().run_once()
    until(lambda: len(world.taken()) == 1, "the newest has arrived")
    audit = world.audit()
    assert audit.run_once()
    audit.run_once()
    assert world.waiting() == AUDITED_AT_ONCE
    clock.advance(timedelta(seconds=16))
    until(lambda: not audit.run_once() and world.published() == 1, "the audit finds them lost")
    world.publishing().run_once()
    until(world.all_arrived_once, "all have arrived")
    assert "Traceback" not in ear.log


def test_of_several_brokers_the_first_that_takes_a_connection_is_used(world_of: Make) -> None:
    world = world_of()
    world.declare()
    url = f"amqp://guest:guest@127.0.0.1:1//;{world.amqp_url}"
    publisher = AmqpPublisher(url, "paynow")
    world.tell(2)
    assert world.publishing(publisher).run_once()
    assert AmqpQueue(url, "scheduler", "paynow").holds_messages()
    publisher.close()

"""The audit of facts whose queue at the broker is never seen empty."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.shared.database import Database
from services.shared.relay import AGAIN_AT_ONCE, AGAIN_EVERY, LONG_OVERDUE
from tests.contracts.fact_machine_world import FactWorld, exhaust


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FactWorld]:
    urls = (f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("producer", "subscriber"))
    world = FactWorld(*map(Database, urls))
    yield world
    world.close()


def a_minute(world: FactWorld, *, fetched: int, told: int = 1) -> None:
    """Facts happen and are published, some are fetched, and the audit looks at all of them."""
    for _ in range(told):
        world.tell()
    exhaust(world.relay.run_once)
    for _ in range(fetched):
        world.deliver(world.broker.messages.pop(0))
    assert world.broker.holds_messages()
    world.wait(60)
    # It rests for some rounds where it has found nothing.
    for _ in range(30):
        world.audit.run_once()
    exhaust(world.relay.run_once)


def test_a_fact_that_is_lost_from_a_queue_that_is_never_empty_arrives_within_minutes(
    world: FactWorld,
) -> None:
    world.tell()
    exhaust(world.relay.run_once)
    world.broker.messages.clear()
    lost = world.told()[0].fact_id
    a_minute(world, fetched=0)
    for _ in range(LONG_OVERDUE // timedelta(minutes=1) + 3):
        a_minute(world, fetched=1)
    while world.broker.messages:
        world.deliver(world.broker.messages.pop(0))
    assert lost in {row.fact_id for row in world.taken()}


def test_a_long_queue_that_is_being_fetched_grows_by_few_copies(world: FactWorld) -> None:
    for _ in range(3 * AGAIN_AT_ONCE):
        world.tell()
    exhaust(world.relay.run_once)
    minutes = 20
    for _ in range(minutes):
        a_minute(world, fetched=1, told=0)
    copies = len(world.broker.messages) + minutes - 3 * AGAIN_AT_ONCE
    assert 0 < copies <= AGAIN_AT_ONCE * minutes * timedelta(minutes=1) // AGAIN_EVERY


def test_a_queue_that_nobody_fetches_from_does_not_grow_by_copies(world: FactWorld) -> None:
    for _ in range(3):
        world.tell()
    for _ in range(60):
        a_minute(world, fetched=0, told=0)
    assert len(world.broker.messages) == 3

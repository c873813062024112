"""Leases of processes that have died, over fakes."""

from datetime import timedelta

from services.scheduler.use_cases.leases import release_dead
from tests.unit.scheduler.world import World


def held(world: World) -> bool:
    with world.store.read() as work:
        return work.leases.is_held("tick", now=world.clock.now())


def with_a_lease() -> World:
    world = World()
    now = world.clock.now()
    with world.store.write() as work:
        assert work.leases.take("tick", "a", now=now, until=now + timedelta(seconds=20))
    return world


def test_whoever_is_dead_holds_up_nobody() -> None:
    world = with_a_lease()
    assert release_dead(lambda _owner: True, store=world.store)
    assert not held(world)
    assert not release_dead(lambda _owner: True, store=world.store)


def test_whoever_may_live_keeps_its_lease() -> None:
    world = with_a_lease()
    assert not release_dead(lambda _owner: False, store=world.store)
    assert held(world)

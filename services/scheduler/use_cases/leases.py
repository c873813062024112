"""Leases of processes that have died."""

from collections.abc import Callable

from services.scheduler.ports import Store


def release_dead(is_dead: Callable[[str], bool], *, store: Store) -> bool:
    """Gives back what dead processes had taken, so that a restart goes on at once; whether there was any.

    `is_dead` says of an owner whether its process is known to have ended. Of whom nothing is known, such as
    those on other machines, the leases run out by themselves. What a dead process was still writing under a
    lease is waited for.
    """
    with store.read() as work:
        dead = {owner for owner in work.leases.owners() if is_dead(owner)}
    if not dead:
        return False
    with store.write() as work:
        work.leases.release_owners(dead)
    return True

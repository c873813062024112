"""Leases: how long they hold, and how a worker keeps one while a mail server takes its time.

A lease is short, so that what a dead worker had claimed goes out within a minute wherever it ran. A mail
may take longer than that, if the server is slow with each of its answers; so the lease of a mail that is
being handed over is renewed, by another thread, for as long as that thread's process lives. A renewal
comes when two thirds of the lease are left: the clocks of two machines may differ by half a lease.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from services.mailer.domain.message import Claimed
from services.mailer.ports import Begin
from services.shared.clock import Clock

LEASE = timedelta(seconds=45)

RENEW_AFTER = timedelta(seconds=10)
"""A mail under way for so long gets its lease renewed, and again each time the keeper looks."""

LOOK_SECONDS = 5.0
"""How often the keeper has to look."""

PATIENCE = timedelta(seconds=15)
"""A claim older than this is given back instead of worked through: others may be quicker."""


class UnderWay:
    """The mails that the workers of this process are handing over; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mails: dict[str, tuple[Claimed, datetime]] = {}

    @contextmanager
    def mail(self, message: Claimed, since: datetime) -> Iterator[None]:
        """For as long as the conversation about this mail lasts."""
        with self._lock:
            self._mails[message.owner] = (message, since)
        try:
            yield
        finally:
            with self._lock:
                del self._mails[message.owner]

    def since(self, at: datetime) -> list[Claimed]:
        """What has been under way since then or longer."""
        with self._lock:
            return [message for message, since in self._mails.values() if since <= at]


def renew_leases(under_way: UnderWay, *, begin: Begin, clock: Clock) -> int:
    """Prolongs the leases of slow mails; how many."""
    now = clock.now()
    slow = under_way.since(now - RENEW_AFTER)
    if not slow:
        return 0
    with begin() as work:
        return work.messages.renew(slow, now + LEASE)


def release_dead(is_dead: Callable[[str], bool], *, read: Begin, write: Begin, clock: Clock) -> int:
    """Ends the leases of workers that no longer live, so that a restart goes on at once; how many."""
    with read() as work:
        dead = [owner for owner in work.messages.owners() if is_dead(owner)]
    if not dead:
        return 0
    with write() as work:
        return work.messages.release_owners(dead, clock.now())

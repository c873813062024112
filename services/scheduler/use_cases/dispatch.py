"""Handing queued notices to the mailer."""

from datetime import timedelta

from services.scheduler.ports import Store
from services.scheduler.ports_peers import Mailer
from services.shared.clock import Clock

BATCH = 500
"""As many as the mailer takes at once."""

CLAIM_TIME = timedelta(seconds=30)
"""What a process has claimed and then dies with, another one hands over after this time."""

AGAIN_AFTER = timedelta(hours=1)
"""A notice still queued after so long is handed over once more.

The mailer leaves one that it knows as it is. This heals what it may have lost, or withheld in the very
moment in which a tick put it back into the queue.
"""


def hand_over(*, store: Store, mailer: Mailer, clock: Clock) -> bool:
    """Hands over a batch; whether there was one. Any number of processes share the work.

    The mailer is told between two transactions. If it is away, `Busy` gives everything back to the next
    call; if the second transaction never comes, the same notices are handed over again, which changes
    nothing.
    """
    now = clock.now()
    until = now + CLAIM_TIME
    with store.read() as work:
        if not work.notices.to_hand_over(now, 1):
            return False
    with store.write() as work:
        notices = work.notices.to_hand_over(now, BATCH)
        ids = [notice.notice_id for notice in notices]
        work.notices.claim(ids, until=until)
    if not notices:
        return False
    again_at = now
    try:
        mailer.accept(notices)
        again_at = clock.now() + AGAIN_AFTER
    finally:
        with store.write() as work:
            work.notices.end_claim(ids, until=until, again_at=again_at)
    return True

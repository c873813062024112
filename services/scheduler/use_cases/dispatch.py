"""Handing queued notices to the mailer."""

from datetime import timedelta

from services.scheduler.ports import Mailer, Store
from services.shared.clock import Clock

BATCH = 200

AGAIN_AFTER = timedelta(hours=1)
"""A notice still queued after so long is handed over once more.

The mailer leaves one that it knows as it is. This heals what it may have lost, or withheld in the very
moment in which a tick put it back into the queue.
"""


def hand_over(*, store: Store, mailer: Mailer, clock: Clock) -> bool:
    """Hands over a batch; whether there was one.

    The mailer is told between two transactions. If it is away, `Busy` leaves everything to the next call;
    if the second transaction never comes, the same notices are handed over again, which changes nothing.
    """
    now = clock.now()
    with store.read() as work:
        notices = work.notices.to_hand_over(now, BATCH)
    if not notices:
        return False
    mailer.accept(notices)
    with store.write() as work:
        ids = [notice.notice_id for notice in notices]
        work.notices.handed_over(ids, asked_at=now, again_at=clock.now() + AGAIN_AFTER)
    return True

"""Mails that may go, but not at this hour: each waits in the queue, and is asked about again then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.mailer.domain.letter import NotYet
from services.mailer.domain.message import Claimed
from services.mailer.ports import Begin

SHORTEST = timedelta(seconds=2)
"""Until nobody is asked again about the same mail: the scheduler's clock may be slow beside ours."""


def put_off(waiting: Sequence[tuple[Claimed, NotYet]], *, begin: Begin, now: datetime) -> None:
    """Puts them back until their instants.

    That spares the scheduler, however many wait: each is asked about once. What the daily cap has not counted
    yet uses none of it.
    """
    if not waiting:
        return
    with begin() as work:
        work.messages.put_off(
            [(message, replace(why, until=max(why.until, now + SHORTEST))) for message, why in waiting], now
        )

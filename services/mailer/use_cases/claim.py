"""What a send worker takes out of the queue, and what it asks while the day's cap lets it take nothing."""

from datetime import datetime
from typing import NamedTuple

from services.mailer.domain.message import Claimed
from services.mailer.domain.sending import CompanyZone, is_capped, open_lanes, today
from services.mailer.ports import ReviewUnavailable, Work
from services.mailer.use_cases.desk import Desk
from services.mailer.use_cases.keep import LEASE
from services.mailer.use_cases.sending import follow_time_zone

BATCH = 50
"""Messages claimed in one go; how many of them one second look asks for is up to the pace."""


class Claim(NamedTuple):
    """Messages, with the time zone whose days counted when they were taken."""

    batch: list[Claimed]
    time_zone: str
    is_capped: bool
    """Whether others may have to wait for the next day."""


def take(desk: Desk, work: Work, now: datetime) -> Claim:
    """What may leave now, as far as can be told before it is known to whom it goes."""
    sending = work.sending.read()
    limits = sending.limits
    if sending.is_stopped:
        return Claim([], limits.time_zone, is_capped=False)
    day = today(limits, now) if limits.daily_cap else None
    spent = work.sending.spent(day) if day else 0
    batch = work.messages.claim(
        desk.owner,
        now,
        now + LEASE,
        BATCH,
        abandoned=desk.may_take_over(),
        lanes=open_lanes(sending, spent),
        counted_on=day,
    )
    return Claim(batch, limits.time_zone, is_capped(limits, spent))


def days_have_moved(desk: Desk, time_zone: str) -> bool:
    """Whether the company's days are no longer those of that time zone, so that more may leave by now.

    The second look tells the zone, and nobody takes it about mails that wait for another day: so it is asked
    about none, now and then.
    """
    if not desk.zone_watch.is_due(desk.clock.now()):
        return False
    try:
        company = CompanyZone(desk.reviews.review([]).company_time_zone, instead_of=time_zone)
    except ReviewUnavailable:
        return False
    with desk.begin() as work:
        limits = follow_time_zone(work.sending.read().limits, company, work, desk.clock.now())
    return limits.time_zone != time_zone

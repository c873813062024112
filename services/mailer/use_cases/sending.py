"""The stop switch and the limits, for staff."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from services.mailer.domain.sending import (
    CompanyZone,
    Limits,
    Standing,
    beginning,
    checked_limits,
    checked_name,
    is_zone,
    open_lanes,
    today,
)
from services.mailer.ports import Begin, Work
from services.shared.clock import Clock

log = structlog.get_logger()


def get_sending(*, begin: Begin, clock: Clock) -> Standing:
    """The settings, and how they stand."""
    now = clock.now()
    with begin() as work:
        sending = work.sending.read()
        day = today(sending.limits, now)
        left = work.sending.left_since(beginning(sending.limits, day))
        spent = work.sending.spent(day) if sending.limits.daily_cap else 0
        waiting = work.sending.waiting(now, open_lanes(sending, spent))
    return Standing(sending, left, waiting)


def update_sending(
    limits: Limits, *, write: Begin, read: Begin, clock: Clock, wake: Callable[[], None]
) -> Standing:
    """Replaces the limits; `SendingInvalid`. What waited for the old ones is looked at anew.

    Without a time zone the one in use stays.
    """
    now = clock.now()
    with write() as work:
        before = work.sending.read().limits
        limits = checked_limits(replace(limits, time_zone=limits.time_zone or before.time_zone))
        work.sending.change(limits)
        if limits.daily_cap:
            day = today(limits, now)
            work.sending.recount(day, beginning(limits, day))
        if limits.domain_per_minute != before.domain_per_minute:
            work.sending.drop_lines(now)
    log.info("limits of sending changed", before=before, after=limits)
    wake()
    return get_sending(begin=read, clock=clock)


def follow_time_zone(limits: Limits, company: CompanyZone, work: Work, now: datetime) -> Limits:
    """The limits with days of that zone, from now on; an unknown one changes nothing.

    However many workers are told of a change, one of them makes it, and no older answer takes it back.
    """
    zone, before = company
    if zone == before or limits.time_zone != before or not is_zone(zone):
        return limits
    if not work.sending.move(zone, instead_of=before):
        return work.sending.read().limits
    moved = replace(limits, time_zone=zone)
    if moved.daily_cap:
        day = today(moved, now)
        work.sending.recount(day, beginning(moved, day))
    log.info("days of sending are those of another time zone", before=before, after=zone)
    return moved


def set_stopped(
    stopped_by: str, *, stopped: bool, write: Begin, read: Begin, clock: Clock, wake: Callable[[], None]
) -> Standing:
    """Stops everything, or goes on; a repeat changes nothing. `Invalid` (EMPTY, TOO_LONG)."""
    name = checked_name("stopped_by", stopped_by)
    with write() as work:
        changed = work.sending.stop(name, clock.now()) if stopped else work.sending.go_on()
    if changed:
        log.warning("sending stopped" if stopped else "sending goes on", by=name)
        wake()
    return get_sending(begin=read, clock=clock)

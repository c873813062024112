"""The types of mail as staff see them: settings, when a mail last went and next goes, who is left out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from services.scheduler.domain.email_types import (
    SET_BY_STAFF,
    SWITCHED,
    EmailType,
    OnNewInvoice,
    check_email_type,
    resaved,
)
from services.scheduler.domain.next_times import next_time
from services.scheduler.domain.notice import EXCLUSION_LISTS, NoticeType
from services.scheduler.ports import Store, Work
from services.shared.clock import Clock


class TypeShown(NamedTuple):
    """A type; `settings.enabled` says whether mails of it go by themselves, whatever it is switched by.

    `excluded` is how many organizations are left out. Instants are UTC, None for never or not foreseen.
    """

    settings: EmailType
    last_sent_at: datetime | None
    excluded: int
    next_at: datetime | None


def list_email_types(*, store: Store, clock: Clock) -> list[TypeShown]:
    """All types, in their order."""
    with store.read() as work:
        sent = work.email_types.last_sent()
        return [_shown(type, sent, work, clock.now()) for type in NoticeType]


def update_email_type(new: EmailType, *, include_due: bool, store: Store, clock: Clock) -> TypeShown:
    """Replaces the settings of a type, and sends nothing. `Invalid` as `check_email_type`.

    Whether invoice notifications are on is not theirs to say: the account summary does.
    """
    check_email_type(new)
    now = clock.now()
    with store.write() as work:
        old = work.email_types.get_to_change(new.type)
        if new.type in SWITCHED:
            today = work.calendar.get().date_at(now)
            work.email_types.put(resaved(old, new, today=today, include_due=include_due))
        else:
            work.email_types.put(new)
        return _shown(new.type, work.email_types.last_sent(), work, now)


def as_if_saved(new: EmailType, work: Work, now: datetime) -> EmailType:
    """What `update_email_type` would make of them now, turned on and without what is due already."""
    old = work.email_types.get(new.type)
    today = work.calendar.get().date_at(now)
    return resaved(old, replace(new, enabled=True), today=today, include_due=False)


def next_time_of(settings: EmailType, work: Work, now: datetime) -> datetime | None:
    """When a type with these settings next goes by itself; None if it does not."""
    run = work.zone_runs.all().get("")
    return next_time(
        settings,
        work.calendar.get(),
        now,
        ran_on=run.ran_on if run else None,
        summed_on=run.summed_on if run else None,
    )


def _shown(
    type: NoticeType, last_sent: Mapping[tuple[NoticeType, int], datetime], work: Work, now: datetime
) -> TypeShown:
    settings = work.email_types.get(type)
    settings = replace(settings, enabled=_goes_by_itself(settings, work))
    has_runs = type in SWITCHED or type is NoticeType.DUE_NOTICE
    listed = EXCLUSION_LISTS.get(type)
    sent = [at for (of, _threshold), at in last_sent.items() if of is type]
    return TypeShown(
        settings,
        max(sent, default=None),
        work.exclusions.count(listed) if listed else 0,
        next_time_of(settings, work, now) if settings.enabled and has_runs else None,
    )


def _goes_by_itself(settings: EmailType, work: Work) -> bool:
    if settings.type in SWITCHED:
        return settings.enabled
    if settings.type is NoticeType.INVOICE:
        summary = work.email_types.get(NoticeType.ACCOUNT_SUMMARY)
        return summary.enabled and summary.on_new_invoice is OnNewInvoice.INVOICES
    if settings.type is NoticeType.DUE_NOTICE:
        return any(rule.enabled for rule in work.rules.all())
    return settings.type not in SET_BY_STAFF

"""Working through campaigns: batch by batch, so that whoever takes over goes on exactly where it was."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from services.scheduler.domain import reasons
from services.scheduler.domain.campaigns import Campaign, CampaignState
from services.scheduler.domain.hours import hours_of, not_before
from services.scheduler.domain.notice import Change, Lane, State
from services.scheduler.ports import Store
from services.scheduler.use_cases.audiences import candidates, profiles_of_summary, read_members, sort_out
from services.scheduler.use_cases.telling import Telling
from services.scheduler.use_cases.tick import LEASE_TIME
from services.scheduler.use_cases.ticking import Ticking
from services.shared.clock import Clock
from services.shared.progress import progress

LEASE = "campaigns"
BATCH = 1000
WITHDRAWN_AT_ONCE = 500


def work_on_campaigns(
    *, ticking: Ticking, wanted: Callable[[], bool] = lambda: True, batch: int = BATCH
) -> bool:
    """Goes through the running campaigns by turns until all are done; whether there was one.

    Of many processes one does; if it dies, another one goes on, on the same machine at once, else within
    20 s. Once `wanted` says no it ends after a batch. `Busy` while the ledger is away.
    """
    with ticking.store.read() as work:
        running = work.campaigns.running()
    if not running:
        return False
    holder, now = str(uuid.uuid4()), ticking.clock.now()
    with ticking.store.write() as work:
        if not work.leases.take(LEASE, holder, now=now, until=now + LEASE_TIME):
            return False
    try:
        while running and wanted():
            for campaign in running:
                if not _advance(campaign, holder, batch, ticking):
                    return True
            with ticking.store.read() as work:
                running = work.campaigns.running()
    finally:
        with ticking.store.write() as work:
            work.leases.release(LEASE, holder)
    return True


def _advance(campaign: Campaign, holder: str, batch: int, ticking: Ticking) -> bool:
    """Decides on the next batch and moves on, in one transaction; whether the lease is still ours.

    Whoever has lost the lease may have read a batch that another one has decided on since.
    """
    profile_ids = profiles_of_summary(ticking)
    members = read_members(
        campaign.audience, campaign.after, batch, accounts=ticking.accounts, profile_ids=profile_ids
    )
    now = ticking.clock.now()
    with ticking.store.write() as work:
        if not work.leases.renew(LEASE, holder, until=now + LEASE_TIME):
            return False
        as_it_is = work.campaigns.get(campaign.campaign_id)
        if as_it_is is None or as_it_is.state is not CampaignState.RUNNING:
            return True
        found = sort_out(campaign.audience, members, work, now)
        telling = Telling(
            ticking.new_id,
            lane=Lane.BULK,
            campaign_id=campaign.campaign_id,
            not_before=not_before(work.calendar.get(), hours_of(campaign.type, Lane.BULK), now),
        )
        decided = candidates(campaign, found)
        telling.decide(campaign.type, decided, work, now)
        moved = replace(
            as_it_is,
            examined=as_it_is.examined + len(decided),
            after=members[-1].key if members else as_it_is.after,
        )
        if len(members) < batch:
            moved = replace(moved, state=CampaignState.DONE, ended_at=now)
        work.campaigns.put(moved)
    ticking.wake()
    progress()
    return True


def withdraw_cancelled(*, store: Store, clock: Clock) -> bool:
    """Withholds a batch of what cancelled campaigns have queued; whether there was any.

    The second look would do it, too. So they need not go through the mailer one by one, and whoever looks at
    the campaign sees what has become of it.
    """
    with store.read() as work:
        if not work.campaigns.to_withdraw(1):
            return False
    with store.write() as work:
        queued = work.campaigns.to_withdraw(WITHDRAWN_AT_ONCE)
        changes = [Change(i, State.SKIPPED, reasons.CAMPAIGN_CANCELLED) for i in queued]
        work.notices.change(changes, clock.now())
    return True

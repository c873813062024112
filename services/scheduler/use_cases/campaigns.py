"""Campaigns as staff see them: who one would reach, beginning and ending one, how far it has come."""

from dataclasses import replace
from typing import NamedTuple

from services.scheduler.domain.campaigns import (
    MOST_VALUES,
    Audience,
    Campaign,
    CampaignState,
    ContactAudience,
    Outcomes,
)
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports import Store, Work
from services.scheduler.use_cases.audiences import Member, foresee, profiles_of_summary, read_members
from services.scheduler.use_cases.ticking import Ticking
from services.shared.clock import Clock
from services.shared.errors import Conflict, Missing, WrongState, invalid_field
from services.shared.paging import Key, decode_token, encode_token, page_size
from services.shared.request_ids import check_request_id

BATCH = 2000
MOST_EXAMINED = 100_000
"""Somebody waits for the count: of a larger audience only so many are looked at."""

USUAL, MOST = 50, 200
"""Members of a page."""

NEWEST = 50


class CampaignDiffers(Conflict):
    """There is another campaign of that id."""

    reason = "CAMPAIGN_DIFFERS"


class CampaignRunning(WrongState):
    """Another campaign of the type is at work."""

    reason = "CAMPAIGN_RUNNING"


class CampaignMissing(Missing):
    """There is no such campaign."""

    reason = "CAMPAIGN_MISSING"


class Reach(NamedTuple):
    """How many would get a mail, and how many would not: they have no address, are left out by the audience,
    or no address of theirs can be used or wants it. At least so many if there are more.
    """

    total: int = 0
    unreachable: int = 0
    left_out: int = 0
    suppressed: int = 0
    unsubscribed: int = 0
    at_least: bool = False


class CampaignCount(NamedTuple):
    """Whom a campaign would reach, a page of them, and the token of the next one."""

    reach: Reach
    members: list[Member]
    next_page_token: str


class CampaignShown(NamedTuple):
    """A campaign, and how many of its notices stand where."""

    campaign: Campaign
    outcomes: Outcomes


def check_audience(audience: Audience) -> None:
    """`Invalid`: PROFILE_MISSING, TOO_MANY_VALUES."""
    if not isinstance(audience, ContactAudience):
        return
    if not audience.profile_id:
        words = "Choose a client profile: without one an invited contact could see nothing."
        raise invalid_field("audience.contacts.profile_id", "PROFILE_MISSING", words)
    for name in ("without_types", "without_statuses"):
        if len(getattr(audience, name)) > MOST_VALUES:
            words = f"At most {MOST_VALUES} values at once."
            raise invalid_field(f"audience.contacts.{name}", "TOO_MANY_VALUES", words)


def count_campaign(
    audience: Audience, size: int, token: str, *, ticking: Ticking, most: int = MOST_EXAMINED
) -> CampaignCount:
    """Whom a campaign would reach, as things stand; changes nothing. `Invalid` as `check_audience`.

    It is counted for the first page; the others repeat those numbers.
    """
    check_audience(audience)
    limit, query = page_size(size, USUAL, MOST), f"reach of {audience}"
    place = decode_token(query, token)
    reach, after = _told(place) if place else (_count(audience, most, ticking), "")
    members = _members(audience, after, limit + 1, ticking)
    page = members[:limit]
    more = encode_token(query, page[-1].key, *map(int, reach)) if len(members) > limit else ""
    return CampaignCount(reach, page, more)


def _told(place: tuple[Key, ...]) -> tuple[Reach, str]:
    """What a page token carries: it was sealed against change when it was given out."""
    after, total, unreachable, left_out, suppressed, unsubscribed, at_least = place
    counted = (int(total), int(unreachable), int(left_out), int(suppressed), int(unsubscribed))
    return Reach(*counted, at_least=bool(at_least)), str(after)


def _count(audience: Audience, most: int, ticking: Ticking) -> Reach:
    reach, examined, after = Reach(), 0, ""
    while True:
        members = _read(audience, after, BATCH, ticking)
        if members and examined >= most:
            return reach._replace(at_least=True)
        found = foresee(audience, members, ticking=ticking)
        reach = Reach(
            reach.total + len(found.told),
            reach.unreachable + len(found.unreachable),
            reach.left_out + len(found.left_out),
            reach.suppressed + len(found.suppressed),
            reach.unsubscribed + len(found.unsubscribed),
        )
        examined += len(members)
        if len(members) < BATCH:
            return reach
        after = members[-1].key


def _members(audience: Audience, after: str, limit: int, ticking: Ticking) -> list[Member]:
    """The first `limit` who would get a mail, behind `after`."""
    found: list[Member] = []
    for _ in range(MOST_EXAMINED // BATCH):
        members = _read(audience, after, BATCH, ticking)
        found += foresee(audience, members, ticking=ticking).told
        if len(found) >= limit or len(members) < BATCH:
            break
        after = members[-1].key
    return found[:limit]


def _read(audience: Audience, after: str, limit: int, ticking: Ticking) -> list[Member]:
    profile_ids = profiles_of_summary(ticking)
    return read_members(audience, after, limit, accounts=ticking.accounts, profile_ids=profile_ids)


def start_campaign(
    campaign_id: str, audience: Audience, started_by: str, *, ticking: Ticking
) -> CampaignShown:
    """Begins it; a repeat returns it as it stands. `Invalid`, `CampaignDiffers`, `CampaignRunning`."""
    check_request_id(campaign_id, "campaign_id")
    check_audience(audience)
    with ticking.store.read() as work:
        if known := work.campaigns.get(campaign_id):
            return _same(known, audience, work)
    reach = _count(audience, MOST_EXAMINED, ticking)
    new = Campaign(campaign_id, audience, reach.total, ticking.clock.now(), started_by[:254])
    with ticking.store.write() as work:
        work.campaigns.lock_starts()
        others = work.campaigns.newest(new.type, NEWEST)
        at_work = any(one.state is not CampaignState.CANCELLED and _is_under_way(one, work) for one in others)
        # A repeat that came at the same time may have begun it already.
        if work.campaigns.add(new) and at_work:
            raise CampaignRunning("Another campaign of this type is at work; wait for its end, or cancel it.")
    with ticking.store.read() as work:
        return _same(_get(campaign_id, work), audience, work)


def _same(known: Campaign, audience: Audience, work: Work) -> CampaignShown:
    if known.audience != audience:
        raise CampaignDiffers("This is the ID of another campaign, for another audience.")
    return _shown(known, work)


def get_campaign(campaign_id: str, *, store: Store) -> CampaignShown:
    """The campaign as it stands. `CampaignMissing`."""
    with store.read() as work:
        return _shown(_get(campaign_id, work), work)


def list_campaigns(type: NoticeType | None, *, store: Store) -> list[CampaignShown]:
    """The newest first."""
    with store.read() as work:
        found = work.campaigns.newest(type, NEWEST)
        outcomes = work.campaigns.outcomes([one.campaign_id for one in found])
    return [CampaignShown(one, outcomes[one.campaign_id]) for one in found]


def cancel_campaign(campaign_id: str, *, store: Store, clock: Clock) -> CampaignShown:
    """Ends it: from now on the second look withholds its mails. One of which none is left stays as it is.

    `CampaignMissing`.
    """
    with store.write() as work:
        campaign = _get(campaign_id, work)
        if campaign.state is not CampaignState.CANCELLED and _is_under_way(campaign, work):
            ended = replace(campaign, state=CampaignState.CANCELLED, ended_at=clock.now())
            work.campaigns.put(ended)
    return get_campaign(campaign_id, store=store)


def _is_under_way(campaign: Campaign, work: Work) -> bool:
    """Whether members are still to be decided on, or mails still to leave."""
    return campaign.state is CampaignState.RUNNING or _shown(campaign, work).outcomes.queued > 0


def _get(campaign_id: str, work: Work) -> Campaign:
    campaign = work.campaigns.get(campaign_id)
    if campaign is None:
        raise CampaignMissing(f"There is no campaign with the ID {campaign_id[:70]!r}.")
    return campaign


def _shown(campaign: Campaign, work: Work) -> CampaignShown:
    return CampaignShown(campaign, work.campaigns.outcomes([campaign.campaign_id])[campaign.campaign_id])

"""The wire of campaigns."""

from dunlin.scheduler.v1 import campaigns_pb2 as pb

from services.scheduler.converters import TYPES_OUT
from services.scheduler.domain.campaigns import Audience, CampaignState, ContactAudience, DebtorAudience
from services.scheduler.use_cases.audiences import Member
from services.scheduler.use_cases.campaigns import CampaignCount, CampaignShown
from services.shared.wire import timestamp

_STATES_OUT = {
    CampaignState.RUNNING: pb.CAMPAIGN_STATE_RUNNING,
    CampaignState.DONE: pb.CAMPAIGN_STATE_DONE,
    CampaignState.CANCELLED: pb.CAMPAIGN_STATE_CANCELLED,
}


def audience(told: pb.Audience) -> Audience:
    """Whom it is for; contacts with no profile, which none can be, if nothing is said."""
    if told.WhichOneof("who") == "debtors":
        return DebtorAudience()
    contacts = told.contacts
    return ContactAudience(
        profile_id=contacts.profile_id,
        without_types=tuple(sorted(set(contacts.without_types))),
        without_statuses=tuple(sorted(set(contacts.without_statuses))),
        without_signed_in=contacts.without_signed_in,
        without_invited=contacts.without_invited,
    )


def to_audience(ours: Audience) -> pb.Audience:
    """Whom it is for."""
    if isinstance(ours, DebtorAudience):
        return pb.Audience(debtors=pb.DebtorAudience())
    return pb.Audience(
        contacts=pb.ContactAudience(
            profile_id=ours.profile_id,
            without_types=ours.without_types,
            without_statuses=ours.without_statuses,
            without_signed_in=ours.without_signed_in,
            without_invited=ours.without_invited,
        )
    )


def to_count(count: CampaignCount) -> pb.CampaignCount:
    """Whom a campaign would reach."""
    return pb.CampaignCount(
        **count.reach._asdict(),
        members=map(_member, count.members),
        next_page_token=count.next_page_token,
    )


def _member(member: Member) -> pb.Member:
    return pb.Member(
        organization_id=member.organization_id,
        organization_name=member.organization_name,
        contact_id=member.contact_id,
        contact_name=member.contact_name,
        email=member.email,
    )


def to_campaign(shown: CampaignShown) -> pb.Campaign:
    """A campaign as it stands."""
    campaign = shown.campaign
    return pb.Campaign(
        campaign_id=campaign.campaign_id,
        type=TYPES_OUT[campaign.type],
        audience=to_audience(campaign.audience),
        state=_STATES_OUT[campaign.state],
        total=campaign.total,
        examined=campaign.examined,
        **shown.outcomes._asdict(),
        started_at=timestamp(campaign.started_at),
        started_by=campaign.started_by,
        ended_at=timestamp(campaign.ended_at),
    )

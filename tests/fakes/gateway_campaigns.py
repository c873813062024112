"""Campaigns in memory for the gateway's tests: they stand where a test puts them."""

import re
from datetime import UTC, datetime
from typing import Any

from dunlin.scheduler.v1 import campaigns_pb2
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_ACCOUNT_SUMMARY, NOTICE_TYPE_WELCOME

from services.shared.errors import Conflict, Invalid, Missing, WrongState
from services.shared.wire import timestamp
from tests.fakes.gateway_accounts import FakeAccounts
from tests.fakes.gateway_rpc import FakeStub, rpc

RUNNING = campaigns_pb2.CAMPAIGN_STATE_RUNNING


class FakeCampaigns(FakeStub):
    """Counts over the fake books, with `at_least` as of books too large to be counted to the end.

    `invited` holds contact ids that were sent an invitation before.
    """

    def __init__(self, accounts: FakeAccounts) -> None:
        super().__init__()
        self.accounts = accounts
        self.campaigns: dict[str, campaigns_pb2.Campaign] = {}
        self.excluded: set[str] = set()
        self.invited: set[int] = set()
        self.at_least = False

    def _debtors(self) -> tuple[list[campaigns_pb2.Member], int, int]:
        ledger, members, unreachable, left_out = self.accounts.ledger, [], 0, 0
        for key, organization in sorted(ledger.organizations.items()):
            if not ledger.open_invoices(key):
                continue
            if key in self.excluded:
                left_out += 1
            elif not any(contact.is_default and contact.emails for contact in organization.contacts):
                unreachable += 1
            else:
                members.append(campaigns_pb2.Member(organization_id=key, organization_name=organization.name))
        return members, unreachable, left_out

    def _contacts(
        self, audience: campaigns_pb2.ContactAudience
    ) -> tuple[list[campaigns_pb2.Member], int, int]:
        if audience.profile_id not in self.accounts.profiles:
            raise Invalid("Choose a client profile.", reason="PROFILE_MISSING")
        if max(len(audience.without_types), len(audience.without_statuses)) > 100:
            raise Invalid("At most 100 types or statuses.", reason="TOO_MANY_VALUES")
        members, unreachable, left_out = [], 0, 0
        organizations = self.accounts.ledger.organizations
        for contact in self.accounts.all_contacts():
            organization = organizations[contact.organization_id]
            if (
                contact.profile_id != audience.profile_id
                or organization.type in audience.without_types
                or organization.status in audience.without_statuses
            ):
                continue
            if (audience.without_signed_in and contact.HasField("signed_in_at")) or (
                audience.without_invited and contact.contact_id in self.invited
            ):
                left_out += 1
            elif not contact.emails:
                unreachable += 1
            else:
                members.append(
                    campaigns_pb2.Member(
                        organization_id=contact.organization_id,
                        organization_name=organization.name,
                        contact_id=contact.contact_id,
                        contact_name=contact.name,
                        email=contact.emails[0],
                    )
                )
        return members, unreachable, left_out

    def _count(self, audience: campaigns_pb2.Audience) -> tuple[list[campaigns_pb2.Member], int, int]:
        if audience.WhichOneof("who") == "debtors":
            return self._debtors()
        return self._contacts(audience.contacts)

    @rpc
    def CountCampaign(self, request: Any) -> Any:
        members, unreachable, left_out = self._count(request.audience)
        size, start = request.page_size or 50, int(request.page_token or 0)
        return campaigns_pb2.CampaignCount(
            total=len(members),
            unreachable=unreachable,
            left_out=left_out,
            at_least=self.at_least,
            members=members[start : start + size],
            next_page_token=str(start + size) if start + size < len(members) else "",
        )

    @rpc
    def StartCampaign(self, request: Any) -> Any:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", request.campaign_id):
            raise Invalid("A campaign id has letters, digits and hyphens.", reason="REQUEST_ID_MALFORMED")
        members, _, _ = self._count(request.audience)
        known = self.campaigns.get(request.campaign_id)
        if known is not None:
            if known.audience != request.audience:
                raise Conflict("This is the id of another campaign.", reason="CAMPAIGN_DIFFERS")
            return known
        debtors = request.audience.WhichOneof("who") == "debtors"
        type_ = NOTICE_TYPE_ACCOUNT_SUMMARY if debtors else NOTICE_TYPE_WELCOME
        if any(one.type == type_ and one.state == RUNNING for one in self.campaigns.values()):
            raise WrongState("Another campaign of this type is at work.", reason="CAMPAIGN_RUNNING")
        campaign = campaigns_pb2.Campaign(
            campaign_id=request.campaign_id,
            type=type_,
            audience=request.audience,
            state=RUNNING,
            total=len(members),
            started_at=timestamp(datetime.now(UTC)),
            started_by=request.started_by,
        )
        self.campaigns[campaign.campaign_id] = campaign
        return campaign

    def _campaign(self, campaign_id: str) -> campaigns_pb2.Campaign:
        if campaign_id not in self.campaigns:
            raise Missing("There is no such campaign.", reason="CAMPAIGN_MISSING")
        return self.campaigns[campaign_id]

    @rpc
    def GetCampaign(self, request: Any) -> Any:
        return self._campaign(request.campaign_id)

    @rpc
    def ListCampaigns(self, request: Any) -> Any:
        found = [one for one in reversed(self.campaigns.values()) if request.type in (0, one.type)]
        return campaigns_pb2.ListCampaignsResponse(campaigns=found[:50])

    @rpc
    def CancelCampaign(self, request: Any) -> Any:
        campaign = self._campaign(request.campaign_id)
        if campaign.state == RUNNING or campaign.queued:
            campaign.state = campaigns_pb2.CAMPAIGN_STATE_CANCELLED
            campaign.ended_at.FromDatetime(datetime.now(UTC))
        return campaign

"""Campaigns over gRPC: parse, ask, answer."""

import grpc
from dunlin.scheduler.v1 import campaigns_pb2 as pb
from dunlin.scheduler.v1 import campaigns_pb2_grpc

from services.scheduler import converters_campaigns as converters
from services.scheduler.converters import notice_type
from services.scheduler.use_cases import campaigns
from services.scheduler.use_cases.ticking import Ticking


class CampaignsServicer(campaigns_pb2_grpc.CampaignsServiceServicer):
    """Serves `dunlin.scheduler.v1.CampaignsService`."""

    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking
        self._store = ticking.store
        self._clock = ticking.clock

    def CountCampaign(
        self, request: pb.CountCampaignRequest, context: grpc.ServicerContext
    ) -> pb.CampaignCount:
        """Whom a campaign would reach."""
        audience = converters.audience(request.audience)
        found = campaigns.count_campaign(
            audience, request.page_size, request.page_token, ticking=self._ticking
        )
        return converters.to_count(found)

    def StartCampaign(self, request: pb.StartCampaignRequest, context: grpc.ServicerContext) -> pb.Campaign:
        """Begins a campaign."""
        audience = converters.audience(request.audience)
        started = campaigns.start_campaign(
            request.campaign_id, audience, request.started_by, ticking=self._ticking
        )
        return converters.to_campaign(started)

    def GetCampaign(self, request: pb.GetCampaignRequest, context: grpc.ServicerContext) -> pb.Campaign:
        """A campaign as it stands."""
        return converters.to_campaign(campaigns.get_campaign(request.campaign_id, store=self._store))

    def ListCampaigns(
        self, request: pb.ListCampaignsRequest, context: grpc.ServicerContext
    ) -> pb.ListCampaignsResponse:
        """The newest campaigns."""
        found = campaigns.list_campaigns(notice_type(request.type), store=self._store)
        return pb.ListCampaignsResponse(campaigns=[converters.to_campaign(shown) for shown in found])

    def CancelCampaign(self, request: pb.CancelCampaignRequest, context: grpc.ServicerContext) -> pb.Campaign:
        """Ends a campaign."""
        ended = campaigns.cancel_campaign(request.campaign_id, store=self._store, clock=self._clock)
        return converters.to_campaign(ended)

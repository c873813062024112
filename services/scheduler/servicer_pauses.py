"""Pauses over gRPC: parse, ask, answer."""

import grpc
from dunlin.scheduler.v1 import pauses_pb2 as pb
from dunlin.scheduler.v1 import pauses_pb2_grpc

from services.scheduler import converters_pauses as converters
from services.scheduler.use_cases import pauses
from services.scheduler.use_cases.ticking import Ticking


class PausesServicer(pauses_pb2_grpc.PausesServiceServicer):
    """Serves `dunlin.scheduler.v1.PausesService`."""

    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking
        self._store = ticking.store
        self._clock = ticking.clock

    def AddPause(self, request: pb.AddPauseRequest, context: grpc.ServicerContext) -> pb.Pause:
        """Pauses reminders."""
        return converters.to_pause(pauses.add_pause(converters.order(request), ticking=self._ticking))

    def EndPause(self, request: pb.EndPauseRequest, context: grpc.ServicerContext) -> pb.Pause:
        """Ends a pause."""
        ended = pauses.end_pause(request.pause_id, request.ended_by, store=self._store, clock=self._clock)
        return converters.to_pause(ended)

    def ListPauses(
        self, request: pb.ListPausesRequest, context: grpc.ServicerContext
    ) -> pb.ListPausesResponse:
        """A page of pauses."""
        page = pauses.list_pauses(
            converters.view(request.view),
            request.organization_id,
            request.page_size,
            request.page_token,
            store=self._store,
            clock=self._clock,
        )
        return converters.to_pauses(page)

"""Parse, ask, answer: what holds mails back."""

from collections.abc import Callable

import grpc
from dunlin.mailer.v1 import sending_pb2, sending_pb2_grpc

from services.mailer import converters_sending as converters
from services.mailer.ports import Begin
from services.mailer.use_cases import sending, suppressions
from services.shared.clock import Clock


class SendingServicer(sending_pb2_grpc.SendingServiceServicer):
    """`dunlin.mailer.v1.SendingService`; `wake` tells the send workers that more may go."""

    def __init__(self, *, write: Begin, read: Begin, clock: Clock, wake: Callable[[], None]) -> None:
        self._write = write
        self._read = read
        self._clock = clock
        self._wake = wake

    def GetSending(
        self, request: sending_pb2.GetSendingRequest, context: grpc.ServicerContext
    ) -> sending_pb2.Sending:
        """The settings, and how they stand."""
        return converters.sending(sending.get_sending(begin=self._read, clock=self._clock))

    def UpdateSending(
        self, request: sending_pb2.UpdateSendingRequest, context: grpc.ServicerContext
    ) -> sending_pb2.Sending:
        """Replaces the limits."""
        limits = converters.limits(request.sending)
        standing = sending.update_sending(
            limits, write=self._write, read=self._read, clock=self._clock, wake=self._wake
        )
        return converters.sending(standing)

    def SetStopped(
        self, request: sending_pb2.SetStoppedRequest, context: grpc.ServicerContext
    ) -> sending_pb2.Sending:
        """Stops all sending, or goes on with it."""
        standing = sending.set_stopped(
            request.stopped_by,
            stopped=request.stopped,
            write=self._write,
            read=self._read,
            clock=self._clock,
            wake=self._wake,
        )
        return converters.sending(standing)

    def ListSuppressions(
        self, request: sending_pb2.ListSuppressionsRequest, context: grpc.ServicerContext
    ) -> sending_pb2.ListSuppressionsResponse:
        """A page of suppressed addresses."""
        size, token = request.page_size, request.page_token
        page = suppressions.list_suppressions(request.query, size, token, begin=self._read)
        return converters.suppressions(page)

    def Suppress(
        self, request: sending_pb2.SuppressRequest, context: grpc.ServicerContext
    ) -> sending_pb2.Suppression:
        """Suppresses an address."""
        suppressed = suppressions.suppress(
            request.email, request.created_by, begin=self._write, clock=self._clock
        )
        return converters.suppression(suppressed)

    def LiftSuppression(
        self, request: sending_pb2.LiftSuppressionRequest, context: grpc.ServicerContext
    ) -> sending_pb2.Suppression:
        """Gives an address mails again."""
        lifted = suppressions.lift_suppression(
            request.email, request.lifted_by, begin=self._write, clock=self._clock
        )
        return converters.suppression(lifted)

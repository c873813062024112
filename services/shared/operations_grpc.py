"""What an operator asks every service alike, over gRPC."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc


@dataclass(frozen=True)
class Backlog:
    """Work that is committed and not yet done; see `operations.v1.Backlog`."""

    outbox: int
    inbox: int
    queue: int
    activity: int
    parked: int = 0


class OperationsServicer(operations_pb2_grpc.OperationsServiceServicer):
    """Answers from the service's own count."""

    def __init__(self, backlog: Callable[[], Backlog]) -> None:
        self._backlog = backlog

    def GetBacklog(
        self, request: operations_pb2.GetBacklogRequest, context: grpc.ServicerContext
    ) -> operations_pb2.Backlog:
        """The backlog at this moment."""
        backlog = self._backlog()
        return operations_pb2.Backlog(
            outbox=backlog.outbox,
            inbox=backlog.inbox,
            queue=backlog.queue,
            activity=backlog.activity,
            parked=backlog.parked,
        )

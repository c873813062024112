"""What an operator asks every service alike, over gRPC."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc

from services.shared.dead_letters import DeadLetter, DeadLetters
from services.shared.wire import timestamp


@dataclass(frozen=True)
class Backlog:
    """Work that is committed and not yet done; see `operations.v1.Backlog`."""

    outbox: int
    inbox: int
    queue: int
    activity: int
    parked: int = 0


class OperationsServicer(operations_pb2_grpc.OperationsServiceServicer):
    """Answers from the service's own count, and from its inbox if it has one."""

    def __init__(self, backlog: Callable[[], Backlog], dead_letters: DeadLetters | None = None) -> None:
        self._backlog = backlog
        self._dead_letters = dead_letters

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

    def ListDeadLetters(
        self, request: operations_pb2.ListDeadLettersRequest, context: grpc.ServicerContext
    ) -> operations_pb2.ListDeadLettersResponse:
        """A page of facts that are no longer tried."""
        if self._dead_letters is None:
            return operations_pb2.ListDeadLettersResponse()
        page = self._dead_letters.page(request.page_size, request.page_token)
        return operations_pb2.ListDeadLettersResponse(
            dead_letters=[_dead_letter(letter) for letter in page.letters],
            next_page_token=page.next_token,
            total=page.total,
        )

    def RetryDeadLetters(
        self, request: operations_pb2.RetryDeadLettersRequest, context: grpc.ServicerContext
    ) -> operations_pb2.RetryDeadLettersResponse:
        """Has facts tried again."""
        retried = self._dead_letters.retry(request.dead_letter_ids) if self._dead_letters else 0
        return operations_pb2.RetryDeadLettersResponse(retried=retried)

    def DropDeadLetters(
        self, request: operations_pb2.DropDeadLettersRequest, context: grpc.ServicerContext
    ) -> operations_pb2.DropDeadLettersResponse:
        """Gives facts up."""
        dropped = self._dead_letters.drop(request.dead_letter_ids) if self._dead_letters else 0
        return operations_pb2.DropDeadLettersResponse(dropped=dropped)


def _dead_letter(letter: DeadLetter) -> operations_pb2.DeadLetter:
    return operations_pb2.DeadLetter(
        dead_letter_id=letter.inbox_id,
        fact_id=letter.fact_id,
        name=letter.name,
        body=letter.body,
        occurred_at=timestamp(letter.occurred_at),
        received_at=timestamp(letter.received_at),
        parked_at=timestamp(letter.parked_at),
        attempts=letter.attempts,
        error=letter.error,
        request_id=letter.request_id,
    )

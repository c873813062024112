"""What an operator can ask a program, in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dunlin.operations.v1 import operations_pb2

from services.shared.errors import invalid_field
from services.shared.wire import timestamp
from tests.fakes.gateway_rpc import FakeStub, rpc

MOST = 500


class FakeOperations(FakeStub):
    """Tells `backlogs` one after the other, the last one for ever; keeps dead letters."""

    def __init__(self) -> None:
        super().__init__()
        self.backlogs = [operations_pb2.Backlog()]
        self.letters: dict[int, operations_pb2.DeadLetter] = {}
        self.retried: list[int] = []
        self.dropped: list[int] = []

    def park(
        self, name: str, body: str, error: str = "RuntimeError: no", attempts: int = 20
    ) -> operations_pb2.DeadLetter:
        """A dead letter more, parked after those before it."""
        number = len(self.letters) + len(self.retried) + len(self.dropped) + 1
        at = datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(minutes=number)
        self.letters[number] = operations_pb2.DeadLetter(
            dead_letter_id=number,
            fact_id=f"00000000-0000-4000-8000-{number:012}",
            name=name,
            body=body,
            occurred_at=timestamp(at),
            received_at=timestamp(at),
            parked_at=timestamp(at + timedelta(hours=1)),
            attempts=attempts,
            error=error,
            request_id=f"request-{number}",
        )
        return self.letters[number]

    @rpc
    def GetBacklog(self, request: Any) -> Any:
        return self.backlogs.pop(0) if len(self.backlogs) > 1 else self.backlogs[0]

    @rpc
    def ListDeadLetters(self, request: Any) -> Any:
        if request.page_size < 0:
            raise invalid_field("page_size", "PAGE_SIZE_INVALID", "A page has at least one element.")
        if request.page_token and not request.page_token.isdigit():
            raise invalid_field("page_token", "PAGE_TOKEN_INVALID", "This page belongs to another list.")
        before = int(request.page_token or 10**9)
        newest = sorted((number for number in self.letters if number < before), reverse=True)
        size = min(request.page_size or 50, 200)
        return operations_pb2.ListDeadLettersResponse(
            dead_letters=[self.letters[number] for number in newest[:size]],
            next_page_token=str(newest[size - 1]) if len(newest) > size else "",
            total=len(self.letters),
        )

    @rpc
    def RetryDeadLetters(self, request: Any) -> Any:
        taken = self._take(request.dead_letter_ids)
        self.retried += taken
        return operations_pb2.RetryDeadLettersResponse(retried=len(taken))

    @rpc
    def DropDeadLetters(self, request: Any) -> Any:
        taken = self._take(request.dead_letter_ids)
        self.dropped += taken
        return operations_pb2.DropDeadLettersResponse(dropped=len(taken))

    def _take(self, ids: Any) -> list[int]:
        if len(ids) > MOST:
            raise invalid_field(
                "dead_letter_ids", "TOO_MANY_DEAD_LETTERS", "At most 500 dead letters go at once."
            )
        return [number for number in dict.fromkeys(ids) if self.letters.pop(number, None) is not None]

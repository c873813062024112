"""Facts over gRPC: the subscriber's inbox as a service, and as its callers see it."""

from collections.abc import Sequence

import grpc
from dunlin.events.v1 import events_pb2, events_pb2_grpc

from services.shared.errors import Invalid
from services.shared.facts import StoredFact
from services.shared.facts_wire import MOST_FACTS, from_wire, to_wire
from services.shared.inbox import Inbox

DELIVERY_SECONDS = 10.0
QUESTION_SECONDS = 10.0


class GrpcSubscriber:
    """The inbox of another service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = events_pb2_grpc.InboxServiceStub(channel)

    def deliver(self, facts: list[StoredFact]) -> None:
        """Returns once the facts are durable there; raises `grpc.RpcError` if they may not be."""
        request = events_pb2.DeliverFactsRequest(facts=[to_wire(fact) for fact in facts])
        self._stub.DeliverFacts(request, timeout=DELIVERY_SECONDS)

    def missing(self, fact_ids: Sequence[str]) -> set[str]:
        """Those of at most 500 ids that are not in its inbox; raises `grpc.RpcError` if it does not say."""
        request = events_pb2.FindMissingFactsRequest(fact_ids=fact_ids)
        return set(self._stub.FindMissingFacts(request, timeout=QUESTION_SECONDS).missing_fact_ids)


class InboxServicer(events_pb2_grpc.InboxServiceServicer):
    """Serves an inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def DeliverFacts(
        self, request: events_pb2.DeliverFactsRequest, context: grpc.ServicerContext
    ) -> events_pb2.DeliverFactsResponse:
        """Takes a batch in."""
        facts = from_wire(request.facts)
        accepted = self._inbox.take_in(facts)
        return events_pb2.DeliverFactsResponse(accepted=accepted, repeated_facts=len(facts) - accepted)

    def FindMissingFacts(
        self, request: events_pb2.FindMissingFactsRequest, context: grpc.ServicerContext
    ) -> events_pb2.FindMissingFactsResponse:
        """Compares with the inbox."""
        missing = self._inbox.missing(_few(request.fact_ids))
        return events_pb2.FindMissingFactsResponse(missing_fact_ids=missing)


def _few(fact_ids: Sequence[str]) -> Sequence[str]:
    if len(fact_ids) > MOST_FACTS:
        raise Invalid(f"Ask for at most {MOST_FACTS} facts at once.", reason="TOO_MANY_FACTS")
    return fact_ids

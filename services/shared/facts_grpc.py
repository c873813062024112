"""Facts over gRPC, for the embedded way of running: the relay calls the subscriber's inbox itself."""

from collections.abc import Sequence
from typing import Any

import grpc
from dunlin.events.v1 import events_pb2, events_pb2_grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from services.shared.errors import Invalid
from services.shared.facts import StoredFact
from services.shared.inbox import Inbox
from services.shared.wire import instant, timestamp

DELIVERY_SECONDS = 10.0

MOST_FACTS = 500
"""A batch may hold no more."""


class GrpcSubscriber:
    """The inbox of another service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = events_pb2_grpc.InboxServiceStub(channel)

    def deliver(self, facts: list[StoredFact]) -> None:
        """Returns once the facts are durable there; raises `grpc.RpcError` if they may not be."""
        request = events_pb2.DeliverFactsRequest(facts=[to_wire(fact) for fact in facts])
        self._stub.DeliverFacts(request, timeout=DELIVERY_SECONDS)


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


def to_wire(fact: StoredFact) -> events_pb2.Fact:
    """The fact as a message."""
    message = events_pb2.Fact(
        fact_id=fact.fact_id, occurred_at=timestamp(fact.occurred_at), request_id=fact.request_id
    )
    ParseDict({fact.name: fact.body}, message)
    return message


def from_wire(facts: Sequence[events_pb2.Fact]) -> list[StoredFact]:
    """The messages as facts.

    `Invalid`: FACT_MALFORMED if one has no id or is of an unknown kind, TOO_MANY_FACTS above 500.
    """
    if len(facts) > MOST_FACTS:
        raise Invalid(f"Deliver at most {MOST_FACTS} facts at once.", reason="TOO_MANY_FACTS")
    result = []
    for message in facts:
        name = message.WhichOneof("kind")
        if not message.fact_id or name is None:
            raise Invalid("A fact needs an id and a known kind.", reason="FACT_MALFORMED")
        body = plain(getattr(message, name))
        result.append(
            StoredFact(message.fact_id, name, body, instant(message.occurred_at), message.request_id)
        )
    return result


def plain(message: Message) -> dict[str, Any]:
    """A message as plain values, every field present, 64-bit numbers as int (proto JSON has text)."""
    body = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return _whole_numbers(message, body)


def _whole_numbers(message: Message, body: dict[str, Any]) -> dict[str, Any]:
    for field in message.DESCRIPTOR.fields:
        if field.name not in body:
            continue
        if field.message_type is not None:
            body[field.name] = _whole_numbers(getattr(message, field.name), body[field.name])
        elif field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
            body[field.name] = int(body[field.name])
    return body

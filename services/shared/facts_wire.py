"""Facts as messages of the contract: as protobuf, and as the JSON that travels over the broker."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dunlin.events.v1 import events_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from services.shared.errors import Invalid
from services.shared.facts import StoredFact, UnreadableFact
from services.shared.wire import instant, timestamp

MOST_FACTS = 500
"""A batch may hold no more."""

LONGEST_ID = 36
LONGEST_REQUEST_ID = 64

LONGEST_UNREADABLE = 1_000_000
"""Of what cannot be read, so many characters are kept."""

_MADE_UP = uuid.UUID("6f0ab7d2-6c1c-4d2e-9a55-0d1f6a3c9b10")
"""The name space of ids for texts that carry none."""


@dataclass(frozen=True)
class Reading:
    """What a body said."""

    facts: list[StoredFact]
    unreadable: list[UnreadableFact]


def to_wire(fact: StoredFact) -> events_pb2.Fact:
    """The fact as a message."""
    message = events_pb2.Fact(
        fact_id=fact.fact_id, occurred_at=timestamp(fact.occurred_at), request_id=fact.request_id
    )
    ParseDict({fact.name: fact.body}, message)
    return message


def from_wire(facts: Sequence[events_pb2.Fact]) -> list[StoredFact]:
    """The messages as facts.

    `Invalid`: FACT_MALFORMED if one has no sound id or is of an unknown kind, TOO_MANY_FACTS above 500.
    """
    if len(facts) > MOST_FACTS:
        raise Invalid(f"Deliver at most {MOST_FACTS} facts at once.", reason="TOO_MANY_FACTS")
    return [_stored(message) for message in facts]


def to_json(facts: Sequence[StoredFact]) -> bytes:
    """A batch as the body of a message: a DeliverFactsRequest in ProtoJSON with the proto's field names."""
    batch = [
        {
            "fact_id": fact.fact_id,
            "occurred_at": fact.occurred_at.isoformat().replace("+00:00", "Z"),
            "request_id": fact.request_id,
            fact.name: fact.body,
        }
        for fact in facts
    ]
    return json.dumps({"facts": batch}, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(body: bytes) -> Reading:
    """What the body of a message says. It never fails: what cannot be read is part of the answer."""
    reading = Reading([], [])
    try:
        batch = json.loads(body.decode())["facts"]
        if not isinstance(batch, list):
            raise TypeError("facts is no list")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = f"The body is no batch of facts: {type(error).__name__}: {error}"
        reading.unreadable.append(_unreadable(_text(body), why))
        return reading
    for fact in batch:
        try:
            reading.facts.append(_stored(ParseDict(fact, events_pb2.Fact(), ignore_unknown_fields=True)))
        except Exception as error:
            # The parser meets odd values in odd ways; one fact must never keep the others from coming in.
            reading.unreadable.append(_unreadable_fact(fact, f"{type(error).__name__}: {error}", body))
    return reading


def refused(fact: StoredFact, error: str) -> UnreadableFact:
    """A fact that could be read and yet not be stored."""
    body = to_json([fact])
    return _unreadable_fact(json.loads(body)["facts"][0], error, body)


def plain(message: Message) -> dict[str, Any]:
    """A message as plain values, every field present, 64-bit numbers as int (proto JSON has text)."""
    body = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return _whole_numbers(message, body)


def _whole_numbers(message: Message, body: dict[str, Any]) -> dict[str, Any]:
    for field in message.DESCRIPTOR.fields:
        if field.name not in body:
            continue
        value, plain_value = getattr(message, field.name), body[field.name]
        if field.message_type is not None:
            if field.is_repeated:
                pairs = zip(value, plain_value, strict=True)
                body[field.name] = [_whole_numbers(one, plain_one) for one, plain_one in pairs]
            else:
                body[field.name] = _whole_numbers(value, plain_value)
        elif field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
            body[field.name] = list(value) if field.is_repeated else value
    return body


def _stored(message: events_pb2.Fact) -> StoredFact:
    name = message.WhichOneof("kind")
    if not _is_id(message.fact_id, LONGEST_ID) or name is None:
        raise Invalid("A fact needs an id and a known kind.", reason="FACT_MALFORMED")
    if message.request_id and not _is_id(message.request_id, LONGEST_REQUEST_ID):
        raise Invalid("The request id of a fact is malformed.", reason="FACT_MALFORMED")
    body = plain(getattr(message, name))
    return StoredFact(message.fact_id, name, body, instant(message.occurred_at), message.request_id)


def _is_id(text: object, longest: int) -> bool:
    return isinstance(text, str) and 0 < len(text) <= longest and text.isprintable()


def _unreadable_fact(fact: object, error: str, body: bytes) -> UnreadableFact:
    """Kept as a batch of one, so that it can be read again in the same way; else as the body it came in."""
    try:
        text = json.dumps({"facts": [fact]}, ensure_ascii=False)
    except (RecursionError, ValueError):
        text = _text(body)
    fields = fact if isinstance(fact, dict) else {}
    fact_id, request_id = fields.get("fact_id"), fields.get("request_id")
    known = request_id if _is_id(request_id, LONGEST_REQUEST_ID) else ""
    return _unreadable(text, error, fact_id if _is_id(fact_id, LONGEST_ID) else None, known or "")


def _unreadable(text: str, error: str, fact_id: str | None = None, request_id: str = "") -> UnreadableFact:
    storable = _storable(text)[:LONGEST_UNREADABLE]
    made_up = str(uuid.uuid5(_MADE_UP, storable))
    return UnreadableFact(fact_id or made_up, storable, _storable(error)[:2000], request_id)


def _storable(text: str) -> str:
    return _text(text.encode("utf-8", "backslashreplace"))


def _text(body: bytes) -> str:
    """What can be made out of bytes, storable in any database."""
    return body.decode("utf-8", "backslashreplace").replace("\0", "\\x00")

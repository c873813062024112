"""Refusals: what a use case answers when it will not do what it was asked.

    Refusal
    ├── Invalid      the request itself is wrong        INVALID_ARGUMENT     400
    ├── Missing      what it names does not exist       NOT_FOUND            404
    ├── Conflict     it contradicts what is there       ALREADY_EXISTS       409
    ├── WrongState   not now, the state forbids it      FAILED_PRECONDITION  409
    └── Busy         try again                          UNAVAILABLE          503

A refusal is named beside the rule that it comes from, by a subclass with a stable ``reason``:

    class RuleExists(Conflict):
        reason = "RULE_EXISTS"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """What is wrong with one field: its name on the wire, a stable code, and words with the cure."""

    field: str
    reason: str
    description: str


class Refusal(Exception):
    """Base of all refusals; `message` may be shown to whoever asked."""

    reason = "REFUSED"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).reason
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})


class Invalid(Refusal):
    """The request is wrong in itself; sending it again will not help."""

    reason = "INVALID"


class Missing(Refusal):
    """The request names something that does not exist."""

    reason = "MISSING"


class Conflict(Refusal):
    """The request contradicts something that exists."""

    reason = "CONFLICT"


class WrongState(Refusal):
    """The request is right, but not in the state that things are in."""

    reason = "WRONG_STATE"


class Busy(Refusal):
    """Something that is needed is away or taken; the same request may succeed later."""

    reason = "BUSY"


def invalid_field(field: str, reason: str, description: str) -> Invalid:
    """An `Invalid` about a single field."""
    return Invalid(description, reason=reason, violations=[Violation(field, reason, description)])

"""Calls that are repeated while a program is down: what any careful caller does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import grpc

from tests.e2e.company import pause

Answer = TypeVar("Answer")

# What a killed program looks like from outside. A refusal is never in this list: it is an answer.
CUT_SHORT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}


class GaveUp(AssertionError):
    """The programs did not come back in time."""


def insist(call: Callable[[], Answer], *, seconds: float = 60.0) -> Answer:
    """Repeats the call until it is answered. Refusals are raised at once, GaveUp after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in CUT_SHORT:
                raise
            if time.monotonic() > until:
                last = f"{error.code()} {error.details()}"
                raise GaveUp(f"no answer within {seconds:g} s; the last one was {last}") from error
        pause(0.05)

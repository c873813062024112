"""Calls that are repeated while a program is down: what any careful caller does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import grpc

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
                raise GaveUp(f"no answer within {seconds:g} s; the last one was {error.code()}") from error
        pause(0.05)


def wait_until(true: Callable[[], bool], *, what: str, seconds: float = 60.0) -> None:
    """Waits for a condition; AssertionError names it when it does not come true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what} did not happen within {seconds:g} s"
        pause(0.02)


def pause(seconds: float) -> None:
    """Lets others work between two looks at a condition."""
    threading.Event().wait(seconds)

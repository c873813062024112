"""`dunlin drain`: waits until no work is left."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click
import grpc
from dunlin.operations.v1 import operations_pb2

from gateway.cli.company import PROGRAMS, Company, open_company
from gateway.cli.exits import Exit
from gateway.cli.output import json_option, print_json, progress_bar, remark, say

_PAUSE_SECONDS = 0.1
_QUEUES = ("outbox", "inbox", "queue")


@dataclass(frozen=True)
class Standing:
    """What all programs have before them at one moment."""

    backlogs: Mapping[str, operations_pb2.Backlog | None]
    """By program; None while it does not answer."""

    @property
    def left(self) -> int | None:
        """How much is left in all; None if a program did not say."""
        total = 0
        for backlog in self.backlogs.values():
            if backlog is None:
                return None
            total += backlog.outbox + backlog.inbox + backlog.queue
        return total

    @property
    def parked(self) -> int:
        """How many facts wait for a person to look at them."""
        return sum(backlog.parked for backlog in self.backlogs.values() if backlog is not None)

    def in_words(self) -> str:
        parts = []
        for program, backlog in self.backlogs.items():
            if backlog is None:
                parts.append(f"{program} does not answer")
                continue
            counts = [(queue, getattr(backlog, queue)) for queue in _QUEUES]
            parts += [f"{count} in the {queue} of {program}" for queue, count in counts if count]
        return ", ".join(parts) or "work that is moving between programs"


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Give up after S seconds.",
)
@json_option
def drain(timeout: float, *, as_json: bool) -> int:
    """Wait until outboxes, inboxes and mail queues are empty.

    Ends with exit code 1 if something is left at the end, or could not be done, and says what.
    """
    company = open_company()
    with progress_bar("Left to do") as progress:
        drained, last = wait_until_idle(lambda: standing(company), timeout, progress)
    if as_json:
        backlogs = {
            program: {queue: getattr(backlog, queue) for queue in (*_QUEUES, "parked")}
            if backlog is not None
            else None
            for program, backlog in last.backlogs.items()
        }
        print_json({"drained": drained, **backlogs})
    elif drained:
        say("No work is left.")
    if not drained:
        remark(f"After {timeout:g} seconds there is still left: {last.in_words()}.")
    if last.parked:
        remark(f"{last.parked} facts could not be handled; `dunlin dead-letters list` says which and why.")
    return Exit.DONE if drained and not last.parked else Exit.LEFT_OVER


def wait_until_idle(
    look: Callable[[], Standing], timeout: float, progress: Callable[[int, int], None]
) -> tuple[bool, Standing]:
    """Whether everything came to rest in time, and how things stood at the last look.

    Rest is two looks in a row with nothing left and no work done in between: with a single look,
    work on its way from one program to the next could hide from both.
    """
    deadline = time.monotonic() + timeout
    before: Standing | None = None
    most = 0
    while True:
        now = look()
        if now.left == 0 and before is not None and before.left == 0 and _same_activity(before, now):
            return True, now
        if time.monotonic() > deadline:
            return False, now
        if now.left is not None:
            most = max(most, now.left)
            progress(most - now.left, most)
        before = now
        time.sleep(_PAUSE_SECONDS)


def _same_activity(before: Standing, now: Standing) -> bool:
    return {name: backlog.activity for name, backlog in before.backlogs.items() if backlog is not None} == {
        name: backlog.activity for name, backlog in now.backlogs.items() if backlog is not None
    }


def standing(company: Company) -> Standing:
    """One look at all programs."""
    return Standing({program: _backlog(company, program) for program in PROGRAMS})


def _backlog(company: Company, program: str) -> operations_pb2.Backlog | None:
    try:
        return company.operations[program].GetBacklog(operations_pb2.GetBacklogRequest(), timeout=5)
    except grpc.RpcError as error:
        # A program that is starting again answers soon; anything else is an error to show.
        if isinstance(error, grpc.Call) and error.code() in {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        }:
            return None
        raise

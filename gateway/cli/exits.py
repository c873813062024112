"""Exit codes, and which one an error means."""

import traceback
from dataclasses import dataclass
from enum import IntEnum

from services.shared.errors import Busy, Refusal
from services.shared.settings import SettingError


class Exit(IntEnum):
    """What scripts may rely on; docs/cli.md explains them."""

    DONE = 0
    LEFT_OVER = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    INTERNAL = 5
    INTERRUPTED = 130


class NotRunning(Exception):
    """There is nobody to ask."""


class Broken(Exception):
    """Something that ought to work does not; the message says where to look."""


@dataclass(frozen=True)
class Failure:
    """What to tell, a line each, and the exit code."""

    code: Exit
    lines: list[str]


def failure_of(error: Exception) -> Failure:
    """The failure that an exception means; one that nobody foresaw shows its traceback."""
    if isinstance(error, Refusal):
        return _refused(error)
    if isinstance(error, NotRunning):
        return Failure(Exit.UNREACHABLE, [f"Error: {error}"])
    if isinstance(error, SettingError):
        return Failure(Exit.USAGE, [f"Error: {error}"])
    if isinstance(error, Broken):
        return Failure(Exit.INTERNAL, [f"Error: {error}"])
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(Exit.REFUSED, [f"Error: {error.filename}: {error.strerror}"])
    return _of_call(error) or Failure(Exit.INTERNAL, traceback.format_exception(error))


def _of_call(error: Exception) -> Failure | None:
    # Loaded here: a command that called nobody has not paid for grpc.
    import grpc

    from services.shared.grpc_errors import refusal_of

    if not isinstance(error, grpc.RpcError):
        return None
    refusal = refusal_of(error)
    if refusal is not None:
        return _refused(refusal)
    said = f"{error.code().name}: {error.details()}" if isinstance(error, grpc.Call) else str(error)
    return Failure(Exit.INTERNAL, [f"Error: a program of Dunlin failed ({said}); its log says more."])


def _refused(refusal: Refusal) -> Failure:
    if isinstance(refusal, Busy):
        if refusal.reason.startswith("RPC_"):
            text = f"a program of Dunlin cannot be reached ({refusal.message}); try again in a moment."
            return Failure(Exit.UNREACHABLE, [f"Error: {text}"])
        return Failure(Exit.UNREACHABLE, [f"Error: {refusal.message} ({refusal.reason})"])
    lines = [f"Error: {refusal.message} ({refusal.reason})"]
    # A single violation says what the message says already.
    if len(refusal.violations) > 1 or (
        refusal.violations and refusal.violations[0].description not in lines[0]
    ):
        lines += [f"  {wrong.field}: {wrong.description} ({wrong.reason})" for wrong in refusal.violations]
    return Failure(Exit.REFUSED, lines)

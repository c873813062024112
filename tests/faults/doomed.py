"""Runs a program that dies by kill -9 at exact points of its work:

    python -m tests.faults.doomed TALLY NAME QUOTA CHANCE MODULE ARGUMENT...

The points are before and after every COMMIT that has written something, every mail handed to the SMTP server,
every question to the payment provider, every call to another program, every message published and
acknowledged. The program itself is the real one: only the libraries below it are wrapped, here and nowhere
else; test_doomed.py compares the two. A point is named by what it does ("commit INSERT notices").

Each program dies QUOTA times at each point, then the point is passed unharmed, so that it gets on. Where a
death is still owed, CHANCE is how likely it is the first time, twice that the second time and so on, so that
deaths spread over the time of the test and come where the program seldom goes, too. TALLY is
a directory in which each death leaves a file, written before the kill: `deaths` counts them, and `passed` how
often each point was come by with a death still owed.
"""

from __future__ import annotations

import math
import os
import random
import re
import runpy
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

_WRITES = re.compile(
    r"(?<!FOR )(?<!KEY )(?<!DO )\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+(?:ONLY\s+)?\"?(\w+)"
    r"|^\s*(COPY)\s+\"?(\w+)"
)

LISTENER = "services.scheduler.events"


class Doom:
    """Decides at each point whether the program dies there."""

    def __init__(self, tally: Path, program: str, quota: int, chance: float) -> None:
        self._tally = tally
        self._program = program
        self._quota = quota
        self._chance = chance
        self._paid: set[str] = set()
        self._rng = random.Random()
        (tally / "passed").mkdir(exist_ok=True)

    def at(self, point: str) -> None:
        """Dies here, or not."""
        if point in self._paid:
            return
        for number in range(self._quota):
            name = f"{self._program}~{point.replace('/', '|')[:180]}~{number}"
            if (self._tally / name).exists():
                continue
            if self._rng.random() < self._chance * self._times_passed(name):
                with suppress(FileExistsError):
                    os.close(os.open(self._tally / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                    os.kill(os.getpid(), signal.SIGKILL)
            return
        self._paid.add(point)

    def around(self, point: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a point before it, and one after it has succeeded."""

        @wraps(work)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.at(f"before {point}")
            result = work(*args, **kwargs)
            self.at(f"after {point}")
            return result

        return wrapped

    def _times_passed(self, name: str) -> int:
        """How often this death was near, this time included, whichever process of the program it was."""
        with (self._tally / "passed" / name).open("ab") as passes:
            passes.write(b".")
            return passes.tell()


def deaths(tally: Path) -> Counter[tuple[str, str]]:
    """How often each program has died at each point: (program, point) -> times."""
    found: Counter[tuple[str, str]] = Counter()
    for file in tally.glob("*~*"):
        program, point, _number = file.name.split("~")
        found[program, point] += 1
    return found


def passed(tally: Path) -> Counter[tuple[str, str]]:
    """How often each program came by each point with a death still owed there: (program, point) -> times."""
    found: Counter[tuple[str, str]] = Counter()
    for file in (tally / "passed").glob("*~*"):
        program, point, _number = file.name.split("~")
        found[program, point] += file.stat().st_size
    return found


def survived(tally: Path, chance: float) -> list[str]:
    """Points that a program came by so often that it must have died there, and did not.

    Often is as often as makes a death certain, since it grows likelier by `chance` each time.
    """
    dead, sure = deaths(tally), math.ceil(1 / chance)
    return [
        f"{program} came by {times} times: {point}"
        for (program, point), times in sorted(passed(tally).items())
        if times >= sure and not dead[program, point]
    ]


def writes(statement: str) -> list[str]:
    """What a statement writes, such as "UPDATE notices", also within a WITH; no locks, no ON CONFLICT."""
    return [
        f"{match[1] or match[3]} {match[2] or match[4]}".replace(" INTO", "").replace(" FROM", "")
        for match in _WRITES.finditer(statement)
    ]


def prepare(doom: Doom, module: str, words: list[str]) -> Callable[[], object]:
    """Lays the points around the libraries of the program; what is returned runs it."""
    if module == LISTENER:
        # It is loaded before anything is wrapped: what it makes green, and how it has psycopg wait, it
        # settles before it loads a library. And grpc must never be loaded beside it.
        listener = import_module(module)
        _commits(doom)
        _messages(doom)
        return lambda: os._exit(listener.main(os.environ))
    _commits(doom)
    _calls(doom)
    _messages(doom)
    if module == "services.mailer":
        _mails(doom)
    if module == "services.paynow":
        _charges(doom)
    sys.argv = [module, *words]
    return lambda: runpy.run_module(module, run_name="__main__", alter_sys=True)


def _commits(doom: Doom) -> None:
    import psycopg
    from sqlalchemy import Engine, event
    from sqlalchemy.engine.default import DefaultDialect

    class Commits(threading.local):
        def __init__(self) -> None:
            self.written: list[str] = []

    commits = Commits()

    def written(statement: str) -> None:
        for words in writes(statement):
            if words not in commits.written:
                commits.written.append(words)

    @event.listens_for(Engine, "begin")
    def begin(_connection: Any) -> None:
        commits.written = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        written(statement)

    copy = psycopg.Cursor.copy

    def noted_copy(self: Any, statement: Any, *args: Any, **options: Any) -> Any:
        written(str(statement))
        return copy(self, statement, *args, **options)

    psycopg.Cursor.copy = noted_copy  # type: ignore[method-assign]
    commit = DefaultDialect.do_commit

    def do_commit(self: Any, connection: Any) -> None:
        work, commits.written = commits.written, []
        if not work:
            return commit(self, connection)
        return doom.around(f"commit {', '.join(work)}", commit)(self, connection)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _calls(doom: Doom) -> None:
    import grpc

    from services.shared import grpc_channel

    class Points(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
        def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            method = str(client_call_details.method).rpartition("/")[2]
            doom.at(f"before call {method}")
            call = continuation(client_call_details, request)
            if call.exception() is None:
                doom.at(f"after call {method}")
            return call

    open_channel = grpc_channel.open_channel

    @wraps(open_channel)
    def doomed_channel(*args: Any, **kwargs: Any) -> grpc.Channel:
        return grpc.intercept_channel(open_channel(*args, **kwargs), Points())

    grpc_channel.open_channel = doomed_channel


def _messages(doom: Doom) -> None:
    import amqp

    for name in ("basic_publish", "basic_publish_confirm", "basic_ack"):
        words = name.replace("basic_", "").replace("_", " ")
        setattr(amqp.Channel, name, doom.around(f"AMQP {words}", getattr(amqp.Channel, name)))


def _mails(doom: Doom) -> None:
    from services.mailer.smtp import SmtpTransport

    SmtpTransport.send = doom.around("mail", SmtpTransport.send)  # type: ignore[method-assign]


def _charges(doom: Doom) -> None:
    from services.paynow.provider_sandbox import SandboxProvider

    for name in ("charge", "find", "close"):
        setattr(SandboxProvider, name, doom.around(f"provider {name}", getattr(SandboxProvider, name)))


def main(arguments: list[str]) -> None:
    """Runs the module as its program."""
    tally, program, quota, chance, module, *words = arguments
    prepare(Doom(Path(tally), program, int(quota), float(chance)), module, words)()


if __name__ == "__main__":
    main(sys.argv[1:])

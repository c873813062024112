"""A whole company of its own for a test: every program, started and stopped as users do it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import grpc

from embedded.home import Home
from embedded.ports import free_ports
from gateway.clients import Clients, over
from services.shared.grpc_channel import open_channel

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = ("mail-sink", "paynow", "mailer", "scheduler", "gateway")
START_SECONDS = 90
STOP_SECONDS = 15


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its JSON, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> dict[str, Any]:
        """Its JSON, which must be one line."""
        [value] = self.lines
        return value


class Company:
    """One running company. Made by `running_company`."""

    def __init__(self, root: Path, port: int, env: dict[str, str]) -> None:
        self.home = Home(root)
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.env = env
        self.said = root.with_name(f"{root.name}.up.log")
        self._up: subprocess.Popen[bytes] | None = None
        self._channels: list[grpc.Channel] = []

    # Starting and stopping

    def start(self, *options: str) -> None:
        """Starts `dunlin up` and returns once it is ready; an AssertionError shows why it is not."""
        with self.said.open("ab") as out:
            begin = out.tell()
            self._up = subprocess.Popen(
                self._command("up", *options),
                env=self.env,
                cwd=self.home.root.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while b"Dunlin is ready" not in self.said.read_bytes()[begin:]:
            assert self._up.poll() is None, f"dunlin up ended:\n{self._story()}"
            assert time.monotonic() < deadline, f"not ready in {START_SECONDS} s:\n{self._story()}"
            pause(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stops everything as Ctrl-C does; returns the exit code. No process may be left."""
        assert self._up is not None
        for channel in self._channels:
            channel.close()
        self._channels.clear()
        self.__dict__.pop("clients", None)
        self._up.send_signal(number)
        try:
            code = self._up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._up.kill()
            raise AssertionError(f"did not stop in {STOP_SECONDS} s:\n{self._story()}") from None
        finally:
            self._up = None
        left = self.processes()
        assert left == [], f"processes are left: {left}"
        return code

    @property
    def supervisor_pid(self) -> int:
        assert self._up is not None
        return self._up.pid

    def kill_supervisor(self) -> None:
        """kill -9 for `dunlin up` itself."""
        assert self._up is not None
        self._up.kill()
        self._up.wait()
        self._up = None

    def processes(self) -> list[int]:
        """Every process that works for this home, `dunlin` commands included."""
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        try:
            return f"DUNLIN_HOME={self.home.root}".encode() in path.read_bytes().split(b"\0")
        except OSError:
            return False

    # Programs

    def pid(self, program: str) -> int:
        """The process id of one of PROGRAMS; FileNotFoundError while it waits for its restart."""
        return int(self.home.pid_file(program).read_text(encoding="ascii"))

    def kill(self, program: str) -> bool:
        """kill -9 for one program, which its supervisor starts again; says whether it was alive."""
        try:
            os.kill(self.pid(program), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return False
        return True

    # Asking

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> Result:
        """Runs `dunlin` with the arguments to its end, whatever its exit code."""
        done = subprocess.run(
            self._command(*arguments),
            env=self.env,
            cwd=self.home.root.parent,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str, stdin: str | None = None) -> Result:
        """The same for a command that has to succeed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.code == 0, (
            f"dunlin {' '.join(arguments)} ended with {result.code}: {result.err}{result.out}"
        )
        return result

    def drain(self, seconds: float = 60) -> None:
        """Waits until no work is left in any program."""
        self.must("drain", "--timeout", str(seconds))

    @cached_property
    def clients(self) -> Clients:
        """Stubs for all services, as the gateway has them."""
        addresses = self.home.addresses()
        assert addresses is not None, "not running"
        token = self.home.secret("service-token").read_text(encoding="utf-8").strip()
        channels = {name: open_channel(addresses[name], token) for name in ("scheduler", "mailer", "paynow")}
        self._channels += channels.values()
        return over(channels)

    def mails(self) -> list[EmailMessage]:
        """Every mail in the sink, in the order of arrival."""
        paths = [*self.home.mail.glob("new/*"), *self.home.mail.glob("cur/*")]
        return [
            cast(EmailMessage, message_from_bytes(path.read_bytes(), policy=policy.default))
            for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)
        ]

    @property
    def login(self) -> tuple[str, str]:
        """The first login: address and password."""
        email, password = self.home.first_login.read_text(encoding="utf-8").splitlines()[:2]
        return email, password

    # Within

    @staticmethod
    def _command(*arguments: str) -> Sequence[str]:
        return [sys.executable, "-m", "gateway.cli", *arguments]

    def _story(self) -> str:
        """What `dunlin up` said, and the last words of each program."""
        parts = [self.said.read_text(encoding="utf-8", errors="replace")]
        for log in sorted(self.home.logs.glob("*.log")):
            last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            parts.append("\n".join([f"--- {log.name}", *last]))
        return "\n".join(parts)


@contextmanager
def running_company(root: Path, *options: str, **settings: str) -> Iterator[Company]:
    """A company in the directory `root`, ready; `settings` are further DUNLIN_ variables.

    Stops it at the end and checks that it ended well and left no process behind.
    """
    company = prepared_company(root, **settings)
    try:
        company.start(*options)
        yield company
        code = company.stop()
        assert code == 0, f"dunlin up ended with {code}"
    finally:
        # After a failure, or a test that killed the supervisor: nothing may outlive a test.
        for pid in company.processes():
            _kill(pid)


def prepared_company(root: Path, **settings: str) -> Company:
    """The same before its start, for tests of starting and stopping."""
    root = root.absolute()
    root.parent.mkdir(parents=True, exist_ok=True)
    port = free_ports(["site"])["site"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUNLIN_")}
    paths = [str(REPOSITORY), str(REPOSITORY / "protos" / "gen"), inherited.get("PYTHONPATH", "")]
    env = {
        **inherited,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "DUNLIN_HOME": str(root),
        "DUNLIN_PORT": str(port),
        **settings,
    }
    return Company(root, port, env)


def pause(seconds: float) -> None:
    """Lets others work between two looks at a condition."""
    threading.Event().wait(seconds)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

"""A stack of containers of its own for the tests, used from outside: `make`, `docker compose`, HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from tests.e2e.company import REPOSITORY, Result
from tests.servers import TEST_RUN, free_port

OURS = (
    "scheduler-serve", "scheduler-work", "scheduler-events",
    "mailer-serve", "mailer-work", "mailer-relay",
    "paynow-serve", "paynow-work", "paynow-relay",
    "gateway", "mail-sink", "migrate",
)  # fmt: skip
"""The services whose containers run our image."""

UP_SECONDS = 900
"""For a build from nothing and a start of everything on a busy machine."""


class Stack:
    """One stack under a project name, a port and an image tag of its own, with empty volumes."""

    def __init__(self, secrets: Path) -> None:
        self.secrets = secrets
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.project = f"dunlin-{TEST_RUN}"
        self.image = f"dunlin:{TEST_RUN}"
        self._env = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_ANSI": "never",
            "COMPOSE_ENV_FILES": os.devnull,
            "DUNLIN_PORT": str(self.port),
            "DUNLIN_SECRETS": str(secrets),
            "DUNLIN_TAG": TEST_RUN,
        }
        self.said = ""

    def up(self) -> None:
        """`make up`, as a user types it; its output is shown line by line, and kept."""
        with subprocess.Popen(
            ["make", "--no-print-directory", "up"],
            cwd=REPOSITORY,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                tell(line.rstrip())
        self.said = "".join(lines)
        assert process.returncode == 0, f"make up failed:\n{self.logs()}"

    def down(self) -> None:
        """Takes everything away: containers, volumes, networks, the image's tag."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        docker("image", "rm", self.image)

    @property
    def login(self) -> tuple[str, str]:
        """Address and password, as `make up` printed them."""
        return self._shown("Sign in with"), self._shown("Password")

    def _shown(self, what: str) -> str:
        (found,) = re.findall(rf"^{what}: +(\S+)$", self.said, re.MULTILINE)
        return cast(str, found)

    def compose(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> Result:
        """Runs `docker compose` to its end, whatever its exit code."""
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=REPOSITORY,
            env=self._env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def execute(self, service: str, *command: str, index: int = 1) -> Result:
        """Runs a command in a container of the service."""
        return self.compose("exec", "-T", "--index", str(index), service, *command)

    def dunlin(self, *arguments: str, stdin: str | None = None) -> Result:
        """Runs `dunlin` in the gateway's container, as README tells to; it has to succeed."""
        result = self.compose("exec", "-T", "gateway", "dunlin", *arguments, stdin=stdin)
        assert result.code == 0, f"dunlin {' '.join(arguments)} ended with {result.code}: {result.err}"
        return result

    def drain(self) -> None:
        """Waits until no work is left in any program."""
        self.dunlin("drain", "--timeout", "120")

    def mails(self) -> list[bytes]:
        """Every mail in the sink, in the order of arrival."""
        command = ["docker", "compose", "exec", "-T", "mail-sink", "tar", "-C", "/mail/new", "-c", "."]
        packed = subprocess.run(command, cwd=REPOSITORY, env=self._env, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            members = sorted((member for member in files if member.isfile()), key=lambda one: one.name)
            return [files.extractfile(member).read() for member in members]  # type: ignore[union-attr]

    def count_mails(self) -> int:
        """How many mails are in the sink."""
        return len(self.execute("mail-sink", "ls", "/mail/new").out.split())

    def containers(self, *services: str) -> dict[str, dict[str, Any]]:
        """What the engine says of the containers of these services, or of all; by name."""
        ids = self.compose("ps", "--all", "--quiet", *services).out.split()
        found = json.loads(docker("inspect", *ids).out)
        return {one["Name"].removeprefix(f"/{self.project}-"): one for one in found}

    def logs(self) -> str:
        """What every container said last."""
        return self.compose("ps", "--all").out + self.compose("logs", "--no-color", "--tail", "20").out


def docker(*arguments: str) -> Result:
    """Runs `docker` to its end, whatever its exit code."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def read_mail(raw: bytes) -> EmailMessage:
    """A mail as its reader sees it."""
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


def image_contains(image: str, needles: Sequence[bytes]) -> list[bytes]:
    """Which of these texts stand anywhere in the image: its layers, its history, its settings."""
    longest = max(map(len, needles))
    found: set[bytes] = set()
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        tail = b""
        while chunk := saving.stdout.read(8 * 1024 * 1024):
            window = tail + chunk
            found.update(needle for needle in needles if needle in window)
            tail = window[-longest:]
    assert saving.returncode == 0
    return sorted(found)


@contextmanager
def running_stack(secrets: Path) -> Iterator[Stack]:
    """A stack for as long as the block lasts; it is taken away also after a failure."""
    stack = Stack(secrets)
    try:
        stack.up()
        yield stack
    except BaseException:
        tell(stack.logs())
        raise
    finally:
        stack.down()


def tell(text: str) -> None:
    """A line of progress, seen at once also where pytest captures."""
    sys.__stderr__.write(f"{text}\n")  # type: ignore[union-attr]
    sys.__stderr__.flush()  # type: ignore[union-attr]

"""A PostgreSQL and a RabbitMQ of a test's own, to be killed, frozen and restarted.

They are containers under a fixed port of the loopback, so that they come back under the same address. The
servers that other tests share are never harmed.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator

import amqp
import docker
import psycopg
import pytest

from tests.servers import (
    LABEL,
    POSTGRES_IMAGE,
    RABBITMQ_IMAGE,
    TEST_RUN,
    free_port,
    wait_until,
    why_no_containers,
)

PASSWORD = "for-tests-only"


class OwnServer:
    """One server in a container. Made by `own_postgres` and `own_rabbitmq`."""

    def __init__(
        self,
        image: str,
        port: int,
        *,
        url: str,
        answers: Callable[[str], object],
        errors: tuple[type[Exception], ...],
        **options: object,
    ) -> None:
        self.port = free_port()
        self.url = url.format(port=self.port)
        self._answers = answers
        self._errors = errors
        self._client = docker.from_env(timeout=60)
        self._container = self._client.containers.run(
            image,
            detach=True,
            # A broker keeps its data under the name of its host.
            name=f"dunlin-faults-{uuid.uuid4().hex[:8]}",
            hostname="own-server",
            labels={LABEL: TEST_RUN},
            ports={f"{port}/tcp": ("127.0.0.1", self.port)},
            **options,  # type: ignore[arg-type]
        )
        self._await()

    def kill(self) -> None:
        """kill -9 for the whole server. It stays away until `start`."""
        self._container.kill("SIGKILL")

    def stop(self) -> None:
        """An orderly stop, as before an update."""
        self._container.stop(timeout=30)

    def start(self) -> None:
        """Comes back with its data; returns once it answers."""
        self._container.start()
        self._await()

    def freeze(self) -> None:
        """Stops every process of it in its tracks: connections stay open and hear nothing."""
        self._container.pause()

    def thaw(self) -> None:
        """Lets it go on."""
        self._container.unpause()

    def pids(self) -> list[int]:
        """All its processes, by the ids that this machine knows them by."""
        found = self._container.top(ps_args="-eo pid")
        return [int(row[0]) for row in found["Processes"]]

    def run(self, *command: str) -> str:
        """Runs a command of the server's own; what it printed."""
        code, out = self._container.exec_run(list(command))
        words = str(out.decode("utf-8", "replace"))
        assert code == 0, f"{command} ended with {code}: {words}"
        return words

    def remove(self) -> None:
        """Ends it for good, its data too."""
        self._container.remove(force=True, v=True)
        self._client.close()

    def _await(self) -> None:
        wait_until(lambda: self._answers(self.url), self._errors)


@contextlib.contextmanager
def own_postgres() -> Iterator[OwnServer]:
    """A PostgreSQL server for the time of the block."""
    _must_have_containers()
    server = OwnServer(
        POSTGRES_IMAGE,
        5432,
        url=f"postgresql://dunlin:{PASSWORD}@127.0.0.1:{{port}}/dunlin",
        answers=lambda url: psycopg.connect(url, connect_timeout=2).close(),
        errors=(psycopg.OperationalError,),
        environment={"POSTGRES_USER": "dunlin", "POSTGRES_PASSWORD": PASSWORD},
        # What is killed here is the server and never the machine: its writes need not reach the disk itself.
        command=["postgres", "-c", "fsync=off", "-c", "max_connections=400"],
    )
    try:
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def own_rabbitmq() -> Iterator[OwnServer]:
    """A RabbitMQ server for the time of the block."""
    _must_have_containers()

    def answers(url: str) -> None:
        place = url.partition("@")[2].strip("/")
        with amqp.Connection(place, connect_timeout=2, read_timeout=5):
            pass

    server = OwnServer(
        RABBITMQ_IMAGE,
        5672,
        url="amqp://guest:guest@127.0.0.1:{port}//",
        answers=answers,
        errors=(OSError, amqp.AMQPError),
    )
    try:
        yield server
    finally:
        server.remove()


def _must_have_containers() -> None:
    if why := why_no_containers():
        why = f"servers that may be killed need containers, and {why}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why}; in CI this test must run.")
        pytest.skip(why)

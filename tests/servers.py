"""A PostgreSQL and a RabbitMQ server to test against.

TEST_POSTGRES_URL and TEST_AMQP_URL name servers that run already, with an account that may create databases.
Without them containers are started, and where no container engine answers the tests are skipped with the
reason. With CI=true nothing is skipped: what is missing is an error.
"""

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import amqp
import docker
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, text
from testcontainers.core.container import DockerContainer

from services.shared.database import Database
from services.shared.migrate import migrate

POSTGRES_IMAGE = "postgres:15"
RABBITMQ_IMAGE = "rabbitmq:3"
START_SECONDS = 60.0

ON_LOOPBACK: Any = ("127.0.0.1", None)
"""Where a container's port is published: any free port of the loopback."""

TEST_RUN = os.environ.get("DUNLIN_TEST_RUN") or f"test-{os.getpid()}"
"""Names what a run of the tests has started, so that it can be taken away also when the run was cut short."""

LABEL = "dunlin.test-run"
"""The label of containers that holds it."""

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
"""For `params` of a fixture: its tests run on both."""

MigratedUrl = Callable[[str, Path], str]
"""Takes "sqlite" or "postgresql" and a folder of migrations; gives the URL of a new, migrated database."""

# Nothing of a test has to survive a power cut.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")


class PostgresServer:
    """Hands out databases, each to one test, and removes them at the end."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._templates: dict[Path, str] = {}
        self._made: list[str] = []

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return self._of(self._url.database or "postgres")

    def empty(self) -> str:
        """The URL of a new database."""
        return self._of(self._create("template0"))

    def migrated(self, scripts: Path) -> str:
        """The URL of a new database at the newest revision of these migrations."""
        if scripts not in self._templates:
            template = self._create("template0")
            migrate(self._of(template), scripts)
            self._templates[scripts] = template
        return self._of(self._create(self._templates[scripts]))

    def drop(self, url: str) -> None:
        """Removes a database, and ends whoever still uses it."""
        name = make_url(url).database
        assert name in self._made
        self._made.remove(name)
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Removes all that it has made."""
        for name in list(self._made):
            self.drop(self._of(name))

    def _create(self, template: str) -> str:
        name = f"dunlin_test_{uuid.uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        self._made.append(name)
        return name

    def _of(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement)


def vacuum(database: Database) -> None:
    """Has statistics taken, and all rows marked that everybody may see.

    Twice, since the first time passes by rows that foreign keys have locked; and by one process, since
    several would want more shared memory than a container has.
    """
    with database.read() as connection:
        for _ in range(2):
            connection.execute(text("VACUUM (PARALLEL 0, ANALYZE)"))


def start_postgres() -> tuple[str, Callable[[], None]]:
    """A server in a container: its URL, and what ends it."""
    container = DockerContainer(POSTGRES_IMAGE)
    container.ports = {5432: ON_LOOPBACK}
    container.with_env("POSTGRES_PASSWORD", "for-tests-only").with_env("POSTGRES_USER", "dunlin")
    container.with_kwargs(labels={LABEL: TEST_RUN})
    container.with_command(["postgres", *(word for setting in _FAST for word in ("-c", setting))])
    container.start()
    port = container.get_exposed_port(5432)
    url = f"postgresql://dunlin:for-tests-only@127.0.0.1:{port}/dunlin"
    wait_until(lambda: psycopg.connect(url, connect_timeout=2).close(), psycopg.OperationalError)
    return url, container.stop


def start_rabbitmq() -> tuple[str, Callable[[], None]]:
    """A broker in a container: its URL, and what ends it."""
    container = DockerContainer(RABBITMQ_IMAGE)
    container.ports = {5672: ON_LOOPBACK}
    container.with_kwargs(labels={LABEL: TEST_RUN})
    container.start()
    port = int(container.get_exposed_port(5672))

    def answers() -> None:
        with amqp.Connection(f"127.0.0.1:{port}", connect_timeout=2):
            pass

    wait_until(answers, (OSError, amqp.AMQPError))
    return f"amqp://guest:guest@127.0.0.1:{port}//", container.stop


def wait_until(attempt: Callable[[], object], errors: type[Exception] | tuple[type[Exception], ...]) -> None:
    """Tries until it works; raises the last error after a minute."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            attempt()
        except errors:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return


def why_no_containers() -> str:
    """Why no container can be started here; empty if one can."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    try:
        with contextlib.closing(docker.from_env(timeout=5)) as client:
            client.ping()
    except Exception as error:
        return f"no container engine answers ({type(error).__name__})"
    return ""


@contextlib.contextmanager
def server(variable: str, start: Callable[[], tuple[str, Callable[[], None]]]) -> Iterator[str]:
    """The URL in the variable, else of a container for as long as it is needed; else skips."""
    if url := os.environ.get(variable):
        yield url
        return
    if why := why_no_containers():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{variable} is not set and {why}; in CI this test must run.")
        pytest.skip(f"{variable} is not set and {why}")
    url, stop = start()
    try:
        yield url
    finally:
        stop()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

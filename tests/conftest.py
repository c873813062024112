"""Fixtures for tests against real servers; see tests/servers.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.shared.migrate import migrate
from tests.servers import MigratedUrl, PostgresServer, server, start_postgres, start_rabbitmq


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with server("TEST_POSTGRES_URL", start_postgres) as url:
        databases = PostgresServer(url)
        yield databases
        databases.close()


@pytest.fixture(scope="session")
def amqp_url() -> Iterator[str]:
    """A RabbitMQ server."""
    with server("TEST_AMQP_URL", start_rabbitmq) as url:
        yield url


@pytest.fixture
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MigratedUrl]:
    """Makes databases, which last as long as the test."""
    made: list[str] = []

    def make(kind: str, scripts: Path) -> str:
        if kind == "postgresql":
            made.append(request.getfixturevalue("postgres").migrated(scripts))
            return made[-1]
        path = tmp_path / f"{scripts.parent.name}-{len(list(tmp_path.iterdir()))}.sqlite"
        migrate(f"sqlite:///{path}", scripts)
        return f"sqlite:///{path}"

    yield make
    for url in made:
        request.getfixturevalue("postgres").drop(url)

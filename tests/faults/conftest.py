"""Servers that may be harmed, and fleets that work on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.fleet import Fleet, running_fleet
from tests.faults.mail_server import MailServer, mail_server
from tests.faults.own_servers import OwnServer, own_postgres, own_rabbitmq


@pytest.fixture(scope="session")
def harmed_postgres() -> Iterator[OwnServer]:
    """A PostgreSQL server of these tests' own."""
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def harmed_broker() -> Iterator[OwnServer]:
    """A RabbitMQ server of these tests' own."""
    with own_rabbitmq() as server:
        yield server


@pytest.fixture(scope="session")
def bad_mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """The mail server that everybody uses."""
    with mail_server(tmp_path_factory.mktemp("mail") / "accepted.jsonl") as server:
        yield server


@pytest.fixture(scope="session")
def fleet(
    tmp_path_factory: pytest.TempPathFactory,
    harmed_postgres: OwnServer,
    harmed_broker: OwnServer,
    bad_mail: MailServer,
) -> Iterator[Fleet]:
    """A fleet that the tests harm one after the other."""
    root = tmp_path_factory.mktemp("fleet") / "home"
    with running_fleet(root, harmed_postgres, harmed_broker, bad_mail) as fleet:
        yield fleet

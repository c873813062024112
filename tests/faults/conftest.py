"""Servers that may be harmed, and fleets that work on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet, running_fleet
from tests.faults.mail_server import MailServer, mail_server
from tests.faults.own_servers import OwnServer, own_postgres, own_rabbitmq

ORDER = ("test_fleet_kills", "", "fleet", "test_mass_welcome", "test_network_faults")
"""Which groups come first; the empty one stands for all others.

So on two cores what starts programs all the time has the light ones beside it, and the long ones do not wait
for the end.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says what may run beside each other on several cores: files, and what harms the one fleet as one."""
    groups = {item: _group(item) for item in items if item.path.parent == Path(__file__).parent}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    others = [item for item in items if item not in groups]
    items[:] = others + sorted(groups, key=lambda at: ORDER.index(groups[at] if groups[at] in ORDER else ""))


def _group(item: pytest.Item) -> str:
    file = item.path.stem
    # The kills are half of the work of those that harm the fleet; they have one of their own.
    harms_the_fleet = "fleet" in getattr(item, "fixturenames", ()) and file != "test_fleet_kills"
    return "fleet" if harms_the_fleet else file


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


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, harmed_postgres: OwnServer) -> Iterator[Fleet]:
    """A fleet that only the tests of one module harm, and in whose books nothing else is."""
    root = tmp_path_factory.mktemp("apart")
    with (
        mail_server(root / "accepted.jsonl") as mail,
        # Two fleets at one broker would take each other's facts.
        own_rabbitmq() as broker,
        running_fleet(root / "home", harmed_postgres, broker, mail) as fleet,
    ):
        yield fleet

"""Servers that may be harmed, and fleets that work on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet, running_fleet
from tests.faults.own_servers import OwnServer, own_postgres

ORDER = (
    "test_fleet_kills",
    "",
    "test_server_faults",
    "test_mass_welcome",
    "test_network_faults",
    "test_smtp_faults",
    "test_provider_faults",
)
"""Which files come first; the empty one stands for all others.

So on two cores what starts programs all the time has the light ones beside it, and the long ones do not wait
for the end.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says that each file stays on one core, where its tests share a fleet, and which comes first."""
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in ours:
        item.add_marker(pytest.mark.xdist_group(item.path.stem))
    others = [item for item in items if item not in ours]
    items[:] = others + sorted(
        ours, key=lambda at: ORDER.index(at.path.stem if at.path.stem in ORDER else "")
    )


@pytest.fixture(scope="session")
def harmed_postgres() -> Iterator[OwnServer]:
    """A PostgreSQL server of these tests' own."""
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, harmed_postgres: OwnServer) -> Iterator[Fleet]:
    """A fleet that the tests of one module harm one after the other; none is left to idle beside the next."""
    with running_fleet(tmp_path_factory.mktemp("fleet"), harmed_postgres) as fleet:
        yield fleet

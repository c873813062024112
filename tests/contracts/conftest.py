"""Fixtures for facts that travel by a broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contracts.facts_world import Make, World, whole_broker
from tests.fakes.clock import SetClock
from tests.faults.tcp_proxy import TcpProxy
from tests.servers import MigratedUrl


@pytest.fixture
def world_of(tmp_path: Path, migrated_url: MigratedUrl, amqp_url: str) -> Iterator[Make]:
    """Makes worlds on the kind of database that is named."""
    with ExitStack() as stack:
        url = stack.enter_context(whole_broker(amqp_url))

        def make(kind: str = "sqlite", clock: SetClock | None = None) -> World:
            world = World(tmp_path, kind, migrated_url, url, clock)
            stack.callback(world.close)
            return world

        yield make


@pytest.fixture
def proxied(amqp_url: str) -> Iterator[tuple[TcpProxy, str]]:
    """The broker behind a network that can be broken, and its URL there."""
    parts = urlsplit(amqp_url)
    proxy = TcpProxy(str(parts.hostname), parts.port or 5672)
    user, _, _ = parts.netloc.rpartition("@")
    yield proxy, f"amqp://{user}@{proxy.address}{parts.path}"
    proxy.close()

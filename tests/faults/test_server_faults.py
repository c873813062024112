"""PostgreSQL and RabbitMQ go away and come back, each in its own way, while work is in flight."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.e2e.company import pause
from tests.faults.fleet import Fleet
from tests.faults.fleet_plan import SMTP_CONNECTIONS
from tests.faults.own_servers import OwnServer
from tests.faults.sizes import SIZE
from tests.faults.verdict import go_through

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

SENDERS = 2


def hold() -> None:
    pause(SIZE.hold_seconds)


def killed(server: OwnServer) -> None:
    server.kill()
    hold()
    server.start()


def restarted(server: OwnServer) -> None:
    server.stop()
    server.start()


def frozen(server: OwnServer) -> None:
    server.freeze()
    hold()
    server.thaw()


def stopped(server: OwnServer) -> None:
    """SIGSTOP for each of its processes, the parent first, so that it starts no others."""
    pids = sorted(server.pids())
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    hold()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def without_queues(server: OwnServer) -> None:
    """Deletes every queue, with the facts in it, several times."""
    for _ in range(3):
        for queue in server.run("rabbitmqctl", "-q", "list_queues", "--no-table-headers", "name").split():
            server.run("rabbitmqctl", "delete_queue", queue)
        pause(SIZE.hold_seconds / 3)


def emptied(server: OwnServer) -> None:
    """Loses its disk: comes back with nothing that it had."""
    for command in ("stop_app", "reset", "start_app"):
        server.run("rabbitmqctl", command)


@pytest.mark.parametrize("harm", [killed, restarted, frozen, stopped])
def test_postgresql_goes_away_and_comes_back(fleet: Fleet, harm: Callable[[OwnServer], None]) -> None:
    # A mail that was taken while its record could not be written may go out once more.
    go_through(
        fleet, f"postgresql-{harm.__name__}", lambda: harm(fleet.postgres), lambda: SENDERS * SMTP_CONNECTIONS
    )


@pytest.mark.parametrize("harm", [killed, frozen, without_queues, emptied])
def test_rabbitmq_goes_away_and_comes_back(fleet: Fleet, harm: Callable[[OwnServer], None]) -> None:
    go_through(fleet, f"rabbitmq-{harm.__name__.replace('_', '-')}", lambda: harm(fleet.broker), lambda: 0)

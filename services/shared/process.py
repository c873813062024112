"""How a service runs as a process: `python -m services.<name> ROLE...`.

Roles: `serve` answers calls, `work` does what is due, `relay` carries facts out, `migrate` brings the
database up to date and ends. `all` is serve, work and relay in one process, for the embedded way of running.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import grpc
import structlog
from prometheus_client.registry import Collector

from services.shared import log as logging
from services.shared import tracing
from services.shared.grpc_callers import Callers
from services.shared.grpc_server import Server
from services.shared.probe_server import ProbeServer
from services.shared.settings import SettingError, choice
from services.shared.tls import PLAIN, Tls
from services.shared.vitals import Vitals
from services.shared.worker import Worker

log = structlog.get_logger()

ROLES = ("serve", "work", "relay")
WATCH_SECONDS = 0.5
"""How often a process looks at itself."""

STOP_SECONDS = 5.0
"""How long running calls are given at the end, and after them all pieces of work together."""

END_SECONDS = 20.0
"""A process that has lost a worker is ended after so long at the latest."""

GARBAGE_THRESHOLDS = (20_000, 20, 50)
"""How often Python looks for cycles.

A sync, for one, makes and drops millions of small values; looking for cycles among them at the usual pace
takes a fifth of its time and finds none.
"""


@dataclass(frozen=True)
class Program:
    """A service, composed: what it serves, and what it does by itself."""

    name: str
    listen: str
    token: str
    service_names: Sequence[str]
    servicers: Callable[[grpc.Server], None] = lambda _server: None
    tls: Tls = PLAIN
    callers: Callers | None = None
    """Which programs may call what, where certificates say who calls."""
    workers: Sequence[Worker] = field(default_factory=tuple)
    relays: Sequence[Worker] = ()
    needs: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    """What it cannot work without, by name; each raises if it cannot be used."""
    collectors: Sequence[Collector] = ()
    """Asked at each scrape of `/metrics`."""
    close: Callable[[], None] = lambda: None
    stop_seconds: float = STOP_SECONDS
    end_seconds: float = END_SECONDS


def main(
    name: str,
    compose: Callable[[Mapping[str, str], Collection[str]], Program],
    migrate: Callable[[Mapping[str, str]], None],
    arguments: Sequence[str],
    env: Mapping[str, str] = os.environ,
) -> int:
    """Runs the roles named on the command line; returns the exit code (2 for wrong words or settings).

    `compose` is asked for the program of these roles: what only others need is neither read nor held.
    """
    roles = set(ROLES if list(arguments) == ["all"] else arguments)
    if not roles or not roles <= {*ROLES, "migrate"} or ("migrate" in roles and len(roles) > 1):
        sys.stderr.write(f"usage: python -m services.{name} migrate | all | {' | '.join(ROLES)} ...\n")
        return 2
    try:
        logging.configure(name, choice(env, "DUNLIN_LOG_LEVEL", "INFO", logging.LEVELS))
        if roles == {"migrate"}:
            migrate(env)
            return 0
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        tracing.configure(name, env)
        program = compose(env, roles)
        code = run(program, roles, probe=env.get("DUNLIN_METRICS_LISTEN", ""))
    except SettingError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    if code:
        # Not through the interpreter's own end, which waits for threads that may never end.
        sys.stderr.flush()
        os._exit(code)
    return code


def run(program: Program, roles: set[str], *, probe: str = "") -> int:
    """Runs until SIGTERM or SIGINT, then ends what is under way and returns 0.

    Returns 1 if a worker has died or has made no progress for minutes: a process that serves but no longer
    works has to be started anew. Should it then not come to its end, it is ended.
    `probe` is the address of `/metrics`, `/livez` and `/readyz`, if there are to be any.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    workers = [*(program.workers if "work" in roles else ())]
    if "relay" in roles:
        workers.extend(program.relays)
    vitals = Vitals(program.needs, workers)
    server: Server | None = None

    def ready() -> dict[str, str]:
        found = vitals.of_readiness()
        return found if server is None or server.is_serving else {"grpc": "does not serve", **found}

    probing = (
        ProbeServer(probe, alive=vitals.of_life, ready=ready, collectors=program.collectors)
        if probe
        else None
    )
    vitals.start()
    if "serve" in roles:
        server = Server(
            program.listen,
            program.token,
            servicers=program.servicers,
            names=program.service_names,
            tls=program.tls,
            callers=program.callers,
        )
        address = server.start()
        log.info("serving", address=address)
    for worker in workers:
        worker.start()
    if probing is not None:
        probing.start()
    lost = _watch(vitals, workers, server, stop)
    log.info("stopping", lost=lost)
    ending = threading.Timer(program.end_seconds, os._exit, [1])
    ending.daemon = True
    if lost:
        ending.start()
    for worker in workers:
        # All at once, and not one after another: all have as long together as the slowest alone.
        worker.dismiss()
    if server is not None:
        server.stop(program.stop_seconds)
    give_up = time.monotonic() + program.stop_seconds
    for worker in workers:
        worker.stop(max(0.0, give_up - time.monotonic()))
    vitals.stop()
    if probing is not None:
        probing.stop()
    program.close()
    tracing.shut_down()
    ending.cancel()
    return 1 if lost else 0


def _watch(
    vitals: Vitals, workers: Sequence[Worker], server: Server | None, stop: threading.Event
) -> dict[str, str]:
    """Waits for the end; what is wrong by worker, where only a new start cures it.

    Meanwhile health checks over gRPC are told whether what the calls need is there.
    """
    troubles: dict[str, str] = {}
    while True:
        if lost := vitals.of_life():
            return lost
        before, troubles = troubles, vitals.of_needs()
        if troubles != before:
            log.warning("needs", missing=troubles)
            for worker in workers if not troubles else ():
                # What failed meanwhile waits for longer and longer; now it need not.
                worker.wake()
        if server is not None and server.is_serving == bool(troubles):
            server.set_serving(serving=not troubles)
        if stop.wait(WATCH_SECONDS):
            return {}

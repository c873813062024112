"""The tick over 100,000 and 1,000,000 open invoices with six rules, beside one statement with its pairs.

Real programs: paynow and the scheduler serve, another scheduler works (it hands over); the mailer is a stub
that accepts. What counts as decided stands in bench/README.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from dunlin.mailer.v1 import mailer_pb2_grpc
from dunlin.scheduler.v1 import scheduler_pb2 as pb
from dunlin.scheduler.v1 import scheduler_pb2_grpc
from sqlalchemy import text

from bench.figures import Figure, at_most, floor, limit
from bench.tick_books import DUE_SHARE, PAIRS, fill
from services.paynow.__main__ import MIGRATIONS as PAYNOW
from services.scheduler.__main__ import MIGRATIONS as SCHEDULER
from services.shared import log as logging
from services.shared.database import Database
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from services.shared.migrate import migrate
from tests.fakes.scheduler_servers import Mailroom
from tests.servers import PostgresServer, free_port

if TYPE_CHECKING:
    from bench.run import Scale

REPOSITORY = Path(__file__).parents[1]
TOKEN = "a token for the benchmark"
RULES = (-5, 15, 30, 45, 60, 90)
START_SECONDS = 60.0
MEMORY_MB = 250


@dataclass(frozen=True)
class Ticked:
    """What one size came to."""

    invoices: int
    seconds: float
    again_seconds: float
    pairs_seconds: float
    examined: int
    rows: int
    handed_over_a_second: float
    forecast_ms: float
    peaks_mb: Mapping[str, float]

    @property
    def microseconds(self) -> float:
        """For each decided notice."""
        return self.seconds / self.rows * 1e6


def run(scale: Scale) -> list[Figure]:
    """Both sizes on PostgreSQL in turns, the smaller one on SQLite for information."""
    small, large = (5_000, 50_000) if scale.quick else (100_000, 1_000_000)
    logging.configure("bench", "WARNING")
    servers = PostgresServer(scale.postgres_url)
    try:
        # The small one before and after, so that a load that comes and goes shows.
        before = measure(small, servers)
        most = measure(large, servers)
        after = measure(small, servers)
    finally:
        servers.close()
    few = replace(
        before,
        seconds=(before.seconds + after.seconds) / 2,
        pairs_seconds=(before.pairs_seconds + after.pairs_seconds) / 2,
    )
    on_sqlite = measure(small, None)
    return [*_figures(few, most), *_for_information(few, most, on_sqlite)]


def _figures(few: Ticked, most: Ticked) -> list[Figure]:
    peaks = {name: max(few.peaks_mb[name], most.peaks_mb[name]) for name in most.peaks_mb}
    flat = at_most(
        f"tick over {most.invoices:,} open invoices on PostgreSQL, for each decided notice",
        f"the same over {few.invoices:,}",
        "µs",
        ours=most.microseconds,
        peer=few.microseconds,
        goal=1.3,
    )
    speeds = [
        floor(
            f"tick over {ticked.invoices:,} open invoices on PostgreSQL",
            "decided notices/s",
            ours=ticked.rows / ticked.seconds,
            least=10_000,
            note=f"{ticked.rows:,} notices on {ticked.examined:,} invoices",
        )
        for ticked in (few, most)
    ]
    memory = [
        limit(f"peak memory of {name} in this", "MB", ours=peak, most=MEMORY_MB)
        for name, peak in peaks.items()
    ]
    work = f"the forecast of {most.invoices:,} open invoices, p95"
    forecast = limit(work, "ms", ours=most.forecast_ms, most=200)
    return [flat, *speeds, *memory, forecast]


def _for_information(few: Ticked, most: Ticked, on_sqlite: Ticked) -> list[Figure]:
    beside = "one SQL statement that lists the same pairs"
    found = []
    for ticked, where in ((few, "PostgreSQL"), (most, "PostgreSQL")):
        work = f"tick over {ticked.invoices:,} open invoices on {where}, pairs/s"
        found.append(
            _told(work, beside, "1/s", ticked.rows / ticked.seconds, ticked.rows / ticked.pairs_seconds)
        )
    work = "a second tick, where nothing has changed, examined invoices/s"
    found.append(
        _told(work, "the first", "1/s", most.examined / most.again_seconds, most.examined / most.seconds)
    )
    work = "queued notices handed to a mailer that accepts, by one process"
    found.append(_told(work, "decided notices", "1/s", most.handed_over_a_second, most.rows / most.seconds))
    work = f"tick over {on_sqlite.invoices:,} open invoices on SQLite"
    found.append(
        _told(
            work, "the same on PostgreSQL", "1/s", on_sqlite.rows / on_sqlite.seconds, few.rows / few.seconds
        )
    )
    return found


def _told(work: str, beside: str, unit: str, ours: float, peer: float) -> Figure:
    return Figure(work, beside, unit, ours, peer, ours / peer, "", None)


def measure(invoices: int, servers: PostgresServer | None) -> Ticked:
    """A tick over books of that size on new databases; on SQLite without a server."""
    with ExitStack() as running:
        home = Path(running.enter_context(tempfile.TemporaryDirectory()))
        today = datetime.now(UTC).date().isoformat()
        urls = {}
        for name, scripts in (("paynow", PAYNOW), ("scheduler", SCHEDULER)):
            urls[name] = servers.empty() if servers else f"sqlite:///{home / name}.sqlite"
            if servers:
                running.callback(servers.drop, urls[name])
            migrate(urls[name], scripts)
        fill(urls["paynow"], invoices, today)
        mailroom = Mailroom()
        stub = running.enter_context(_mailer(mailroom))
        programs = _programs(home, urls, stub, running)
        serve = programs.start("scheduler", "serve")
        channel = running.enter_context(open_channel(programs.scheduler_address, TOKEN))
        scheduler = scheduler_pb2_grpc.SchedulerServiceStub(channel)
        for days in RULES:
            scheduler.SetRuleEnabled(pb.SetRuleEnabledRequest(threshold_days=days, enabled=True))
        seconds, end = _tick(scheduler)
        pairs_seconds = _pairs(urls["paynow"], today, end) if servers else float("nan")
        work = programs.start("scheduler", "work")
        handed_over = _handed_over(mailroom, end.counts.queued)
        forecast_ms = _forecast(scheduler)
        again_seconds, again = _tick(scheduler)
        assert again.counts.queued == 0
        peaks = {"paynow serve": programs.paynow, "scheduler serve": serve, "scheduler work": work}
        rows = end.counts.queued + end.counts.superseded + end.counts.skipped + end.counts.held
        assert end.examined == invoices // DUE_SHARE
        return Ticked(
            invoices, seconds, again_seconds, pairs_seconds, end.examined, rows, handed_over,
            forecast_ms,
            {name: _peak_mb(process) for name, process in peaks.items()},
        )  # fmt: skip


def _tick(scheduler: scheduler_pb2_grpc.SchedulerServiceStub) -> tuple[float, pb.TickProgress]:
    began = time.perf_counter()
    *_, end = scheduler.RunTick(pb.RunTickRequest(), timeout=1800)
    assert end.done
    return time.perf_counter() - began, end


def _pairs(url: str, today: str, end: pb.TickProgress) -> float:
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        began = time.perf_counter()
        found = connection.execute(text(PAIRS), {"today": today}).all()
        took = time.perf_counter() - began
    database.dispose()
    assert len(found) == end.counts.queued + end.counts.superseded
    return took


def _handed_over(mailroom: Mailroom, queued: int) -> float:
    """Notices a second, from the first that the mailer was told of to the last."""
    give_up = time.monotonic() + 600
    first = None
    while (told := len(mailroom.accepted)) < queued:
        if told and first is None:
            first = told, time.perf_counter()
        assert time.monotonic() < give_up, f"{told} of {queued} handed over"
        time.sleep(0.01)
    if first is None or first[0] == queued:
        return float("nan")
    return (queued - first[0]) / (time.perf_counter() - first[1])


def _forecast(scheduler: scheduler_pb2_grpc.SchedulerServiceStub) -> float:
    """The 95th percentile of asking for the forecast, once it has been counted."""
    request = pb.GetForecastRequest()
    give_up = time.monotonic() + 600
    while not scheduler.GetForecast(request).HasField("counted_at"):
        assert time.monotonic() < give_up, "the forecast is not counted"
        time.sleep(0.1)
    took = []
    for _ in range(100):
        began = time.perf_counter()
        scheduler.GetForecast(request)
        took.append(time.perf_counter() - began)
    return sorted(took)[94] * 1000


@contextmanager
def _mailer(mailroom: Mailroom) -> Iterator[str]:
    def add(server: grpc.Server) -> None:
        mailer_pb2_grpc.add_MailerServiceServicer_to_server(mailroom, server)

    server = Server("127.0.0.1:0", TOKEN, servicers=add, names=("dunlin.mailer.v1.MailerService",))
    yield server.start()
    server.stop(0)


class _Programs:
    """Starts programs, and ends them with the benchmark."""

    def __init__(self, env: Mapping[str, str], home: Path, running: ExitStack) -> None:
        self._env = env
        self._home = home
        self._running = running
        self.scheduler_address = env["DUNLIN_SCHEDULER_LISTEN"]
        self.paynow = self.start("paynow", "serve")

    def start(self, name: str, role: str) -> subprocess.Popen[bytes]:
        log = self._running.enter_context((self._home / f"{name}-{role}.log").open("wb"))
        command = [sys.executable, "-m", f"services.{name}", role]
        process = subprocess.Popen(command, env=self._env, cwd=REPOSITORY, stdout=log, stderr=log)
        self._running.callback(_end, process)
        if role == "serve":
            _wait_for(self._env[f"DUNLIN_{name.upper()}_LISTEN"], process)
        return process


def _programs(home: Path, urls: Mapping[str, str], mailer: str, running: ExitStack) -> _Programs:
    (home / "token").write_text(TOKEN)
    (home / "key").write_text("k" * 40)
    paynow, scheduler = (f"127.0.0.1:{free_port()}" for _ in range(2))
    env = os.environ | {
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'protos' / 'gen'}",
        "DUNLIN_LOG_LEVEL": "WARNING",
        "DUNLIN_SERVICE_TOKEN_FILE": str(home / "token"),
        "DUNLIN_LINK_KEY_FILE": str(home / "key"),
        "DUNLIN_PAYNOW_DATABASE_URL": urls["paynow"],
        "DUNLIN_SANDBOX_DATABASE_URL": f"sqlite:///{home / 'sandbox.sqlite'}",
        "DUNLIN_SCHEDULER_DATABASE_URL": urls["scheduler"],
        "DUNLIN_PAYNOW_LISTEN": paynow,
        "DUNLIN_PAYNOW_ADDRESS": paynow,
        "DUNLIN_SCHEDULER_LISTEN": scheduler,
        "DUNLIN_SCHEDULER_ADDRESS": scheduler,
        "DUNLIN_MAILER_ADDRESS": mailer,
    }
    return _Programs(env, home, running)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    with grpc.insecure_channel(address) as channel:
        ready = threading.Event()
        channel.subscribe(
            lambda state: ready.set() if state is grpc.ChannelConnectivity.READY else None,
            try_to_connect=True,
        )
        assert ready.wait(START_SECONDS), f"{address} does not answer; it ended with {process.poll()}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def _peak_mb(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024

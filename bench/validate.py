"""PayNow.Validate by 16 callers, beside a bare grpcio handler that does one indexed read."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from dunlin.paynow.v1 import paynow_pb2 as pb

from bench import sync_books
from bench.figures import Figure, at_least, at_most
from bench.validate_servers import THREADS, TOKEN
from services.shared.database import Database
from tests.servers import PostgresServer

if TYPE_CHECKING:
    from bench.run import Scale

METHOD = "/dunlin.paynow.v1.PayNowService/Validate"
BESIDE = "a bare grpcio handler, one indexed read"


@dataclass
class Measured:
    """What one server has done so far."""

    calls: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[98] * 1000


def run(scale: Scale) -> list[Figure]:
    """Requests/s and p99 on both databases."""
    invoices, rounds, seconds = (5_000, 4, 1.0) if scale.quick else (100_000, 12, 3.0)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        postgres = PostgresServer(scale.postgres_url)
        urls = {
            "SQLite": f"sqlite:///{folder}/paynow.sqlite",
            "PostgreSQL": postgres.empty(),
        }
        for name, url in urls.items():
            sync_books.migrated(url)
            database = Database(url)
            sync_books.take_in(sync_books.lists(invoices), database)
            database.dispose()
            ours, bare = compare(url, requests(invoices), rounds, seconds)
            work = f"Validate on {name}, {THREADS} callers"
            figures += [
                at_least(work, BESIDE, "requests/s", ours=ours.rate, peer=bare.rate, goal=0.6),
                at_most(f"{work}, p99", BESIDE, "ms", ours=ours.p99, peer=bare.p99, goal=2.0),
            ]
        postgres.close()
    return figures


def requests(invoices: int) -> list[bytes]:
    """Requests for invoices from all over the books, as they go over the wire."""
    step = max(1, invoices // 5_000)
    return [
        pb.ValidateRequest(
            email=sync_books.email_of(number), invoice_number=sync_books.number_of(number), amount="1.00"
        ).SerializeToString()
        for number in range(0, invoices, step)
    ]


def compare(url: str, asked: list[bytes], rounds: int, seconds: float) -> tuple[Measured, Measured]:
    """Ours and the bare one, in turns; the first turn of each warms up and does not count."""
    measured = {"ours": Measured(), "bare": Measured()}
    with ExitStack() as running:
        calls = {kind: running.enter_context(serving(kind, url)) for kind in measured}
        for call in calls.values():
            load(call, asked, 1.0, Measured())
        for _ in range(rounds):
            for kind, call in calls.items():
                load(call, asked, seconds, measured[kind])
    return measured["ours"], measured["bare"]


@contextmanager
def serving(kind: str, url: str) -> Iterator[Callable[[bytes], bytes]]:
    """A server in a process of its own, and the way to call it."""
    script = str(Path(__file__).with_name("validate_servers.py"))
    command = [sys.executable, script, kind, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with grpc.insecure_channel(address) as channel:
            # The message as bytes: the caller's own work is no part of what is measured.
            method = channel.unary_unary(METHOD)
            metadata = (("x-dunlin-token", TOKEN), ("x-request-id", "0123456789abcdef"))
            yield partial(method, metadata=metadata, timeout=30)
        server.communicate()


def load(call: Callable[[bytes], bytes], asked: list[bytes], seconds: float, into: Measured) -> None:
    """Calls from all callers at once, for so long."""
    ready = threading.Barrier(THREADS + 1)

    def caller(number: int) -> list[float]:
        mine = cycle(asked[number::THREADS])
        ready.wait()
        end, took = time.perf_counter() + seconds, []
        while (began := time.perf_counter()) < end:
            call(next(mine))
            took.append(time.perf_counter() - began)
        return took

    with ThreadPoolExecutor(THREADS) as callers:
        calling = [callers.submit(caller, number) for number in range(THREADS)]
        ready.wait()
        began = time.perf_counter()
        for latencies in (one.result() for one in calling):
            into.latencies += latencies
            into.calls += len(latencies)
        into.seconds += time.perf_counter() - began

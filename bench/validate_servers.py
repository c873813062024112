"""What bench/validate.py measures, as programs: `python bench/validate_servers.py ours|bare DATABASE_URL`.

Each prints its address and serves until its standard input is closed. Both answer PayNow.Validate with 16
threads. `ours` is the real one. `bare` is a plain grpcio server whose handler does one indexed read through
the driver alone, with a pool of connections, and answers a quote.
"""

from __future__ import annotations

import queue
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "protos" / "gen")]

import grpc
import psycopg
from dunlin.paynow.v1 import paynow_pb2 as pb
from dunlin.paynow.v1 import paynow_pb2_grpc

from services.paynow.composition_payments import Payments
from services.paynow.provider_sandbox import SandboxProvider
from services.paynow.servicer_paynow import NAME
from services.shared import log
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.grpc_server import Server

THREADS = 16
TOKEN = "a token for the benchmark"
KEY = "a key of sixteen bytes or more"
READ = "SELECT invoice_id, organization_id, balance_minor, currency FROM invoices WHERE number = {}"

Stop = Callable[[], object]


def ours(url: str) -> tuple[str, Stop]:
    """The service's own server, as its composition root makes it."""
    log.configure("paynow", "INFO")
    database, clock = Database(url, durable=True), SystemClock()
    # Its database is not used: nothing is charged here.
    provider = SandboxProvider(database, clock)
    servicer = Payments(database, provider, clock).servicer(KEY)
    server = Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda server: paynow_pb2_grpc.add_PayNowServiceServicer_to_server(servicer, server),
        names=[NAME],
        threads=THREADS,
    )
    return server.start(), lambda: server.stop(1)


class Bare(paynow_pb2_grpc.PayNowServiceServicer):
    """One indexed read, and nothing else."""

    def __init__(self, read: Callable[[str], tuple[Any, ...]]) -> None:
        self._read = read

    def Validate(self, request: pb.ValidateRequest, context: grpc.ServicerContext) -> pb.Quote:
        """What was read, as a quote."""
        invoice_id, _, balance, currency = self._read(request.invoice_number)
        return pb.Quote(
            quote_id=str(invoice_id),
            invoice_number=request.invoice_number,
            amount_minor=balance,
            currency=currency,
            email=request.email,
        )


def bare(url: str) -> tuple[str, Stop]:
    """The peer."""
    connections: queue.LifoQueue[Any] = queue.LifoQueue()
    for _ in range(THREADS):
        connections.put(_connect(url))
    statement = READ.format("?" if url.startswith("sqlite") else "%s")

    def read(number: str) -> tuple[Any, ...]:
        connection = connections.get()
        try:
            row: tuple[Any, ...] = connection.execute(statement, (number,)).fetchone()
        finally:
            connections.put(connection)
        return row

    server = grpc.server(ThreadPoolExecutor(THREADS))
    paynow_pb2_grpc.add_PayNowServiceServicer_to_server(Bare(read), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return f"127.0.0.1:{port}", lambda: server.stop(1).wait()


def _connect(url: str) -> Any:
    if not url.startswith("sqlite"):
        return psycopg.connect(url, autocommit=True)
    connection = sqlite3.connect(
        url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    return connection


def main(kind: str, url: str) -> None:
    """Serves until standard input ends."""
    address, stop = {"ours": ours, "bare": bare}[kind](url)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    stop()


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""A stream whose server is killed ends, and never outlives its deadline."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from embedded.ports import free_ports
from services.shared.grpc_channel import open_channel
from tests.e2e.company import pause

pytestmark = [pytest.mark.faults]

DEADLINE, PATIENCE, KILLS, CALLERS = 2.0, 2.0, 15, 6


def test_no_stream_outlives_its_deadline_while_its_server_is_killed() -> None:
    """A retry policy on streams fails this within a few kills: gRPC then forgets some of them for good."""
    port = free_ports(["streams"])["streams"]
    command = [sys.executable, str(Path(__file__).with_name("stream_server.py")), str(port)]
    over = threading.Event()
    began: dict[int, float] = {}
    answered: list[int] = []

    def call_again_and_again(caller: int) -> None:
        with open_channel(f"127.0.0.1:{port}", "token") as channel:
            read = channel.unary_stream("/any.Service/Stream")
            while not over.wait(0.02):
                began[caller] = time.monotonic()
                with suppress(grpc.RpcError):  # killed, or not there: what counts is that it ends
                    answered.append(len(list(read(b"", timeout=DEADLINE))))
                began.pop(caller)

    callers = [
        threading.Thread(target=call_again_and_again, args=(at,), daemon=True) for at in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    rng = random.Random(1)
    for _ in range(KILLS):
        with subprocess.Popen(command) as server:
            pause(rng.uniform(0.5, 1.2))
            server.kill()
        pause(rng.uniform(0, 0.5))
    over.set()
    for caller in callers:
        caller.join(DEADLINE + PATIENCE)
    late = [round(time.monotonic() - since, 1) for since in began.values()]
    assert late == [], f"streams with a deadline of {DEADLINE} s still wait after so many seconds: {late}"
    assert answered.count(2) > KILLS, "the server must have answered in between"

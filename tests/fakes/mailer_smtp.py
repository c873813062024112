"""Real SMTP servers on the loopback, each in a thread of its own."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.smtp import SMTP


@contextmanager
def served(make: Callable[[], asyncio.BaseProtocol], port: int = 0) -> Iterator[int]:
    """Runs a server for the time of the block; gives its port. Open connections are cut at the end."""
    loop = asyncio.new_event_loop()
    made: list[asyncio.BaseProtocol] = []

    def keep() -> asyncio.BaseProtocol:
        made.append(make())
        return made[-1]

    server = loop.run_until_complete(loop.create_server(keep, "127.0.0.1", port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, made), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: asyncio.Server, made: list[asyncio.BaseProtocol]) -> None:
    server.close()
    for protocol in made:
        transport = getattr(protocol, "transport", None)
        if transport is not None:
            transport.abort()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def smtp(handler: object, **options: Any) -> Callable[[], SMTP]:
    """aiosmtpd with this handler."""
    return lambda: SMTP(handler, hostname="test.server", **options)


class Script(asyncio.Protocol):
    """A server that says exactly what it is told, line by line; "!" hangs up."""

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._say()

    def data_received(self, data: bytes) -> None:
        self._say()

    def _say(self) -> None:
        line = self._lines.pop(0) if self._lines else "!"
        if line == "!":
            self.transport.abort()
        else:
            self.transport.write(f"{line}\r\n".encode())


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns once the condition holds; fails if it does not within the time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        pause.wait(0.01)

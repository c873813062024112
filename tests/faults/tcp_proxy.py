"""A bad network between two programs: a TCP proxy that delays, throttles, cuts, swallows and refuses.

A fault holds for the connections that are open and for those that come, until the next one or `heal`. All
methods are safe from any thread; when one returns, its fault is in force.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.listening import stop_listening

PIECE = 64 * 1024
_CALL_SECONDS = 10.0
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What happens to the bytes on their way."""

    delay: float = 0.0
    """Seconds for which each piece is held back, one after the other."""
    rate: float = 0.0
    """Bytes a second in each direction; 0 is no limit."""
    most: int | None = None
    """A connection is reset after so many bytes more, both directions together."""
    silent: bool = False
    """Connections are taken and nothing gets through. What was sent meanwhile arrives after `heal`."""
    half_closed: bool = False
    """The client hears the end of the server's words; its own still get through."""
    over: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


class _Connection:
    """One client and its line to the server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.ends = [client]
        self.task: asyncio.Task[None] | None = None
        self.passed = 0
        self.muted = False

    def reset(self) -> None:
        """Ends both sides at once, with a reset as a cut line or a dead machine gives."""
        for writer in self.ends:
            peer = writer.get_extra_info("socket")
            if peer is not None and peer.fileno() >= 0:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def half_close(self) -> None:
        """Tells the client that nothing more will come."""
        self.muted = True
        with contextlib.suppress(OSError):
            self.ends[0].write_eof()


class TcpProxy:
    """Forwards from `address` to the host and port given. Made by `proxied`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._thread.start()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._fault = Fault()
        self.port = 0
        self.carried = 0
        """Bytes that have come so far from either side, whatever became of them."""
        self._call(self._listen())

    @property
    def address(self) -> str:
        """Where the client connects, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    # Faults

    def heal(self) -> None:
        """Everything passes, at full speed."""
        self._call(self._set(Fault()))

    def delay(self, seconds: float) -> None:
        """Holds each piece back."""
        self._call(self._set(Fault(delay=seconds)))

    def throttle(self, bytes_per_second: float) -> None:
        """Lets only so much through."""
        self._call(self._set(Fault(rate=bytes_per_second)))

    def cut_after(self, count: int) -> None:
        """Resets each connection once so many bytes more have passed."""
        self._call(self._set(Fault(most=count)))

    def black_hole(self) -> None:
        """Accepts and says nothing; open connections fall silent too."""
        self._call(self._set(Fault(silent=True)))

    def half_close(self) -> None:
        """Ends what the server says; what the client says still gets through."""
        self._call(self._set(Fault(half_closed=True)))

    def refuse(self) -> None:
        """Nobody listens; open connections are reset."""
        self._call(self._refuse())

    def cut(self) -> None:
        """Resets the connections that are open; new ones pass, unless a fault says otherwise."""
        self._call(self._cut())

    def close(self) -> None:
        """Ends it all."""
        self._call(self._refuse())
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    # Within, on the loop's own thread

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, fault: Fault) -> None:
        was, self._fault = self._fault, fault
        for connection in self._connections:
            connection.passed = 0
            if fault.half_closed:
                connection.half_close()
        was.over.set()
        await self._listen()

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        await self._cut()

    async def _cut(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # Those whose task was ended before it had begun.
        await self._cut()
        await asyncio.sleep(0)

    def _accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        # Known from here on, and not only once its task has begun.
        connection = _Connection(to_client)
        self._connections.add(connection)
        connection.task = self._loop.create_task(self._serve(connection, from_client, to_client))

    async def _serve(
        self, connection: _Connection, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        try:
            await self._hold()
            from_server, to_server = await asyncio.open_connection(*self._target)
            connection.ends.append(to_server)
            if self._fault.half_closed:
                connection.half_close()
            await asyncio.gather(
                self._pump(connection, from_client, to_server, mutes=False),
                self._pump(connection, from_server, to_client, mutes=True),
            )
        except OSError:
            connection.reset()
        finally:
            self._connections.discard(connection)
            for writer in connection.ends:
                writer.close()

    async def _pump(
        self,
        connection: _Connection,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        mutes: bool,
    ) -> None:
        while piece := await source.read(PIECE):
            self.carried += len(piece)
            await self._hold()
            await self._slow_down(len(piece))
            if mutes and connection.muted:
                continue
            most = self._fault.most
            if most is not None and connection.passed + len(piece) > most:
                sink.write(piece[: most - connection.passed])
                await sink.drain()
                raise ConnectionResetError
            connection.passed += len(piece)
            sink.write(piece)
            await sink.drain()
        if not (mutes and connection.muted):
            sink.write_eof()

    async def _hold(self) -> None:
        while self._fault.silent:
            await self._fault.over.wait()

    async def _slow_down(self, count: int) -> None:
        fault = self._fault
        seconds = fault.delay + (count / fault.rate if fault.rate else 0.0)
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(fault.over.wait(), seconds)
            await self._hold()


@contextmanager
def proxied(host: str, port: int) -> Iterator[TcpProxy]:
    """A proxy to that server for the time of the block."""
    proxy = TcpProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()

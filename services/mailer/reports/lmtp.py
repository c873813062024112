"""Reports handed over by the mail server of this machine, by LMTP (RFC 2033).

Whoever hands one over is told that we have it once it is noted; until then the mail server keeps it, and
comes again. Nothing but mails to the bounce address is taken.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from services.mailer.use_cases.bounces import Taken

log = structlog.get_logger()

MOST_BYTES = 10 * 1024 * 1024
"""Of one mail; it may bring back a whole one."""

IDLE_SECONDS = 60.0
END_SECONDS = 10.0
THREADS = 4
"""Reports noted at the same time."""

Take = Callable[[bytes, tuple[str, ...]], Taken]
"""Notes what a mail says that came to these addresses."""

Note = Callable[[bytes, tuple[str, ...]], Awaitable[Taken]]


class LmtpListener:
    """Listens while it is open. `takes` says whether an address is for us; `take` may take its time."""

    def __init__(self, host: str, port: int, *, takes: Callable[[str], bool], take: Take) -> None:
        self._host, self._port = host, port
        self._takes, self._take = takes, take
        self._threads = ThreadPoolExecutor(THREADS, "bounces-lmtp")
        self._listening: _Listening | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it is open; of use where any free port was asked for."""
        return self._listening.port if self._listening else self._port

    def keep_open(self) -> bool:
        """Opens it unless it is; False, since there is nothing more to do. Raises OSError if it cannot be."""
        if self._listening is None or not self._listening.is_alive:
            self._listening = _Listening(self._host, self._port, self._connection)
            log.info("taking reports by LMTP", port=self.port)
        return False

    def close(self) -> None:
        """Ends what is under way, whose senders will come again."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _connection(self) -> LMTP:
        handler = _Handler(self._takes, self._noted)
        return LMTP(handler, data_size_limit=MOST_BYTES, hostname="localhost", timeout=IDLE_SECONDS)

    async def _noted(self, mail: bytes, addresses: tuple[str, ...]) -> Taken:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._take, mail, addresses)


class _Listening:
    """A server in a thread of its own, from its making on."""

    def __init__(self, host: str, port: int, connect: Callable[[], LMTP]) -> None:
        self._connect = connect
        self._connections: set[LMTP] = set()
        self._loop = asyncio.new_event_loop()
        try:
            opening = self._loop.create_server(self._connection, host, port)
            self._server = self._loop.run_until_complete(opening)
        except BaseException:
            self._loop.close()
            raise
        self._thread = threading.Thread(target=self._loop.run_forever, name="bounces-lmtp", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        """Cuts all connections."""
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(END_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def _connection(self) -> LMTP:
        connection = self._connect()
        self._connections = {one for one in self._connections if one.transport is not None}
        self._connections.add(connection)
        return connection

    async def _end(self) -> None:
        self._server.close()
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class _Handler:
    """What aiosmtpd asks about each command."""

    def __init__(self, takes: Callable[[str], bool], noted: Note) -> None:
        self._takes = takes
        self._noted = noted

    async def handle_RCPT(
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Nobody else lives here."""
        if not self._takes(address):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:
        """One answer for each recipient, as LMTP has it."""
        content = envelope.content
        mail = content if isinstance(content, bytes) else b""
        try:
            taken = await self._noted(mail, tuple(envelope.rcpt_tos))
        except Exception as error:
            # The database, most likely: the mail server has the report, and comes again.
            log.warning("report not noted", error=type(error).__name__)
            taken = Taken.TOO_EARLY
        answer = "451 4.3.0 Try again later" if taken is Taken.TOO_EARLY else "250 2.0.0 OK"
        return "\r\n".join([answer] * len(envelope.rcpt_tos))

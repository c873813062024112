"""An SMTP server that misbehaves on order, and knows exactly what it has taken responsibility for.

It stands for the outside world, so it is never killed with the programs under test. What it accepts is in a
file before it says so; `accepted` has it in the order of acceptance, `unexplained_copies` in aftermath.py
says which second copies a cut connection explains.

What an address starts with asks for an answer: `never-550.` is refused with 550 after RCPT (any 5xx),
`later-450.` with 450 (any 4xx), `data-554.` or `data-451.` after the content; 4xx while `greylisting` is on.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from email.parser import BytesHeaderParser
from email.policy import default as modern
from itertools import count
from pathlib import Path
from typing import IO, Literal

from tests.faults.listening import stop_listening

MOST_BYTES = 16 * 1024 * 1024
_CALL_SECONDS = 10.0
_AT_RCPT = re.compile(r"(?:never-(5\d\d)|later-(4\d\d))\.")
_AT_DATA = re.compile(r"data-([45]\d\d)\.")
_PATH = re.compile(rb"<([^>]*)>")
_HEADERS = BytesHeaderParser(policy=modern)


@dataclass(frozen=True)
class Accepted:
    """A mail that the server has answered 250 for, or has kept before it hung up."""

    message_id: str
    recipients: tuple[str, ...]
    connection: int
    begun_at: float
    """When its MAIL command came, by `time.time`."""
    at: float


@dataclass(frozen=True)
class Manners:
    """How the server behaves towards everybody."""

    greeting_seconds: float = 0.0
    answer_seconds: float = 0.0
    """Before each answer but the greeting."""
    drop: Literal["", "before", "after"] = ""
    """Hangs up after the content's final dot: before or after the mail was kept."""
    greylisting: bool = True
    """Whether addresses that ask for 4xx get it."""


class MailServer:
    """Listens at `port` of the loopback, always the same. Made by `mail_server`."""

    def __init__(self, record: Path) -> None:
        self.manners = Manners()
        self.accepted: list[Accepted] = []
        self.dropped = 0
        """How often it has hung up after keeping a mail."""
        self.orderly: set[int] = set()
        """The connections that ended with QUIT."""
        self.open: set[int] = set()
        self.port = 0
        self._record: IO[str] = record.open("a", encoding="utf-8")
        self._numbers = count(1)
        self._writers: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-server", daemon=True)
        self._thread.start()
        self.listen()

    def behave(self, **manners: object) -> None:
        """Good manners but for these."""
        self.manners = replace(Manners(), **manners)  # type: ignore[arg-type]

    def listen(self) -> None:
        """Takes connections."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_CALL_SECONDS)

    def refuse(self) -> None:
        """Goes away: open connections are cut, new ones refused, until `listen`."""
        asyncio.run_coroutine_threadsafe(self._refuse(), self._loop).result(_CALL_SECONDS)

    def close(self) -> None:
        """Ends it."""
        self.refuse()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()
        self._record.close()

    # Within, on the loop's own thread

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=MOST_BYTES)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # Those whose task was ended before it had begun.
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Known from here on, and not only once its task has begun.
        self._writers[writer] = self._loop.create_task(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        self.open.add(number)
        try:
            await asyncio.sleep(self.manners.greeting_seconds)
            writer.write(b"220 mail.test at your service\r\n")
            await _Conversation(self, number, reader, writer).talk()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, or was cut off
        finally:
            self.open.discard(number)
            self._writers.pop(writer, None)
            writer.close()

    def keep(self, accepted: Accepted) -> None:
        """The mail is on file; whoever sent it may now be told."""
        self._record.write(json.dumps(asdict(accepted)) + "\n")
        self._record.flush()
        self.accepted.append(accepted)


class _HungUp(ConnectionError):
    """The server has ended the conversation."""


class _Conversation:
    """One connection's commands and answers."""

    def __init__(
        self, server: MailServer, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._number = number
        self._reader = reader
        self._writer = writer
        self._recipients: list[str] = []
        self._begun_at = 0.0

    async def talk(self) -> None:
        while True:
            line = await self._reader.readuntil(b"\r\n")
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                self._server.orderly.add(self._number)
                await self._say("221 bye")
                return
            await self._say(await self._answer(verb, line))

    async def _answer(self, verb: bytes, line: bytes) -> str:
        if verb == b"EHLO":
            return "250-mail.test\r\n250-PIPELINING\r\n250-SIZE 16777216\r\n250-8BITMIME\r\n250 SMTPUTF8"
        if verb == b"MAIL":
            self._begun_at = time.time()
            self._recipients.clear()
        elif verb == b"RCPT":
            return self._named(line)
        elif verb == b"DATA":
            return await self._content()
        elif verb not in (b"HELO", b"RSET", b"NOOP"):
            return "502 what?"
        return "250 OK"

    def _named(self, line: bytes) -> str:
        found = _PATH.search(line)
        address = found.group(1).decode() if found else ""
        asked = _AT_RCPT.match(address)
        if asked and asked.group(1):
            return f"{asked.group(1)} 5.1.1 never"
        if asked and self._server.manners.greylisting:
            return f"{asked.group(2)} 4.2.1 later"
        self._recipients.append(address)
        return "250 OK"

    async def _content(self) -> str:
        if not self._recipients:
            return "503 5.5.1 for whom?"
        await self._say("354 go on")
        content = await self._reader.readuntil(b"\r\n.\r\n")
        asked = next(filter(None, map(_AT_DATA.match, self._recipients)), None)
        if asked and (asked.group(1) >= "500" or self._server.manners.greylisting):
            return f"{asked.group(1)} not this"
        drop = self._server.manners.drop
        if drop != "before":
            message_id = str(_HEADERS.parsebytes(content[:65536])["Message-ID"])
            mail = Accepted(message_id, tuple(self._recipients), self._number, self._begun_at, time.time())
            self._server.keep(mail)
        if drop:
            self._server.dropped += drop == "after"
            self._writer.transport.abort()
            raise _HungUp
        return "250 2.0.0 kept"

    async def _say(self, words: str) -> None:
        await asyncio.sleep(self._server.manners.answer_seconds)
        self._writer.write(f"{words}\r\n".encode())
        await self._writer.drain()


@contextmanager
def mail_server(record: Path) -> Iterator[MailServer]:
    """A server for the time of the block; `record` is the file of what it accepts."""
    server = MailServer(record)
    try:
        yield server
    finally:
        with suppress(TimeoutError):
            server.close()

"""An SMTP server that keeps nothing but a count: `python bench/mails_sink.py`.

It prints the port for mails and the port for questions, and serves until its standard input is closed. It
offers PIPELINING, as the servers of this world do, and takes every mail. A question is a line: "reset"
forgets everything, "report" gives the counts as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any

GREETING = b"220 sink ESMTP\r\n"
HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 10485760\r\n250 SMTPUTF8\r\n"
OK, GO, BYE, TAKEN = b"250 OK\r\n", b"354 go on\r\n", b"221 bye\r\n", b"250 2.0.0 taken\r\n"
END = b"\r\n.\r\n"
_ID = re.compile(rb"\r\nMessage-ID:\s*(\S+)", re.IGNORECASE)


class Counts:
    """What has come in since the last reset."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.ids: set[bytes] = set()
        self.signed = 0
        self.bytes = 0
        self.busy_at = time.process_time()

    def take(self, mail: bytes) -> None:
        """One mail more."""
        self.times.append(time.monotonic())
        self.bytes += len(mail)
        self.signed += mail.startswith(b"DKIM-Signature:")
        if match := _ID.search(mail):
            self.ids.add(match.group(1))

    def report(self) -> dict[str, Any]:
        """The rate is taken between a tenth and 95 % of the mails: neither start nor end counts."""
        times, count = self.times, len(self.times)
        low, high = count // 10, count * 95 // 100
        seconds = times[high - 1] - times[low] if high - low > 1 else 0.0
        whole = times[-1] - times[0] if count > 1 else 0.0
        return {
            "mails": count,
            "distinct": len(self.ids),
            "signed": self.signed,
            "mean_bytes": self.bytes / count if count else 0,
            "rate": (high - 1 - low) / seconds if seconds else 0.0,
            "seconds": whole,
            "busy": (time.process_time() - self.busy_at) / whole if whole else 0.0,
        }


counts = Counts()


class Conversation(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""
        self._content: list[bytes] | None = None
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        if self._content is not None:
            self._more(data)
            return
        self._buffer += data
        answers = []
        while self._content is None:
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                break
            self._buffer = rest
            answers.append(self._answer(line[:4].upper()))
        self._transport.write(b"".join(answers))
        if self._content is not None and self._buffer:
            begun, self._buffer = self._buffer, b""
            self._more(begun)

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            self._content = []
            return GO
        if verb in (b"EHLO", b"HELO"):
            return HELLO
        if verb == b"QUIT":
            return BYE
        return OK

    def _more(self, data: bytes) -> None:
        assert self._content is not None
        self._content.append(data)
        # Its end may stand across two pieces; nobody here sends anything after it before the answer.
        tail = data if len(data) >= len(END) else b"".join(self._content[-2:])
        if tail.endswith(END):
            counts.take(b"".join(self._content))
            self._content = None
            self._transport.write(TAKEN)


class Questions(asyncio.Protocol):
    """One line a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        global counts  # noqa: PLW0603 - the program's one state
        answer = counts.report()
        if data.startswith(b"reset"):
            counts = Counts()
        self._transport.write(json.dumps(answer).encode())
        self._transport.close()


async def serve() -> None:
    """Until the standard input ends."""
    loop = asyncio.get_running_loop()
    ports = []
    for protocol in (Conversation, Questions):
        server = await loop.create_server(protocol, "127.0.0.1", 0)
        ports.append(str(server.sockets[0].getsockname()[1]))
    sys.stdout.write(" ".join(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())

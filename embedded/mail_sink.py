"""The local mail sink: an SMTP server that keeps every mail in a Maildir and delivers none.

    python -m embedded.mail_sink --listen 127.0.0.1:2525 --maildir var/mail

A mail is on disk before its sender is told so. The envelope stands in headers added at the top:
`Return-Path`, `X-Mail-From`, one `X-Rcpt-To` for each recipient, `Received`.

For tests of what a real server may do, the part of a recipient's address before the at sign can ask for it:

    refuse-550@...       RCPT is answered with 550 (any code from 500 to 599)
    later-450@...        RCPT is answered with 450 (any code from 400 to 499)
    data-554@...         the mail is refused with 554 after its content (any code from 400 to 599)
    drop@...             the connection is closed after the content, before any answer; nothing is kept
    keep-and-drop@...    the same, but the mail is kept: the sender cannot know that
    slow-3@...           the answer to the content comes after 3 seconds (0 to 60)
"""

import asyncio
import contextlib
import itertools
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import click
from aiosmtpd.smtp import SMTP, Envelope, Session

MOST_BYTES = 10 * 1024 * 1024
"""Of one mail."""

_AT_RCPT = re.compile(r"(?:refuse-(5\d\d)|later-(4\d\d))@")
_AT_DATA = re.compile(r"data-([45]\d\d)@")
_SLOW = re.compile(r"slow-([1-5]?\d|60)@")


class Maildir:
    """A directory of mails, each written whole or not at all; safe from any thread and process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = itertools.count()
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir(parents=True, exist_ok=True)

    def add(self, mail: bytes) -> Path:
        """Stores a mail durably and returns its file; OSError if it cannot, and then nothing of it stays."""
        host = socket.gethostname().replace("/", "_").replace(":", "_")
        name = f"{time.time_ns()}.P{os.getpid()}Q{next(self._count)}.{host}"
        temporary, final = self._path / "tmp" / name, self._path / "new" / name
        try:
            with open(temporary, "xb") as file:
                file.write(mail)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, final)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        directory = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return final


class Sink:
    """What aiosmtpd asks about each command."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes every recipient but those that ask to be refused."""
        if match := _AT_RCPT.match(address):
            return f"{match.group(1) or match.group(2)} {_enhanced(match)} this address asked for it"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps the mail; only then the sender is told so. Others are served meanwhile."""
        recipients = [str(address) for address in envelope.rcpt_tos]
        for address in recipients:
            if match := _AT_DATA.match(address):
                return f"{match.group(1)} this address asked for it"
            if match := _SLOW.match(address):
                await asyncio.sleep(int(match.group(1)))
        dropped = any(address.startswith("drop@") for address in recipients)
        if not dropped:
            mail = _with_envelope(session, envelope, recipients)
            try:
                file = await asyncio.get_running_loop().run_in_executor(None, self._maildir.add, mail)
            except OSError as error:
                # A full disk says nothing about this mail: its sender shall come again, with all others too.
                with contextlib.suppress(OSError):  # the log may be on the same disk
                    sys.stderr.write(f"mail not kept: {error}\n")
                return "421 4.3.1 mails cannot be kept at the moment"
        if dropped or any(address.startswith("keep-and-drop@") for address in recipients):
            _hang_up(server)
            return "421 4.3.2 dropped"
        return f"250 2.0.0 kept as {file.name}"


def _hang_up(server: SMTP) -> None:
    # At once and without a word, as if the machine had lost its power.
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


def _enhanced(match: re.Match[str]) -> str:
    return "5.1.1" if match.group(1) else "4.2.1"


def _with_envelope(session: Session, envelope: Envelope, recipients: list[str]) -> bytes:
    peer = session.peer[0] if session.peer else "unknown"
    name = re.sub(r"[^\w.\[\]:-]", "?", str(session.host_name or ""))
    lines = [
        f"Return-Path: <{envelope.mail_from or ''}>",
        f"X-Mail-From: {envelope.mail_from or ''}",
        *(f"X-Rcpt-To: {address}" for address in recipients),
        f"Received: from {name} ({peer}) by dunlin mail sink;\r\n {format_datetime(datetime.now(UTC))}",
    ]
    content = envelope.content if isinstance(envelope.content, bytes) else b""
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace") + content


def protocol(maildir: Path) -> Callable[[], SMTP]:
    """What makes the server's side of each new connection."""
    sink = Sink(Maildir(maildir))
    options: dict[str, Any] = {
        "data_size_limit": MOST_BYTES,
        "enable_SMTPUTF8": True,
        "hostname": "dunlin.sink",
        "ident": "Dunlin mail sink",
        "timeout": 600,
    }
    return lambda: SMTP(sink, **options)


async def serve(host: str, port: int, maildir: Path) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(protocol(maildir), host, port)
    await stop.wait()
    server.close()
    # From Python 3.12 on this also waits for open connections, which senders keep as long as they like.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 2)


def _address(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise click.BadParameter("write it as 127.0.0.1:2525")
    return host.strip("[]"), int(port)


@click.command()
@click.option("--listen", required=True, callback=_address, help="Address to listen at, as host:port.")
@click.option("--maildir", required=True, type=click.Path(path_type=Path), help="Directory to keep mails in.")
def main(listen: tuple[str, int], maildir: Path) -> None:
    """Keeps every mail it is given; says so where it cannot."""
    asyncio.run(serve(*listen, maildir))


if __name__ == "__main__":
    main()

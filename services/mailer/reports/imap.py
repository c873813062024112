"""Reports fetched from a mailbox by IMAP (RFC 9051 and older).

A mail that was dealt with is marked as seen, after what it says is durable: a crash in between has it read
once more, which changes nothing. So the mailbox is for reports alone: what a person opens there is not read.
"""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog

from services.mailer.reports.reading import MOST_BYTES
from services.mailer.use_cases.bounces import Taken
from services.shared.progress import progress

log = structlog.get_logger()

POLL_SECONDS = 60.0
STEP_SECONDS = 30.0
"""For each answer of the server."""

MOST_AT_ONCE = 100


class MailboxAway(Exception):
    """The mailbox cannot be read now; the text says why."""


@dataclass(frozen=True)
class ImapServer:
    """Where the mailbox is. `secure` is TLS from the start."""

    host: str
    port: int
    user: str
    mailbox: str
    secure: bool
    password: str = field(repr=False)


class ImapMailbox:
    """Fetches what is unseen, for one thread. `take` gets each mail, and says what became of it."""

    def __init__(self, server: ImapServer, take: Callable[[bytes], Taken]) -> None:
        self._server = server
        self._take = take

    def fetch_some(self) -> bool:
        """Deals with unseen mails, at most `MOST_AT_ONCE`; whether there are more. Raises `MailboxAway`."""
        try:
            with self._open() as connection:
                found = _answer(connection.uid("SEARCH", "UNSEEN"))
                ids = [one for line in found if isinstance(line, bytes) for one in line.split()]
                dealt = 0
                for uid in ids[:MOST_AT_ONCE]:
                    progress()
                    dealt += self._deal(connection, uid.decode("ascii"))
        except (OSError, imaplib.IMAP4.error, UnicodeError) as error:
            raise MailboxAway(f"{self._server.host}:{self._server.port}: {error}") from error
        return dealt > 0 and len(ids) > MOST_AT_ONCE

    def _deal(self, connection: imaplib.IMAP4, uid: str) -> bool:
        """Whether it need not be read again."""
        # PEEK leaves it unseen; of a large mail the beginning is enough.
        answer = _answer(connection.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST_BYTES}>)"))
        mail = next((part[1] for part in answer if isinstance(part, tuple)), None)
        if isinstance(mail, bytes) and self._take(mail) is Taken.TOO_EARLY:
            return False
        _answer(connection.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)"))
        return True

    @contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        server = self._server
        if server.secure:
            context = ssl.create_default_context()
            connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                server.host, server.port, ssl_context=context, timeout=STEP_SECONDS
            )
        else:
            connection = imaplib.IMAP4(server.host, server.port, timeout=STEP_SECONDS)
        try:
            connection.login(server.user, server.password)
            _answer(connection.select(_quoted(server.mailbox)))
            yield connection
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                connection.logout()
            with suppress(OSError):
                # After a connection that was cut, logging out fails before it closes anything.
                connection.shutdown()


def _answer(reply: tuple[str, Sequence[object]]) -> Sequence[object]:
    kind, data = reply
    if kind != "OK":
        raise imaplib.IMAP4.error(f"the server said {kind}: {data[:1]!r}"[:300])
    return data


def _quoted(name: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'

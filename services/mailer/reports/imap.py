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
        self._behind = 0
        """The last uid that was tried in this round; the next round begins at the front again."""
        self._failures: list[Exception] = []
        """What went wrong with single mails in this round."""

    def fetch_some(self) -> bool:
        """Deals with unseen mails, at most `MOST_AT_ONCE`; whether there are more that were not tried yet.

        What cannot be dealt with now is left unseen and tried again in the next round, after all others. The
        first of such failures is raised, `MailboxAway` if it is the mailbox's: at the end of the round, or at
        once if all of `MOST_AT_ONCE` have failed.
        """
        try:
            with self._open() as connection:
                found = _answer(connection.uid("SEARCH", "UNSEEN"))
                uids = sorted(int(one) for line in found if isinstance(line, bytes) for one in line.split())
                # None behind is left where mails were read elsewhere, or the server counts anew.
                left = [uid for uid in uids if uid > self._behind] or uids
                failures = self._deal_with(connection, left[:MOST_AT_ONCE])
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            raise self._away(error) from error
        is_over = len(left) <= MOST_AT_ONCE
        if is_over:
            self._behind = 0
        self._failures += failures
        # Where none gets through it is not the mails: whoever asks must have time to back off.
        if self._failures and (is_over or len(failures) == MOST_AT_ONCE):
            first, self._failures = self._failures[0], []
            raise first
        return not is_over

    def _deal_with(self, connection: imaplib.IMAP4, uids: Sequence[int]) -> list[Exception]:
        """What went wrong with single mails; raises what ends the connection."""
        failures: list[Exception] = []
        for uid in uids:
            progress()
            # Noted before it is tried: a mail at which the server hangs up must not hide the others either.
            self._behind = uid
            try:
                mail = self._read(connection, uid)
                if mail is None or self._noted(mail, uid, failures):
                    _answer(connection.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)"))
            except (OSError, imaplib.IMAP4.abort):
                log.warning("mailbox lost", uid=uid)
                raise
            except imaplib.IMAP4.error as error:
                log.warning("report not read", uid=uid, error=str(error))
                failures.append(self._away(error))
        return failures

    def _noted(self, mail: bytes, uid: int, failures: list[Exception]) -> bool:
        """Whether it need not be read again."""
        try:
            return self._take(mail) is not Taken.TOO_EARLY
        except Exception as error:
            # The database, most likely; whatever it is, the mail stays, and the others have their turn.
            log.warning("report not noted", uid=uid, error=type(error).__name__)
            failures.append(error)
            return False

    def _read(self, connection: imaplib.IMAP4, uid: int) -> bytes | None:
        # PEEK leaves it unseen; of a large mail the beginning is enough.
        answer = _answer(connection.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)"))
        mail = next((part[1] for part in answer if isinstance(part, tuple)), None)
        return mail if isinstance(mail, bytes) else None

    def _away(self, error: Exception) -> MailboxAway:
        return MailboxAway(f"{self._server.host}:{self._server.port}: {error}")

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

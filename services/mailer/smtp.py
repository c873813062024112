"""Handing mails to the SMTP server over a connection that is kept open."""

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.mailer.domain.delivery import Answer, RefusedRecipient, Stage
from services.mailer.domain.message import Rendered

CONNECT_SECONDS = 10.0
GREETING_SECONDS = 30.0
"""For each step from the greeting to the login."""

COMMAND_SECONDS = 60.0
CONVERSATION_SECONDS = 120.0
"""For all commands of one mail. A lease is shorter, and is renewed meanwhile (use_cases/keep.py)."""

TRUST_SECONDS = 1.0
"""A connection unused for longer is tried with a NOOP before it is relied on."""

REST_SECONDS = 30.0
"""A connection unused for so long is given back; servers drop it soon anyway."""

OK, WILL_FORWARD, GO_AHEAD, GOING_AWAY = 250, 251, 354, 421


_Reply = tuple[int, bytes]


@dataclass(frozen=True)
class SmtpServer:
    """Where mails go. `security` is none, starttls or tls; no login without a user."""

    host: str
    port: int
    security: str = "none"
    user: str = ""
    password: str = ""


class _Plain(smtplib.SMTP):
    """Connects within its own time, and sends the end of a mail without waiting for the acknowledgement."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, CONNECT_SECONDS)  # type: ignore[misc]
        return _tuned(connection)


class _Tls(smtplib.SMTP_SSL):
    """The same, encrypted from the start."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, CONNECT_SECONDS)  # type: ignore[misc]
        return _tuned(connection)


def _tuned(connection: socket.socket) -> socket.socket:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(GREETING_SECONDS)
    return connection


class SmtpTransport:
    """See `ports.Transport`. For one thread."""

    def __init__(self, server: SmtpServer, *, trust_seconds: float = TRUST_SECONDS) -> None:
        self._server = server
        self._trust_seconds = trust_seconds
        self._connection: smtplib.SMTP | None = None
        self._has_served = False
        self._used_at = 0.0
        self._deadline = 0.0
        self._stage = Stage.CONNECT

    def ready(self) -> Answer | None:
        """Connects, greets and logs in, unless a connection stands; one unused for a while is tried first."""
        if self._connection is not None and time.monotonic() - self._used_at > self._trust_seconds:
            self._knock(self._connection)
        return self._ready()

    def is_open(self) -> bool:
        """Whether there is a connection, as far as its last use showed."""
        return self._connection is not None

    def send(self, mail: Rendered, *, together: bool) -> Answer:
        """Hands the mail over and tells how that ended."""
        if self._connection is None:
            return Answer(Stage.CONNECT, None, "There is no connection to the SMTP server.")
        self._begin()
        answer = self._converse(self._connection, mail, together)
        if self._has_served and answer.stage is Stage.SENDER and answer.code in (None, GOING_AWAY):
            # Servers end connections that were idle or have served enough; this mail was not even named.
            answer = replace(answer, unheard=not answer.never)
        self._has_served = True
        self._after(answer)
        return answer

    def probe(self) -> Answer | None:
        """Connects and greets; None if the server can be used."""
        self._drop()
        return self._ready()

    def rest(self) -> None:
        """Gives a connection back that was unused for long."""
        if self._connection is not None and time.monotonic() - self._used_at > REST_SECONDS:
            self.close()

    def close(self) -> None:
        """Takes leave of the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.quit()
            except (OSError, smtplib.SMTPException):
                connection.close()

    def _begin(self) -> None:
        self._used_at = time.monotonic()
        self._deadline = self._used_at + CONVERSATION_SECONDS

    def _knock(self, connection: smtplib.SMTP) -> None:
        """Drops a connection that the server no longer answers on."""
        self._begin()
        try:
            code, _words = self._timed(connection).noop()
        except (OSError, smtplib.SMTPException):
            code = 0
        if code != OK:
            self._drop()

    def _ready(self) -> Answer | None:
        if self._connection is not None:
            return None
        where = f"{self._server.host}:{self._server.port}"
        try:
            self._connection = self._connect()
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code if error.smtp_code > 0 else None
            return Answer(Stage.CONNECT, code, f"{_text(error.smtp_error)} (from {where})")
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            return Answer(Stage.CONNECT, None, f"The SMTP server {where} cannot be used: {error}")
        self._has_served = False
        self._begin()
        return None

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        # A name of our own, because smtplib would ask the DNS for one, which may take long.
        name = socket.gethostname() or "localhost"
        if server.security == "tls":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = _Tls(server.host, server.port, local_hostname=name, context=context)
        else:
            connection = _Plain(server.host, server.port, local_hostname=name)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.security == "starttls":
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo_or_helo_if_needed()
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _converse(self, connection: smtplib.SMTP, mail: Rendered, together: bool) -> Answer:
        self._stage = Stage.SENDER
        if mail.needs_utf8 and not connection.has_extn("smtputf8"):
            words = "An address has letters beyond ASCII, and the SMTP server does not take such (SMTPUTF8)."
            return Answer(self._stage, None, words, never=True)
        try:
            return self._dialogue(connection, mail, together)
        except smtplib.SMTPResponseException as error:
            return Answer(self._stage, error.smtp_code, _text(error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            return Answer(self._stage, None, f"The connection to the SMTP server was lost: {error}")

    def _dialogue(self, connection: smtplib.SMTP, mail: Rendered, together: bool) -> Answer:
        """Names the mail and its recipients, and hands over the content if the server takes enough."""
        if connection.has_extn("pipelining"):
            named = self._name_at_once(connection, mail, together)
        else:
            named = self._name_one_by_one(connection, mail, together)
        if named.code != GO_AHEAD:
            return named
        self._stage = Stage.CONTENT
        self._timed(connection).send(_stuffed(mail.mime))
        code, text = connection.getreply()
        return Answer(self._stage, code, _text(text), named.refused)

    def _name_one_by_one(self, connection: smtplib.SMTP, mail: Rendered, together: bool) -> Answer:
        code, text = self._timed(connection).mail(mail.sender, self._options(connection, mail))
        if code != OK:
            return Answer(self._stage, code, _text(text))
        self._stage = Stage.RECIPIENTS
        replies = self._until_it_goes(self._timed(connection).rcpt(email) for email in mail.recipients)
        answer = _recipients(mail, replies, together)
        return answer if answer.code != OK else self._ask_for_content(connection, answer)

    def _name_at_once(self, connection: smtplib.SMTP, mail: Rendered, together: bool) -> Answer:
        """All commands in one piece (RFC 2920), and then all answers.

        DATA goes with them only where nobody can get an empty mail by it: if the only recipient is refused,
        or if whoever is not refused shall have the mail anyway.
        """
        whole = len(mail.recipients) == 1 or not together
        options = "".join(f" {option}" for option in self._options(connection, mail))
        commands = [f"MAIL FROM:<{mail.sender}>{options}"]
        commands += [f"RCPT TO:<{email}>" for email in mail.recipients]
        commands += ["DATA"] if whole else []
        self._timed(connection).send("".join(f"{one}\r\n" for one in commands).encode())
        code, text = connection.getreply()
        answer = Answer(self._stage, code, _text(text))
        if code == GOING_AWAY:
            return answer
        if code == OK:
            self._stage = Stage.RECIPIENTS
        replies = self._until_it_goes(self._timed(connection).getreply() for _ in mail.recipients)
        if code == OK:
            answer = _recipients(mail, replies, together)
        if answer.code == GOING_AWAY:
            return answer
        if answer.code == OK and not whole:
            return self._ask_for_content(connection, answer)
        return self._go_ahead(connection, answer) if whole else answer

    def _go_ahead(self, connection: smtplib.SMTP, named: Answer) -> Answer:
        """The answer to a DATA that was sent ahead."""
        if named.code == OK:
            self._stage = Stage.CONTENT
        code, text = self._timed(connection).getreply()
        if named.code == OK:
            return Answer(self._stage, code, _text(text), named.refused)
        if code == GO_AHEAD:
            # It waits for a mail that nobody is to get; an empty one ends that.
            self._timed(connection).send(b".\r\n")
            connection.getreply()
        return named

    def _ask_for_content(self, connection: smtplib.SMTP, named: Answer) -> Answer:
        self._stage = Stage.CONTENT
        code, text = self._timed(connection).docmd("DATA")
        return Answer(self._stage, code, _text(text), named.refused)

    def _until_it_goes(self, replies: Iterator[_Reply]) -> list[_Reply]:
        """The replies, no further than one that ends the connection."""
        result = []
        for reply in replies:
            result.append(reply)
            if reply[0] == GOING_AWAY:
                break
        return result

    def _options(self, connection: smtplib.SMTP, mail: Rendered) -> list[str]:
        options = [f"SIZE={len(mail.mime)}"] if connection.has_extn("size") else []
        return [*options, "BODY=8BITMIME", "SMTPUTF8"] if mail.needs_utf8 else options

    def _timed(self, connection: smtplib.SMTP) -> smtplib.SMTP:
        left = self._deadline - time.monotonic()
        if connection.sock is not None:
            connection.sock.settimeout(max(1.0, min(COMMAND_SECONDS, left)))
        return connection

    def _after(self, answer: Answer) -> None:
        """Leaves the connection ready for the next mail, or drops it."""
        self._used_at = time.monotonic()
        taken = answer.stage is Stage.CONTENT and answer.code == OK
        if self._connection is None or taken or answer.never:
            return
        if answer.code in (None, GOING_AWAY):
            self._drop()
            return
        try:
            code, _text_of = self._timed(self._connection).rset()
        except (OSError, smtplib.SMTPException):
            code = 0
        if code != OK:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _recipients(mail: Rendered, replies: Sequence[_Reply], together: bool) -> Answer:
    """What the answers come to; 250 if the server takes enough of them."""
    refused: list[RefusedRecipient] = []
    for email, (code, text) in zip(mail.recipients, replies, strict=False):
        if code == GOING_AWAY:
            return Answer(Stage.RECIPIENTS, code, _text(text))
        if code not in (OK, WILL_FORWARD):
            refused.append(RefusedRecipient(email, code, _text(text)))
    if len(refused) == len(mail.recipients) or (together and any(one.later for one in refused)):
        return Answer(Stage.RECIPIENTS, refused[-1].code, refused[-1].text, tuple(refused))
    return Answer(Stage.RECIPIENTS, OK, "", tuple(refused))


def _stuffed(mime: bytes) -> bytes:
    """The mail as it goes over the line: dots at the beginnings of lines doubled (RFC 5321, 4.5.2)."""
    lines = mime.replace(b"\r\n.", b"\r\n..")
    start = b"." if lines.startswith(b".") else b""
    end = b".\r\n" if lines.endswith(b"\r\n") else b"\r\n.\r\n"
    return start + lines + end


def _text(answer: Any) -> str:
    """The server's words on one line."""
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    return " ".join(words.split())[:500]

"""Handing mails to the SMTP server over a connection that is kept open."""

import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, replace
from typing import Any

from services.mailer.domain.delivery import Answer, RefusedRecipient, Stage
from services.mailer.domain.message import Rendered

CONNECT_SECONDS = 10.0
GREETING_SECONDS = 30.0
"""For each step from the greeting to the login."""

COMMAND_SECONDS = 60.0
CONVERSATION_SECONDS = 120.0
"""For all commands of one mail; with connecting it stays below the lease of an attempt."""

TRUST_SECONDS = 1.0
"""A connection unused for longer is tried with a NOOP before it is relied on."""

REST_SECONDS = 30.0
"""A connection unused for so long is given back; servers drop it soon anyway."""

OK, WILL_FORWARD, GOING_AWAY = 250, 251, 421


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
        code, text = self._timed(connection).mail(mail.sender, self._options(connection, mail))
        if code != OK:
            return Answer(self._stage, code, _text(text))
        self._stage = Stage.RECIPIENTS
        answer = self._recipients(connection, mail, together)
        if answer.code != OK:
            return answer
        self._stage = Stage.CONTENT
        code, text = self._timed(connection).data(mail.mime)
        return Answer(self._stage, code, _text(text), answer.refused)

    def _recipients(self, connection: smtplib.SMTP, mail: Rendered, together: bool) -> Answer:
        """Names all of them; 250 if the server takes enough of them."""
        refused: list[RefusedRecipient] = []
        for email in mail.recipients:
            code, text = self._timed(connection).rcpt(email)
            if code == GOING_AWAY:
                return Answer(self._stage, code, _text(text))
            if code not in (OK, WILL_FORWARD):
                refused.append(RefusedRecipient(email, code, _text(text)))
        if len(refused) == len(mail.recipients) or (together and any(one.later for one in refused)):
            return Answer(self._stage, refused[-1].code, refused[-1].text, tuple(refused))
        return Answer(self._stage, OK, "", tuple(refused))

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


def _text(answer: Any) -> str:
    """The server's words on one line."""
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    return " ".join(words.split())[:500]

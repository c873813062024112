"""Handing mails to the SMTP server over a connection that is kept open."""

import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, replace

from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.message import Rendered
from services.mailer.smtp_dialogue import GOING_AWAY, OK, Dialogue, text_of

CONNECT_SECONDS = 10.0
GREETING_SECONDS = 30.0
"""For each step from the greeting to the login."""

TRUST_SECONDS = 1.0
"""A connection unused for longer is tried with a NOOP before it is relied on."""

REST_SECONDS = 30.0
"""A connection unused for so long is given back; servers drop it soon anyway."""


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

    def ready(self) -> Answer | None:
        """Connects, greets and logs in, unless a connection stands; one unused for a while is tried first."""
        if self._connection is not None and time.monotonic() - self._used_at > self._trust_seconds:
            self._used_at = time.monotonic()
            if not Dialogue(self._connection).is_heard():
                self._drop()
        return self._ready()

    def is_open(self) -> bool:
        """Whether there is a connection, as far as its last use showed."""
        return self._connection is not None

    def send(self, mail: Rendered, *, together: bool) -> Answer:
        """Hands the mail over and tells how that ended."""
        if self._connection is None:
            return Answer(Stage.CONNECT, None, "There is no connection to the SMTP server.")
        dialogue = Dialogue(self._connection)
        answer = dialogue.hand_over(mail, together=together)
        if self._has_served and answer.stage is Stage.SENDER and answer.code in (None, GOING_AWAY):
            # Servers end connections that were idle or have served enough; this mail was not even named.
            answer = replace(answer, unheard=not answer.never)
        self._has_served = True
        self._after(dialogue, answer)
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

    def _ready(self) -> Answer | None:
        if self._connection is not None:
            return None
        where = f"{self._server.host}:{self._server.port}"
        try:
            self._connection = self._connect()
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code if error.smtp_code > 0 else None
            return Answer(Stage.CONNECT, code, f"{text_of(error.smtp_error)} (from {where})")
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            return Answer(Stage.CONNECT, None, f"The SMTP server {where} cannot be used: {error}")
        self._has_served = False
        self._used_at = time.monotonic()
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

    def _after(self, dialogue: Dialogue, answer: Answer) -> None:
        """Leaves the connection ready for the next mail, or drops it."""
        self._used_at = time.monotonic()
        taken = answer.stage is Stage.CONTENT and answer.code == OK
        if taken or answer.never:
            return
        if answer.code in (None, GOING_AWAY) or not dialogue.reset():
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

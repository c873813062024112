"""The commands and answers by which one mail is handed over, on a connection that stands."""

import smtplib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from services.mailer.domain.delivery import Answer, RefusedRecipient, Stage
from services.mailer.domain.message import Rendered

COMMAND_SECONDS = 60.0
CONVERSATION_SECONDS = 120.0
"""For all commands of one mail. A lease is shorter, and is renewed meanwhile (use_cases/keep.py)."""

OK, WILL_FORWARD, GO_AHEAD, GOING_AWAY = 250, 251, 354, 421

_Reply = tuple[int, bytes]


class Dialogue:
    """About one mail. It has `CONVERSATION_SECONDS`, from its making on."""

    def __init__(self, connection: smtplib.SMTP) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + CONVERSATION_SECONDS
        self._stage = Stage.SENDER

    def hand_over(self, mail: Rendered, *, together: bool) -> Answer:
        """Hands one mail over, and tells how that ended."""
        if mail.needs_utf8 and not self._connection.has_extn("smtputf8"):
            words = "An address has letters beyond ASCII, and the SMTP server does not take such (SMTPUTF8)."
            return Answer(self._stage, None, words, never=True)
        try:
            return self._go_through(mail, together)
        except smtplib.SMTPResponseException as error:
            return Answer(self._stage, error.smtp_code, text_of(error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            return Answer(self._stage, None, f"The connection to the SMTP server was lost: {error}")

    def is_heard(self) -> bool:
        """Whether the server still answers."""
        try:
            return self._timed().noop()[0] == OK
        except (OSError, smtplib.SMTPException):
            return False

    def reset(self) -> bool:
        """Takes back what was said about the mail; whether the server can be told about another."""
        try:
            return self._timed().rset()[0] == OK
        except (OSError, smtplib.SMTPException):
            return False

    def _go_through(self, mail: Rendered, together: bool) -> Answer:
        """Names the mail and its recipients, and hands over the content if the server takes enough."""
        if self._connection.has_extn("pipelining"):
            named = self._name_at_once(mail, together)
        else:
            named = self._name_one_by_one(mail, together)
        if named.code != GO_AHEAD:
            return named
        self._stage = Stage.CONTENT
        self._timed().send(_stuffed(mail.mime))
        code, text = self._connection.getreply()
        return Answer(self._stage, code, text_of(text), named.refused)

    def _name_one_by_one(self, mail: Rendered, together: bool) -> Answer:
        code, text = self._timed().mail(mail.sender, self._options(mail))
        if code != OK:
            return Answer(self._stage, code, text_of(text))
        self._stage = Stage.RECIPIENTS
        replies = self._until_it_goes(
            self._timed().rcpt(email, self._wishes(mail, email)) for email in mail.recipients
        )
        answer = _recipients(mail, replies, together)
        return answer if answer.code != OK else self._ask_for_content(answer)

    def _name_at_once(self, mail: Rendered, together: bool) -> Answer:
        """All commands in one piece (RFC 2920), and then all answers.

        DATA goes with them only where nobody can get an empty mail by it: if the only recipient is refused,
        or if whoever is not refused shall have the mail anyway.
        """
        whole = len(mail.recipients) == 1 or not together
        commands = [_with_options(f"MAIL FROM:<{mail.sender}>", self._options(mail))]
        commands += [_with_options(f"RCPT TO:<{one}>", self._wishes(mail, one)) for one in mail.recipients]
        commands += ["DATA"] if whole else []
        self._timed().send("".join(f"{one}\r\n" for one in commands).encode())
        code, text = self._connection.getreply()
        answer = Answer(self._stage, code, text_of(text))
        if code == GOING_AWAY:
            return answer
        if code == OK:
            self._stage = Stage.RECIPIENTS
        replies = self._until_it_goes(self._timed().getreply() for _ in mail.recipients)
        if code == OK:
            answer = _recipients(mail, replies, together)
        if answer.code == GOING_AWAY:
            return answer
        if answer.code == OK and not whole:
            return self._ask_for_content(answer)
        return self._go_ahead(answer) if whole else answer

    def _go_ahead(self, named: Answer) -> Answer:
        """The answer to a DATA that was sent ahead."""
        if named.code == OK:
            self._stage = Stage.CONTENT
        code, text = self._timed().getreply()
        if named.code == OK:
            return Answer(self._stage, code, text_of(text), named.refused)
        if code == GO_AHEAD:
            # It waits for a mail that nobody is to get; an empty one ends that.
            self._timed().send(b".\r\n")
            self._connection.getreply()
        return named

    def _ask_for_content(self, named: Answer) -> Answer:
        self._stage = Stage.CONTENT
        code, text = self._timed().docmd("DATA")
        return Answer(self._stage, code, text_of(text), named.refused)

    def _until_it_goes(self, replies: Iterator[_Reply]) -> list[_Reply]:
        """The replies, no further than one that ends the connection."""
        result = []
        for reply in replies:
            result.append(reply)
            if reply[0] == GOING_AWAY:
                break
        return result

    def _options(self, mail: Rendered) -> list[str]:
        options = [f"SIZE={len(mail.mime)}"] if self._connection.has_extn("size") else []
        if self._reports(mail):
            # The headers are enough to bring back; the mail itself we have.
            options += ["RET=HDRS", f"ENVID={_xtext(mail.envelope_id)}"]
        return [*options, "BODY=8BITMIME", "SMTPUTF8"] if mail.needs_utf8 else options

    def _wishes(self, mail: Rendered, email: str) -> list[str]:
        """What a recipient is named with: failures are reported, and under the address that we know."""
        if not self._reports(mail):
            return []
        return ["NOTIFY=FAILURE", *([f"ORCPT=rfc822;{_xtext(email)}"] if email.isascii() else [])]

    def _reports(self, mail: Rendered) -> bool:
        """Whether the server is to be told how it shall report (RFC 3461)."""
        return bool(mail.envelope_id) and self._connection.has_extn("dsn")

    def _timed(self) -> smtplib.SMTP:
        left = self._deadline - time.monotonic()
        if self._connection.sock is not None:
            self._connection.sock.settimeout(max(1.0, min(COMMAND_SECONDS, left)))
        return self._connection


def _recipients(mail: Rendered, replies: Sequence[_Reply], together: bool) -> Answer:
    """What the answers come to; 250 if the server takes enough of them."""
    refused: list[RefusedRecipient] = []
    for email, (code, text) in zip(mail.recipients, replies, strict=False):
        if code == GOING_AWAY:
            return Answer(Stage.RECIPIENTS, code, text_of(text))
        if code not in (OK, WILL_FORWARD):
            refused.append(RefusedRecipient(email, code, text_of(text)))
    if len(refused) == len(mail.recipients) or (together and any(one.later for one in refused)):
        return Answer(Stage.RECIPIENTS, refused[-1].code, refused[-1].text, tuple(refused))
    return Answer(Stage.RECIPIENTS, OK, "", tuple(refused))


def _with_options(command: str, options: Sequence[str]) -> str:
    return " ".join([command, *options])


def _xtext(text: str) -> str:
    """As RFC 3461 writes what may hold "+", "=" or a space."""
    return "".join(one if "!" <= one <= "~" and one not in "+=" else f"+{ord(one):02X}" for one in text)


def _stuffed(mime: bytes) -> bytes:
    """The mail as it goes over the line: dots at the beginnings of lines doubled (RFC 5321, 4.5.2)."""
    lines = mime.replace(b"\r\n.", b"\r\n..")
    start = b"." if lines.startswith(b".") else b""
    end = b".\r\n" if lines.endswith(b"\r\n") else b"\r\n.\r\n"
    return start + lines + end


def text_of(answer: Any) -> str:
    """The server's words on one line."""
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    # NUL is a word of no server, and PostgreSQL takes none.
    return " ".join(words.replace("\0", "").split())[:500]

"""Reports of failure are asked of SMTP servers that offer them (RFC 3461), and of no others."""

from dataclasses import replace

import pytest

from services.mailer.domain.message import Rendered
from services.mailer.domain.templates import Key, TemplateType
from services.mailer.smtp import SmtpServer, SmtpTransport
from tests.fakes.mailer_smtp import Script, served

MIME = b"Subject: x\r\n\r\nfirst\r\n"


def _mail(recipient: str = "ann@x.test", *, needs_utf8: bool = False) -> Rendered:
    key = Key(TemplateType.DUE_NOTICE_AFTER)
    return Rendered(key, 1, "billing@x.test", (recipient,), "x", MIME, needs_utf8=needs_utf8)


@pytest.mark.parametrize("pipelining", [False, True])
def test_a_server_that_reports_failures_is_asked_to_and_told_by_which_name(pipelining: bool) -> None:
    ehlo = "250-there\r\n250-DSN\r\n250-SIZE" + ("\r\n250-PIPELINING" if pipelining else "")
    said = _said_to(f"{ehlo}\r\n250 8BITMIME", replace(_mail("a+b=c@x.test"), envelope_id="7-ab+c"))
    assert f"MAIL FROM:<billing@x.test> size={len(MIME)} RET=HDRS ENVID=7-ab+2Bc".lower() in said.lower()
    assert "TO:<a+b=c@x.test> NOTIFY=FAILURE ORCPT=rfc822;a+2Bb+3Dc@x.test\r\n" in said


def test_nothing_is_asked_of_a_server_that_knows_no_reports_nor_where_nobody_reads_them() -> None:
    asked = replace(_mail(), envelope_id="7-ab")
    for ehlo, mail in (("250-there\r\n250 SIZE", asked), ("250-there\r\n250-DSN\r\n250 SIZE", _mail())):
        said = _said_to(ehlo, mail)
        assert "RET=" not in said
        assert "NOTIFY" not in said


def test_an_address_beyond_ascii_is_reported_by_no_name() -> None:
    mail = replace(_mail("jürgen@x.test", needs_utf8=True), envelope_id="7-ab")
    said = _said_to("250-there\r\n250-DSN\r\n250-8BITMIME\r\n250 SMTPUTF8", mail)
    assert "TO:<jürgen@x.test> NOTIFY=FAILURE\r\n" in said


class _Listening(Script):
    """A script that remembers what it heard."""

    def __init__(self, heard: list[bytes], *lines: str) -> None:
        super().__init__(*lines)
        self._heard = heard

    def data_received(self, data: bytes) -> None:
        self._heard.append(data)
        super().data_received(data)


def _said_to(ehlo: str, mail: Rendered) -> str:
    """What the transport says to a server that greets in this way and takes everything."""
    heard: list[bytes] = []
    rest = ["250 ok"] * len(mail.recipients)
    pipelined = "\r\n".join(["250 ok", *rest, "354 go"])
    talk = [pipelined, "250 taken"] if "PIPELINING" in ehlo else ["250 ok", *rest, "354 go", "250 taken"]
    with served(lambda: _Listening(heard, "220 hi", ehlo, *talk)) as port:
        transport = SmtpTransport(SmtpServer("127.0.0.1", port))
        assert transport.ready() is None
        assert transport.send(mail, together=True).code == 250
        transport.close()
    return b"".join(heard).decode()

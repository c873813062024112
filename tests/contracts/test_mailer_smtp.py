"""The SMTP transport against real servers on the loopback: answers, drops, disconnects, reconnects."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.mailer.domain.delivery import Answer, RefusedRecipient, Stage
from services.mailer.domain.message import Rendered
from services.mailer.domain.templates import Key, TemplateType
from services.mailer.smtp import SmtpServer, SmtpTransport
from services.mailer.smtp_dialogue import text_of
from tests.fakes.mailer_smtp import Script, free_port, served, smtp

MIME = b"Subject: x\r\n\r\nfirst\r\n.starts with a dot\r\nlast\r\n"


def _mail(*recipients: str, needs_utf8: bool = False) -> Rendered:
    recipients = recipients or ("ann@x.test",)
    key = Key(TemplateType.DUE_NOTICE_AFTER)
    return Rendered(key, 1, "billing@x.test", recipients, "x", MIME, needs_utf8=needs_utf8)


class Keeper:
    """Takes what it is told to take, and remembers connections and mails."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.connections: set[object] = set()
        self.rcpt: dict[str, str] = {}
        self.data = "250 2.0.0 taken"
        self.drop_after_data = False

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.connections.add(session.peer)
        if self.drop_after_data:
            self.drop_after_data = False
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        elif self.data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append((envelope.rcpt_tos, envelope.content))
        return self.data


@contextmanager
def _connected(port: int) -> Iterator[SmtpTransport]:
    transport = SmtpTransport(SmtpServer("127.0.0.1", port))
    try:
        yield transport
    finally:
        transport.close()


class Pipelining(SMTP):
    """aiosmtpd reads commands as they come, but does not say so."""

    async def push(self, status: str | bytes) -> None:
        if isinstance(status, str) and status.startswith("250 HELP"):
            await super().push("250-PIPELINING")
        await super().push(status)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture(params=[SMTP, Pipelining], ids=["one by one", "pipelining"])
def transport(request: pytest.FixtureRequest, keeper: Keeper) -> Iterator[SmtpTransport]:
    def make() -> SMTP:
        made = request.param(keeper, hostname="test.server", enable_SMTPUTF8=True)
        assert isinstance(made, SMTP)
        return made

    with served(make) as port, _connected(port) as transport:
        yield transport


def _send(transport: SmtpTransport, mail: Rendered, *, together: bool = True) -> Answer:
    return transport.ready() or transport.send(mail, together=together)


def _scripted(*lines: str) -> Answer:
    with served(lambda: Script(*lines)) as port, _connected(port) as transport:
        return _send(transport, _mail())


def test_a_mail_arrives_byte_for_byte(transport: SmtpTransport, keeper: Keeper) -> None:
    answer = _send(transport, _mail("ann@x.test", "bob@x.test"))
    assert answer == Answer(Stage.CONTENT, 250, "2.0.0 taken")
    assert keeper.mails == [(["ann@x.test", "bob@x.test"], MIME)]


def test_many_mails_share_a_connection(transport: SmtpTransport, keeper: Keeper) -> None:
    for _ in range(5):
        assert _send(transport, _mail()).code == 250
    assert (len(keeper.mails), len(keeper.connections)) == (5, 1)


def test_a_refused_recipient_is_named_and_the_others_get_the_mail(
    transport: SmtpTransport, keeper: Keeper
) -> None:
    keeper.rcpt["bob@x.test"] = "550 5.1.1 no such user"
    answer = _send(transport, _mail("ann@x.test", "bob@x.test"))
    assert answer.refused == (RefusedRecipient("bob@x.test", 550, "5.1.1 no such user"),)
    assert answer.code == 250
    assert keeper.mails[0][0] == ["ann@x.test"]


def test_a_recipient_who_is_told_later_holds_the_mail_back_for_all_until_it_goes_without_him(
    transport: SmtpTransport, keeper: Keeper
) -> None:
    keeper.rcpt |= {"bob@x.test": "450 4.2.0 greylisted", "eve@x.test": "550 5.1.1 no such user"}
    mail = _mail("ann@x.test", "bob@x.test", "eve@x.test")
    answer = _send(transport, mail)
    assert (answer.stage, [one.email for one in answer.refused]) == (
        Stage.RECIPIENTS,
        ["bob@x.test", "eve@x.test"],
    )
    assert keeper.mails == []
    assert _send(transport, mail, together=False).code == 250
    keeper.rcpt["bob@x.test"] = "250 OK"
    assert _send(transport, mail).code == 250
    assert [to for to, _mime in keeper.mails] == [["ann@x.test"], ["ann@x.test", "bob@x.test"]]


def test_after_a_refusal_the_connection_serves_the_next_mail(
    transport: SmtpTransport, keeper: Keeper
) -> None:
    keeper.rcpt["bob@x.test"] = "450 4.2.1 busy"
    answer = _send(transport, _mail("bob@x.test"))
    assert (answer.stage, answer.code, answer.text) == (Stage.RECIPIENTS, 450, "4.2.1 busy")
    keeper.data = "451 4.3.0 later"
    answer = _send(transport, _mail())
    assert (answer.stage, answer.code) == (Stage.CONTENT, 451)
    keeper.data = "250 ok"
    assert _send(transport, _mail()).code == 250
    assert len(keeper.connections) == 1


def test_a_drop_after_the_content_is_reported_as_unknown_and_the_next_mail_goes(
    transport: SmtpTransport, keeper: Keeper
) -> None:
    keeper.drop_after_data = True
    answer = _send(transport, _mail())
    assert (answer.stage, answer.code) == (Stage.CONTENT, None)
    assert _send(transport, _mail()).code == 250


def test_ready_greets_before_any_mail_and_sending_never_connects(keeper: Keeper) -> None:
    greeted = threading.Event()

    class Greeter(Keeper):
        async def handle_EHLO(
            self, _server: SMTP, session: Session, _envelope: Envelope, name: str, answers: list[str]
        ) -> list[str]:
            session.host_name = name
            greeted.set()
            return answers

    with served(smtp(Greeter())) as port, _connected(port) as transport:
        answer = transport.send(_mail(), together=True)
        assert (answer.stage, answer.code, transport.is_open()) == (Stage.CONNECT, None, False)
        assert transport.ready() is None
        assert greeted.is_set()
        assert transport.is_open()
        assert transport.send(_mail(), together=True).code == 250


def test_a_connection_that_the_server_closed_while_idle_is_replaced_when_it_is_made_ready(
    keeper: Keeper,
) -> None:
    port = free_port()
    transport = SmtpTransport(SmtpServer("127.0.0.1", port), trust_seconds=0.0)
    for _ in range(2):
        # At the end of the block the server goes away with all its connections.
        with served(smtp(keeper), port):
            assert _send(transport, _mail()).code == 250
            assert _send(transport, _mail()).code == 250
    assert transport.ready() is not None
    assert (len(keeper.mails), len(keeper.connections)) == (4, 2)


def test_a_mail_that_a_closed_connection_has_not_heard_of_is_told_apart(keeper: Keeper) -> None:
    port = free_port()
    with _connected(port) as transport:
        with served(smtp(keeper), port):
            assert _send(transport, _mail()).code == 250
        with served(smtp(keeper), port):
            answer = _send(transport, _mail())
            assert (answer.stage, answer.unheard, transport.is_open()) == (Stage.SENDER, True, False)
            assert _send(transport, _mail()).code == 250
    assert (len(keeper.mails), len(keeper.connections)) == (2, 2)


def test_a_server_that_ends_each_new_connection_at_once_is_not_mistaken_for_an_old_one() -> None:
    assert not _scripted("220 x", "250 x", "421 going away").unheard


def test_letters_beyond_ascii_need_a_server_that_takes_them(keeper: Keeper) -> None:
    mail = _mail("jörg@x.test", needs_utf8=True)
    with served(smtp(keeper, enable_SMTPUTF8=True)) as port, _connected(port) as transport:
        assert _send(transport, mail).code == 250
    assert keeper.mails[0][0] == ["jörg@x.test"]
    with served(smtp(keeper, enable_SMTPUTF8=False)) as port, _connected(port) as transport:
        answer = _send(transport, mail)
        assert (answer.never, answer.code) == (True, None)
        assert _send(transport, _mail()).code == 250


def test_a_mail_that_is_too_large_is_refused_before_it_is_sent(keeper: Keeper) -> None:
    with served(smtp(keeper, data_size_limit=20)) as port, _connected(port) as transport:
        answer = _send(transport, _mail())
    assert (answer.stage, answer.code) == (Stage.SENDER, 552)


def test_nobody_listening_is_told_with_the_address() -> None:
    port = free_port()
    with _connected(port) as transport:
        answer = _send(transport, _mail())
        assert (answer.stage, answer.code) == (Stage.CONNECT, None)
        assert f"127.0.0.1:{port}" in answer.text
        assert transport.probe() is not None


def test_an_unfriendly_greeting_is_about_the_server() -> None:
    answer = _scripted("554 5.7.1 we do not know you")
    assert (answer.stage, answer.code) == (Stage.CONNECT, 554)
    assert "5.7.1 we do not know you" in answer.text


@pytest.mark.parametrize(
    ("lines", "stage", "code"),
    [
        (("!",), Stage.CONNECT, None),
        (("220 x", "!"), Stage.CONNECT, None),
        (("220 x", "250 x", "!"), Stage.SENDER, None),
        (("220 x", "250 x", "421 going away"), Stage.SENDER, 421),
        (("220 x", "250 x", "451 later"), Stage.SENDER, 451),
        (("220 x", "250 x", "250 ok", "!"), Stage.RECIPIENTS, None),
        (("220 x", "250 x", "250 ok", "421 going away"), Stage.RECIPIENTS, 421),
        (("220 x", "250 x", "250 ok", "250 ok", "!"), Stage.CONTENT, None),
        (("220 x", "250 x", "250 ok", "250 ok", "451 not now"), Stage.CONTENT, 451),
        (("220 x", "250 x", "250 ok", "250 ok", "354 go", "!"), Stage.CONTENT, None),
        (("220 x", "250 x", "250 ok", "250 ok", "354 go", "554 spam"), Stage.CONTENT, 554),
        (("220 x", "250 x", "250 ok", "250 ok", "354 go", "250 ok"), Stage.CONTENT, 250),
        (("220 x", "250 x", "nonsense"), Stage.SENDER, -1),
    ],
)
def test_wherever_a_conversation_ends_it_is_known_how_far_it_came(
    lines: tuple[str, ...], stage: Stage, code: int | None
) -> None:
    answer = _scripted(*lines)
    assert (answer.stage, answer.code) == (stage, code)


class Bulk(asyncio.Protocol):
    """A server with PIPELINING: a reply for each command, all at once for commands that came together."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 x\r\n")

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        if data.startswith(b"ehlo"):
            self.transport.write(b"250-x\r\n250 PIPELINING\r\n")
            return
        content = data.endswith(b"\r\n.\r\n") or data == b".\r\n"
        for _ in range(1 if content else data.count(b"\r\n")):
            reply = self.replies.pop(0) if self.replies else "!"
            if reply == "!":
                self.transport.abort()
                return
            self.transport.write(f"{reply}\r\n".encode())


OK, GO = "250 ok", "354 go"


@pytest.mark.parametrize(
    ("replies", "stage", "code"),
    [
        (["!"], Stage.SENDER, None),
        (["421 going away"], Stage.SENDER, 421),
        (["451 later", "503 no", "503 no"], Stage.SENDER, 451),
        (["552 too large", "503 no", GO, "554 no one", OK], Stage.SENDER, 552),
        ([OK, "!"], Stage.RECIPIENTS, None),
        ([OK, "421 going away"], Stage.RECIPIENTS, 421),
        ([OK, "450 busy", "503 no", OK], Stage.RECIPIENTS, 450),
        ([OK, "550 nobody", GO, "554 no one", OK], Stage.RECIPIENTS, 550),
        ([OK, OK, "!"], Stage.CONTENT, None),
        ([OK, OK, "451 not now", OK], Stage.CONTENT, 451),
        ([OK, OK, GO, "!"], Stage.CONTENT, None),
        ([OK, OK, GO, "554 spam", OK], Stage.CONTENT, 554),
        ([OK, OK, GO, OK], Stage.CONTENT, 250),
    ],
)
def test_with_pipelining_too_it_is_known_how_far_a_conversation_came(
    replies: list[str], stage: Stage, code: int | None
) -> None:
    server = Bulk(*replies)
    with served(lambda: server) as port, _connected(port) as transport:
        answer = _send(transport, _mail())
        sent = [piece for piece in server.pieces if piece.startswith(b"Subject")]
    assert (answer.stage, answer.code) == (stage, code)
    assert bool(sent) == (stage is Stage.CONTENT and GO in replies), "content only after go ahead"


def test_with_pipelining_a_mail_takes_two_pieces() -> None:
    server = Bulk(OK, OK, GO, OK)
    with served(lambda: server) as port, _connected(port) as transport:
        assert _send(transport, _mail()).code == 250
    commands, content = server.pieces[1:3]
    assert commands == b"MAIL FROM:<billing@x.test>\r\nRCPT TO:<ann@x.test>\r\nDATA\r\n"
    assert content == MIME.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_for_several_recipients_the_content_is_asked_for_only_once_all_are_known() -> None:
    mail = _mail("ann@x.test", "bob@x.test")
    server = Bulk(OK, OK, "450 busy", OK)
    with served(lambda: server) as port, _connected(port) as transport:
        assert _send(transport, mail).code == 450
        assert not any(b"DATA" in piece for piece in server.pieces)
    server = Bulk(OK, OK, "450 busy", GO, OK)
    with served(lambda: server) as port, _connected(port) as transport:
        answer = _send(transport, mail, together=False)
    assert (answer.stage, answer.code, [one.email for one in answer.refused]) == (
        Stage.CONTENT,
        250,
        ["bob@x.test"],
    )


def test_a_login_is_not_sent_in_the_clear_where_tls_was_asked_for(keeper: Keeper) -> None:
    with served(smtp(keeper)) as port:
        transport = SmtpTransport(SmtpServer("127.0.0.1", port, "starttls", "me", "secret"))
        answer = _send(transport, _mail())
    assert (answer.stage, answer.code) == (Stage.CONNECT, None)
    assert "STARTTLS" in answer.text


def test_two_transports_send_at_the_same_time(keeper: Keeper) -> None:
    with served(smtp(keeper)) as port, _connected(port) as one, _connected(port) as two:
        threads = [
            threading.Thread(target=lambda t=t: [_send(t, _mail()) for _ in range(20)]) for t in (one, two)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(keeper.mails) == 40
    assert len(keeper.connections) == 2


def test_the_words_of_a_server_can_be_kept_in_any_database() -> None:
    assert text_of(b"5.1.1 no\0 such\r\n user \xff") == "5.1.1 no such user \ufffd"

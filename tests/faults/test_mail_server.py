"""The SMTP server of the fault tests misbehaves as it is told, and forgets nothing that it took."""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.acts import wait_until
from tests.faults.mail_server import MailServer, mail_server

MAIL = b"Message-ID: <n1@test>\r\nSubject: hello\r\n\r\n.dotted\r\ntext\r\n"
BACK = "sender@test"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "accepted.jsonl"


@pytest.fixture
def server(record: Path) -> Iterator[MailServer]:
    with mail_server(record) as server:
        yield server


def connect(server: MailServer) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", server.port, local_hostname="test", timeout=5)


def ids(server: MailServer) -> list[str]:
    return [accepted.message_id for accepted in server.accepted]


def test_a_mail_is_on_file_before_its_sender_is_told(server: MailServer, record: Path) -> None:
    with connect(server) as client:
        client.sendmail(BACK, ["a@test", "b@test"], MAIL)
        kept = json.loads(record.read_text())
        assert kept["message_id"] == "<n1@test>"
        assert kept["recipients"] == ["a@test", "b@test"]
        assert kept["begun_at"] <= kept["at"] <= time.time()
        client.sendmail(BACK, ["a@test"], MAIL)
    assert ids(server) == ["<n1@test>", "<n1@test>"]
    assert {accepted.connection for accepted in server.accepted} == {1}
    assert server.orderly == {1}


def test_a_connection_that_ends_without_a_word_is_not_orderly(server: MailServer) -> None:
    client = connect(server)
    client.sendmail(BACK, ["a@test"], MAIL)
    client.close()
    wait_until(lambda: not server.open, what="the server sees the end")
    assert server.orderly == set()


def test_addresses_ask_for_refusals(server: MailServer) -> None:
    with connect(server) as client:
        for address, code in [("never-551.x@test", 551), ("later-452.x@test", 452)]:
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.sendmail(BACK, [address], MAIL)
            assert refused.value.recipients[address][0] == code
        with pytest.raises(smtplib.SMTPDataError) as late:
            client.sendmail(BACK, ["data-554.x@test"], MAIL)
        assert late.value.smtp_code == 554
        assert ids(server) == []
        server.behave(greylisting=False)
        client.sendmail(BACK, ["later-452.x@test"], MAIL)
        client.sendmail(BACK, ["data-451.x@test"], MAIL)
    assert ids(server) == ["<n1@test>", "<n1@test>"]


@pytest.mark.parametrize(("drop", "kept"), [("before", 0), ("after", 1)])
def test_it_hangs_up_after_the_final_dot_before_or_after_it_keeps_the_mail(
    server: MailServer, drop: str, kept: int
) -> None:
    server.behave(drop=drop)
    client = connect(server)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail(BACK, ["a@test"], MAIL)
    client.close()
    assert len(server.accepted) == kept == server.dropped


def test_it_refuses_connections_and_comes_back_under_the_same_port(server: MailServer) -> None:
    client = connect(server)
    client.noop()
    server.refuse()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail(BACK, ["a@test"], MAIL)
    client.close()
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    server.listen()
    with connect(server) as client:
        client.sendmail(BACK, ["a@test"], MAIL)
    assert len(server.accepted) == 1


def test_it_takes_its_time(server: MailServer) -> None:
    server.behave(greeting_seconds=0.3)
    began = time.monotonic()
    with connect(server) as client:
        assert time.monotonic() - began >= 0.3
        server.behave(answer_seconds=0.1)
        began = time.monotonic()
        client.sendmail(BACK, ["a@test"], MAIL)
        assert time.monotonic() - began >= 0.4, "EHLO, MAIL, RCPT, DATA and the content"

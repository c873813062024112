"""The local mail sink: keeps every mail, and misbehaves where an address asks for it."""

import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from embedded.mail_sink import MOST_BYTES, Maildir, protocol
from tests.fakes.mailer_smtp import free_port, served, until

MAIL = b"Subject: hello\r\n\r\nfirst line\r\n.dot\r\n"


@dataclass
class Sink:
    """A running sink."""

    port: int
    path: Path

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.test", timeout=30)

    def send(self, *recipients: str) -> dict[str, tuple[int, bytes]]:
        with self.client() as client:
            return client.sendmail("a@x.test", list(recipients), MAIL)

    def mails(self) -> list[bytes]:
        return [file.read_bytes() for file in sorted((self.path / "new").iterdir())]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with served(protocol(tmp_path)) as port:
        yield Sink(port, tmp_path)


def test_a_mail_is_kept_as_it_came_with_its_envelope_on_top(sink: Sink) -> None:
    assert sink.send("b@x.test", "c@x.test") == {}
    [mail] = sink.mails()
    assert mail.endswith(MAIL)
    message = message_from_bytes(mail, policy=policy.default)
    assert message["X-Mail-From"] == "a@x.test"
    assert message.get_all("X-Rcpt-To") == ["b@x.test", "c@x.test"]
    assert "client.test" in message["Received"]
    assert list((sink.path / "tmp").iterdir()) == []


def test_where_a_mail_cannot_be_kept_its_sender_is_told_to_come_again(sink: Sink) -> None:
    """Such as on a full disk; a final no would lose it."""
    (sink.path / "tmp").rmdir()
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        sink.send("b@x.test")
    assert refused.value.smtp_code == 421
    assert sink.mails() == []
    (sink.path / "tmp").mkdir()
    assert sink.send("b@x.test") == {}
    assert len(sink.mails()) == 1


def test_a_mail_is_on_disk_before_the_sender_is_told(sink: Sink) -> None:
    with sink.client() as client:
        for count in range(1, 21):
            client.sendmail("a@x.test", "b@x.test", MAIL)
            assert len(sink.mails()) == count


def test_letters_beyond_ascii_are_taken(sink: Sink) -> None:
    with sink.client() as client:
        client.sendmail("jörg@x.test", "müller@x.test", MAIL, ["SMTPUTF8", "BODY=8BITMIME"])
    assert "X-Rcpt-To: müller@x.test".encode() in sink.mails()[0]


@pytest.mark.parametrize(("address", "code"), [("refuse-550", 550), ("refuse-553", 553), ("later-450", 450)])
def test_an_address_can_ask_to_be_refused(sink: Sink, address: str, code: int) -> None:
    refused = sink.send("b@x.test", f"{address}@x.test")
    assert refused[f"{address}@x.test"][0] == code
    assert len(sink.mails()) == 1


@pytest.mark.parametrize(("address", "code"), [("data-554", 554), ("data-451", 451)])
def test_an_address_can_ask_for_a_refusal_after_the_content(sink: Sink, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPDataError) as caught:
        sink.send(f"{address}@x.test")
    assert caught.value.smtp_code == code
    assert sink.mails() == []


@pytest.mark.parametrize(("address", "kept"), [("drop", 0), ("keep-and-drop", 1)])
def test_an_address_can_ask_for_a_lost_connection(sink: Sink, address: str, kept: int) -> None:
    with pytest.raises(smtplib.SMTPServerDisconnected):
        sink.send(f"{address}@x.test")
    assert len(sink.mails()) == kept
    assert sink.send("b@x.test") == {}


def test_a_slow_mail_does_not_hold_up_the_others(sink: Sink) -> None:
    with socket.create_connection(("127.0.0.1", sink.port), timeout=30) as slow, slow.makefile("rb") as said:
        for line in (b"EHLO client.test", b"MAIL FROM:<a@x.test>", b"RCPT TO:<slow-60@x.test>", b"DATA"):
            slow.sendall(line + b"\r\n")
            while said.readline()[3:4] == b"-":
                continue
        slow.sendall(MAIL + b".\r\n")  # its answer would come in a minute
        for _ in range(5):
            sink.send("b@x.test")
        assert len(sink.mails()) == 5


def test_a_slow_mail_is_kept_in_the_end(sink: Sink) -> None:
    sink.send("slow-1@x.test")
    assert len(sink.mails()) == 1


def test_a_mail_over_the_limit_is_refused(sink: Sink) -> None:
    with sink.client() as client, pytest.raises(smtplib.SMTPResponseException) as caught:
        client.sendmail("a@x.test", "b@x.test", bytes(MOST_BYTES + 1))
    assert caught.value.smtp_code == 552


def test_mails_stored_at_the_same_time_do_not_collide(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path)
    threads = [threading.Thread(target=lambda: [maildir.add(MAIL) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(list((tmp_path / "new").iterdir())) == 200


def test_the_program_serves_prints_nothing_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "embedded.mail_sink", "--listen", f"127.0.0.1:{port}"]
    program = subprocess.Popen(
        [*command, "--maildir", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until(lambda: _listens(port))
        with Sink(port, tmp_path).client() as client:
            client.sendmail("a@x.test", "b@x.test", MAIL)
            # The sender keeps its connection open; that must not keep the program from ending.
            program.send_signal(signal.SIGTERM)
            output, _ = program.communicate(timeout=20)
    finally:
        program.kill()
    assert (program.returncode, output) == (0, b"")
    assert len(list((tmp_path / "new").iterdir())) == 1


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("listen", ["2525", "127.0.0.1:", "127.0.0.1:smtp", ":99999"])
def test_a_wrong_address_is_told(tmp_path: Path, listen: str) -> None:
    command = [sys.executable, "-m", "embedded.mail_sink", "--listen", listen, "--maildir", str(tmp_path)]
    program = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert program.returncode == 2
    assert "127.0.0.1:2525" in program.stderr

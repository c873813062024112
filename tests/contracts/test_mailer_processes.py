"""Several processes of the mailer on one PostgreSQL: serve in one, work in as many as one likes."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

import pytest
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc, messages_pb2

from embedded.mail_sink import protocol
from services.shared.grpc_channel import open_channel
from tests.fakes.mailer_queue import SCRIPTS
from tests.fakes.mailer_scheduler import TOKEN, FakeScheduler
from tests.fakes.mailer_scheduler import served as scheduler_served
from tests.fakes.mailer_smtp import served as smtp_served
from tests.fakes.mailer_smtp import until
from tests.servers import MigratedUrl, free_port

pytestmark = pytest.mark.postgresql

SENT = messages_pb2.MESSAGE_STATE_SENT


@dataclass
class Mailers:
    """The processes, and what they send."""

    env: dict[str, str]
    stub: mailer_pb2_grpc.MailerServiceStub
    maildir: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, role: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "services.mailer", role]
        process = subprocess.Popen(
            command, env=self.env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.running.append(process)
        return process

    def accept(self, ids: list[str]) -> None:
        batch = [mailer_pb2.MessageRequest(notice_id=id, organization_id="org-1") for id in ids]
        request = mailer_pb2.AcceptMessagesRequest(messages=batch)
        self.stub.AcceptMessages(request, wait_for_ready=True, timeout=60)

    def sent(self) -> int:
        counts = self.stub.CountMessages(mailer_pb2.CountMessagesRequest()).counts
        return sum(count.messages for count in counts if count.state == SENT)

    def mails(self) -> Counter[str]:
        files = (self.maildir / "new").iterdir()
        return Counter(str(message_from_bytes(file.read_bytes())["X-Dunlin-Notice"]) for file in files)


@pytest.fixture
def mailers(tmp_path: Path, migrated_url: MigratedUrl) -> Iterator[Mailers]:
    token, listen = tmp_path / "token", f"127.0.0.1:{free_port()}"
    token.write_text(TOKEN)
    with ExitStack() as stack:
        scheduler = stack.enter_context(scheduler_served(FakeScheduler()))
        smtp_port = stack.enter_context(smtp_served(protocol(tmp_path / "mail")))
        env = os.environ | {
            "DUNLIN_MAILER_DATABASE_URL": migrated_url("postgresql", SCRIPTS),
            "DUNLIN_MAILER_LISTEN": listen,
            "DUNLIN_SERVICE_TOKEN_FILE": str(token),
            "DUNLIN_PORTAL_KEY_FILE": str(token),
            "DUNLIN_SCHEDULER_ADDRESS": scheduler,
            "DUNLIN_PUBLIC_URL": "http://127.0.0.1:8000",
            "DUNLIN_SMTP_HOST": "127.0.0.1",
            "DUNLIN_SMTP_PORT": str(smtp_port),
        }
        channel = stack.enter_context(open_channel(listen, TOKEN))
        mailers = Mailers(env, mailer_pb2_grpc.MailerServiceStub(channel), tmp_path / "mail")
        try:
            yield mailers
        finally:
            for process in mailers.running:
                process.kill()
                process.wait()


def test_several_work_processes_share_the_queue_and_send_nothing_twice(mailers: Mailers) -> None:
    ids = [f"n-{number}" for number in range(400)]
    for role in ("serve", "work", "work", "work"):
        mailers.start(role)
    mailers.accept(ids)
    until(lambda: mailers.sent() == len(ids), seconds=60)
    assert mailers.mails() == dict.fromkeys(ids, 1)


def test_a_worker_finds_by_itself_what_another_process_has_accepted(mailers: Mailers) -> None:
    mailers.start("serve")
    mailers.start("work")
    mailers.accept(["n-1"])
    until(lambda: mailers.sent() == 1, seconds=60)
    for number in range(2, 6):
        mailers.accept([f"n-{number}"])
        until(lambda count=number: mailers.sent() == count, seconds=3)  # type: ignore[misc]


def test_a_killed_work_process_leaves_nothing_behind_and_doubles_at_most_one_mail_a_connection(
    mailers: Mailers,
) -> None:
    ids = [f"n-{number}" for number in range(400)]
    mailers.start("serve")
    workers = [mailers.start("work") for _ in range(2)]
    mailers.accept(ids)
    kills = 0
    for at in (50, 120, 200, 280):
        until(lambda least=at: len(mailers.mails()) >= least, seconds=60)  # type: ignore[misc]
        workers[kills % 2].kill()
        kills += 1
        workers[(kills - 1) % 2] = mailers.start("work")
    until(lambda: mailers.sent() == len(ids), seconds=90)
    copies = mailers.mails()
    assert set(copies) == set(ids)
    assert sum(copies.values()) - len(ids) <= kills * 2, "two connections a process"

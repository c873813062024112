"""The whole mailer as it runs, with a scheduler to talk to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dunlin.events.v1 import events_pb2
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc, messages_pb2, sending_pb2_grpc
from dunlin.operations.v1 import operations_pb2_grpc

from services.mailer.__main__ import compose
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from tests.fakes.mailer_scheduler import TOKEN, FakeScheduler
from tests.fakes.mailer_scheduler import served as scheduler_served
from tests.fakes.mailer_smtp import free_port, until


@dataclass
class Running:
    """The mailer, and everything around it that a test looks at."""

    stub: mailer_pb2_grpc.MailerServiceStub
    operations: operations_pb2_grpc.OperationsServiceStub
    scheduler: FakeScheduler
    maildir: Path
    smtp_port: int
    sending: sending_pb2_grpc.SendingServiceStub

    def accept(
        self, *ids: str, lane: messages_pb2.Lane = messages_pb2.LANE_UNSPECIFIED
    ) -> mailer_pb2.AcceptMessagesResponse:
        batch = [mailer_pb2.MessageRequest(notice_id=id, organization_id="org-1", lane=lane) for id in ids]
        return self.stub.AcceptMessages(mailer_pb2.AcceptMessagesRequest(messages=batch))

    def get(self, id: str) -> messages_pb2.Message:
        return self.stub.GetMessage(mailer_pb2.GetMessageRequest(notice_id=id))

    def until_state(self, id: str, state: int) -> messages_pb2.Message:
        until(lambda: self.get(id).state == state)
        return self.get(id)

    def mails(self) -> list[bytes]:
        return [file.read_bytes() for file in sorted((self.maildir / "new").iterdir())]

    def facts(self) -> list[events_pb2.Fact]:
        with self.scheduler.lock:
            return list(self.scheduler.facts)


@contextmanager
def running(tmp_path: Path, database_url: str, **settings: str) -> Iterator[Running]:
    """The mailer with all its roles and these settings; who wants mails to arrive starts the mail sink."""
    token, port, scheduler = tmp_path / "token", free_port(), FakeScheduler()
    token.write_text(TOKEN)
    with scheduler_served(scheduler) as scheduler_address:
        env = {
            "DUNLIN_MAILER_DATABASE_URL": database_url,
            "DUNLIN_MAILER_LISTEN": "127.0.0.1:0",
            "DUNLIN_SERVICE_TOKEN_FILE": str(token),
            "DUNLIN_PORTAL_KEY_FILE": str(token),
            "DUNLIN_SCHEDULER_ADDRESS": scheduler_address,
            "DUNLIN_PUBLIC_URL": "http://127.0.0.1:8000",
            "DUNLIN_SMTP_HOST": "127.0.0.1",
            "DUNLIN_SMTP_PORT": str(port),
            **settings,
        }
        program = compose(env)
        server = Server(program.listen, TOKEN, servicers=program.servicers, names=program.service_names)
        address = server.start()
        workers = [*program.workers, *program.relays]
        for worker in workers:
            worker.start()
        with open_channel(address, TOKEN) as channel:
            stub = mailer_pb2_grpc.MailerServiceStub(channel)
            operations = operations_pb2_grpc.OperationsServiceStub(channel)
            sending = sending_pb2_grpc.SendingServiceStub(channel)
            yield Running(stub, operations, scheduler, tmp_path / "mail", port, sending)
        server.stop(1)
        for worker in workers:
            worker.stop(10)
        program.close()

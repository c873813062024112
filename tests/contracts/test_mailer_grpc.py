"""The whole mailer as it runs, between a scheduler and a mail sink: over gRPC in, over SMTP out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import grpc
import pytest
from dunlin.events.v1 import events_pb2
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc, messages_pb2, templates_pb2
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from embedded.mail_sink import protocol
from services.mailer.__main__ import compose, migrate_database
from services.shared.errors import Conflict, Invalid, Missing, Refusal, WrongState
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import Server
from tests.fakes.mailer_scheduler import TOKEN, FakeScheduler, a_letter, a_receipt
from tests.fakes.mailer_scheduler import served as scheduler_served
from tests.fakes.mailer_smtp import free_port, until
from tests.fakes.mailer_smtp import served as smtp_served

AFTER = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER
GOOD = templates_pb2.TemplateAreas(subject="{{ invoice.number }}", title="Due", header="<p>x</p>", footer="")


@dataclass
class Running:
    """The mailer, and everything around it that a test looks at."""

    stub: mailer_pb2_grpc.MailerServiceStub
    operations: operations_pb2_grpc.OperationsServiceStub
    scheduler: FakeScheduler
    maildir: Path
    smtp_port: int

    def accept(self, *ids: str) -> mailer_pb2.AcceptMessagesResponse:
        batch = [mailer_pb2.MessageRequest(notice_id=id, organization_id="org-1") for id in ids]
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


@pytest.fixture
def mailer(tmp_path: Path) -> Iterator[Running]:
    """The mailer with all its roles; the mail sink is started by whoever wants mails to arrive."""
    token, port, scheduler = tmp_path / "token", free_port(), FakeScheduler()
    token.write_text(TOKEN)
    with scheduler_served(scheduler) as scheduler_address:
        env = {
            "DUNLIN_MAILER_DATABASE_URL": f"sqlite:///{tmp_path}/mailer.sqlite",
            "DUNLIN_MAILER_LISTEN": "127.0.0.1:0",
            "DUNLIN_SERVICE_TOKEN_FILE": str(token),
            "DUNLIN_SCHEDULER_ADDRESS": scheduler_address,
            "DUNLIN_PUBLIC_URL": "http://127.0.0.1:8000",
            "DUNLIN_SMTP_HOST": "127.0.0.1",
            "DUNLIN_SMTP_PORT": str(port),
        }
        migrate_database(env)
        program = compose(env)
        server = Server(program.listen, TOKEN, servicers=program.servicers, names=program.service_names)
        address = server.start()
        assert program.relay is not None
        workers = [*program.workers, program.relay]
        for worker in workers:
            worker.start()
        with open_channel(address, TOKEN) as channel:
            stub = mailer_pb2_grpc.MailerServiceStub(channel)
            operations = operations_pb2_grpc.OperationsServiceStub(channel)
            yield Running(stub, operations, scheduler, tmp_path / "mail", port)
        server.stop(1)
        for worker in workers:
            worker.stop(10)
        program.close()


@pytest.fixture
def sink(mailer: Running) -> Iterator[None]:
    with smtp_served(protocol(mailer.maildir), mailer.smtp_port):
        yield


def _refusal(call: Callable[[], object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    refusal = refusal_of(caught.value)
    assert refusal is not None
    return refusal


def _event_kinds(message: messages_pb2.Message) -> list[str]:
    names = messages_pb2.MessageEventKind
    return [names.Name(event.kind).removeprefix("MESSAGE_EVENT_KIND_") for event in message.events]


@pytest.mark.usefixtures("sink")
def test_an_accepted_notice_becomes_a_mail_a_history_and_a_fact(mailer: Running) -> None:
    answer = mailer.accept("n-1")
    assert (answer.accepted, answer.repeated_messages) == (1, 0)
    message = mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    assert _event_kinds(message) == ["QUEUE_TRIGGERED", "QUEUED", "PROCESSED", "SENT"]
    assert (message.type, message.template_version) == (AFTER, 1)
    assert message.recipients == ["dana@example.test"]
    assert message.subject == "Invoice INV-0007 is 15 days past due"

    [stored] = mailer.mails()
    body = mailer.stub.GetMessageBody(mailer_pb2.GetMessageBodyRequest(notice_id="n-1"))
    assert stored.endswith(body.mime), "the sink only adds headers at the top"
    assert "http://127.0.0.1:8000/pay/signed.token" in body.html
    assert "http://127.0.0.1:8000/pay/signed.token" in body.text
    assert message_from_bytes(body.mime, policy=policy.default)["Message-ID"] == message.message_id

    until(lambda: len(mailer.facts()) == 1)
    [fact] = mailer.facts()
    assert fact.message_sent == events_pb2.MessageSent(notice_id="n-1", message_id=message.message_id)


@pytest.mark.usefixtures("sink")
def test_a_repeated_batch_sends_nothing_twice(mailer: Running) -> None:
    ids = [f"n-{at}" for at in range(60)]
    assert mailer.accept(*ids).accepted == 60
    assert mailer.accept(*ids).repeated_messages == 60
    until(lambda: len(mailer.facts()) == 60)
    assert mailer.accept(*ids).repeated_messages == 60
    assert len(mailer.mails()) == 60


@pytest.mark.usefixtures("sink")
def test_all_four_kinds_of_mail_go_out(mailer: Running) -> None:
    letters = {"a": a_letter(-5), "b": a_letter(0), "c": a_receipt(), "d": a_receipt("CARD_DECLINED")}
    mailer.scheduler.letters = letters
    mailer.accept(*letters)
    until(lambda: len(mailer.mails()) == 4)
    subjects = [mailer.until_state(id, messages_pb2.MESSAGE_STATE_SENT).subject for id in letters]
    assert subjects == [
        "Invoice INV-0007 is due in 5 days",
        "Invoice INV-0007 is due today",
        "Receipt for invoice INV-0007: $980.50",
        "Your payment for invoice INV-0007 did not go through",
    ]


@pytest.mark.usefixtures("sink")
def test_a_receipt_tells_the_time_in_the_zone_of_its_letter(mailer: Running) -> None:
    mailer.scheduler.letters["n-1"] = a_receipt()
    mailer.scheduler.letters["n-1"].time_zone = "America/Chicago"
    mailer.accept("n-1")
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    body = mailer.stub.GetMessageBody(mailer_pb2.GetMessageBodyRequest(notice_id="n-1"))
    assert "March 3, 2026, 10:53 PM CST" in body.text


@pytest.mark.usefixtures("sink")
def test_a_withheld_notice_stays_silent_until_it_is_accepted_again(mailer: Running) -> None:
    mailer.scheduler.withheld["n-1"] = "ORGANIZATION_EXCLUDED"
    mailer.accept("n-1")
    message = mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_WITHHELD)
    assert message.events[-1].detail == "ORGANIZATION_EXCLUDED: Because."
    assert mailer.facts() == []
    mailer.scheduler.withheld.clear()
    assert mailer.accept("n-1").accepted == 1
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    assert len(mailer.mails()) == 1


@pytest.mark.usefixtures("sink")
@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
def test_nothing_goes_out_while_the_scheduler_cannot_be_asked(
    mailer: Running, status: grpc.StatusCode
) -> None:
    mailer.scheduler.status = status
    mailer.accept("n-1")
    until(lambda: len(mailer.get("n-1").events) == 3)
    message = mailer.get("n-1")
    assert message.events[-1].detail == f"Waits for the second look; the scheduler answered {status.name}."
    assert mailer.mails() == []
    mailer.scheduler.status = None
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)


@pytest.mark.usefixtures("sink")
def test_a_letter_that_makes_no_sense_fails_alone(mailer: Running) -> None:
    nobody, wrong = a_letter(), a_letter()
    del nobody.recipients[:]
    wrong.invoice.due_on = "soon"
    mailer.scheduler.letters = {"n-1": nobody, "n-2": wrong, "n-3": a_letter(email="not an address")}
    mailer.accept("n-1", "n-2", "n-3", "n-4")
    mailer.until_state("n-4", messages_pb2.MESSAGE_STATE_SENT)
    for id in ("n-1", "n-2", "n-3"):
        mailer.until_state(id, messages_pb2.MESSAGE_STATE_FAILED)
    until(lambda: len(mailer.facts()) == 4)
    reasons = {fact.message_failed.notice_id: fact.message_failed.reason for fact in mailer.facts()}
    assert "not an address" in reasons["n-3"]


@pytest.mark.usefixtures("sink")
def test_a_refused_address_fails_with_the_servers_words(mailer: Running) -> None:
    mailer.scheduler.letters["n-1"] = a_letter(email="refuse-550@example.test")
    mailer.accept("n-1")
    message = mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_FAILED)
    assert "refuse-550@example.test: 550 5.1.1" in message.events[-1].detail


@pytest.mark.usefixtures("sink")
def test_an_address_that_is_busy_is_deferred(mailer: Running) -> None:
    mailer.scheduler.letters["n-1"] = a_letter(email="later-450@example.test")
    mailer.accept("n-1")
    message = mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_DEFERRED)
    assert "450 4.2.1" in message.events[-1].detail
    assert mailer.operations.GetBacklog(operations_pb2.GetBacklogRequest()).queue == 1


def test_mails_wait_for_a_server_that_is_away_and_go_within_seconds_once_it_is_back(mailer: Running) -> None:
    ids = [f"n-{at}" for at in range(30)]
    mailer.accept(*ids)
    until(lambda: any("DEFERRED" in _event_kinds(mailer.get(id)) for id in ids))
    with smtp_served(protocol(mailer.maildir), mailer.smtp_port):
        until(lambda: len(mailer.mails()) == 30, seconds=10)
        until(lambda: len(mailer.facts()) == 30)
        backlog = mailer.operations.GetBacklog(operations_pb2.GetBacklogRequest())
        until(lambda: mailer.operations.GetBacklog(operations_pb2.GetBacklogRequest()).outbox == 0)
        assert backlog.queue == 0
    deferred = sum(_event_kinds(mailer.get(id)).count("DEFERRED") for id in ids)
    assert deferred <= 2, "only what was under way tells of the outage, one mail for each connection"


def test_lists_filter_count_and_page(mailer: Running) -> None:
    mailer.accept("n-1", "n-2", "n-3")
    first = mailer.stub.ListMessages(mailer_pb2.ListMessagesRequest(page_size=2))
    request = mailer_pb2.ListMessagesRequest(page_size=2, page_token=first.next_page_token)
    rest = mailer.stub.ListMessages(request)
    listed = [message.notice_id for message in [*first.messages, *rest.messages]]
    assert listed == ["n-3", "n-2", "n-1"]
    assert rest.next_page_token == ""
    none = mailer.stub.ListMessages(mailer_pb2.ListMessagesRequest(state=messages_pb2.MESSAGE_STATE_SENT))
    assert not none.messages
    counts = mailer.stub.CountMessages(mailer_pb2.CountMessagesRequest()).counts
    assert sum(count.messages for count in counts) == 3
    early = mailer_pb2.CountMessagesRequest(until=Timestamp(seconds=1))
    assert not mailer.stub.CountMessages(early).counts


def test_templates_are_listed_saved_and_previewed(mailer: Running) -> None:
    stub = mailer.stub
    listed = stub.ListTemplates(mailer_pb2.ListTemplatesRequest()).templates
    assert [(template.type, template.version) for template in listed] == [(at, 1) for at in (1, 2, 3, 4)]
    assert not listed[0].HasField("last_sent_at")
    save = mailer_pb2.SaveTemplateRequest(type=AFTER, areas=GOOD, base_version=1, saved_by="eve")
    assert stub.SaveTemplate(save).version == 2
    newest = stub.GetTemplate(mailer_pb2.GetTemplateRequest(type=AFTER))
    assert (newest.version, newest.areas, newest.saved_by) == (2, GOOD, "eve")
    assert stub.GetTemplate(mailer_pb2.GetTemplateRequest(type=AFTER, version=1)).saved_by == ""
    versions = stub.ListTemplateVersions(mailer_pb2.ListTemplateVersionsRequest(type=AFTER)).versions
    assert [version.version for version in versions] == [2, 1]
    preview = stub.PreviewTemplate(mailer_pb2.PreviewTemplateRequest(type=AFTER, areas=GOOD))
    assert preview.subject == "INV-00417"
    tokens = stub.ListTokens(mailer_pb2.ListTokensRequest(type=AFTER)).tokens
    assert {"invoice.number": "INV-00417"}.items() <= {t.name: t.sample for t in tokens}.items()


def test_refusals_travel_with_their_reason_and_fields(mailer: Running) -> None:
    stub = mailer.stub
    bad = templates_pb2.TemplateAreas(subject="{{ invoice.numbr }}", title="x")
    preview = mailer_pb2.PreviewTemplateRequest(type=AFTER, areas=bad)
    refusal = _refusal(lambda: stub.PreviewTemplate(preview))
    assert isinstance(refusal, Invalid)
    assert [(v.field, v.reason) for v in refusal.violations] == [("areas.subject", "TOKEN_UNKNOWN")]

    save = mailer_pb2.SaveTemplateRequest(type=AFTER, areas=GOOD, base_version=7)
    refusal = _refusal(lambda: stub.SaveTemplate(save))
    assert (type(refusal), refusal.reason) == (Conflict, "TEMPLATE_CHANGED")

    get = mailer_pb2.GetTemplateRequest(type=AFTER, version=9)
    refusal = _refusal(lambda: stub.GetTemplate(get))
    assert (type(refusal), refusal.reason) == (Missing, "TEMPLATE_MISSING")
    refusal = _refusal(lambda: stub.GetTemplate(mailer_pb2.GetTemplateRequest()))
    assert refusal.reason == "TEMPLATE_TYPE_UNKNOWN"

    refusal = _refusal(lambda: mailer.get("n-9"))
    assert (type(refusal), refusal.reason) == (Missing, "MESSAGE_MISSING")
    mailer.scheduler.withheld["n-1"] = "NO_ADDRESS"
    mailer.accept("n-1")
    body = mailer_pb2.GetMessageBodyRequest(notice_id="n-1")
    refusal = _refusal(lambda: stub.GetMessageBody(body))
    assert (type(refusal), refusal.reason) == (WrongState, "MESSAGE_NOT_RENDERED")

    refusal = _refusal(lambda: mailer.accept("n-3", "not\nan id"))
    assert [v.field for v in refusal.violations] == ["messages[1].notice_id"]
    assert isinstance(_refusal(lambda: mailer.get("n-3")), Missing)


def test_the_company_is_shown_replaced_and_checked(mailer: Running) -> None:
    stub = mailer.stub
    company = stub.GetCompany(mailer_pb2.GetCompanyRequest())
    assert company.name == "Your company"
    assert not company.sender_set, "nobody can answer to the sender that Dunlin ships with"
    company.name, company.sender_set = "Harbour", True
    assert not stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)).sender_set
    company.from_address = "billing@harbour.example"
    assert stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)) == company
    company.accent_color = "#ffffff"
    refusal = _refusal(lambda: stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)))
    assert [v.field for v in refusal.violations] == ["company.accent_color"]
    assert stub.GetCompany(mailer_pb2.GetCompanyRequest()).accent_color == "#1f4e79"

"""The whole mailer as it runs, between a scheduler and a mail sink: over gRPC in, over SMTP out."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import grpc
import pytest
from dunlin.events.v1 import events_pb2
from dunlin.mailer.v1 import mailer_pb2, messages_pb2, templates_pb2
from dunlin.operations.v1 import operations_pb2
from dunlin.scheduler.v1 import notices_pb2

from embedded.mail_sink import protocol
from services.mailer.mime import body_of
from services.shared import portal_links
from tests.fakes.mailer_program import Running, running
from tests.fakes.mailer_queue import SCRIPTS
from tests.fakes.mailer_scheduler import TOKEN, a_letter, a_receipt
from tests.fakes.mailer_smtp import served as smtp_served
from tests.fakes.mailer_smtp import until
from tests.servers import DATABASES, MigratedUrl

AFTER = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER


@pytest.fixture(params=DATABASES)
def mailer(request: pytest.FixtureRequest, migrated_url: MigratedUrl, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, migrated_url(request.param, SCRIPTS)) as mailer:
        yield mailer


@pytest.fixture
def sink(mailer: Running) -> Iterator[None]:
    with smtp_served(protocol(mailer.maildir), mailer.smtp_port):
        yield


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
def test_a_draft_goes_as_a_test_to_the_addresses_typed_in_while_the_scheduler_is_away(
    mailer: Running,
) -> None:
    mailer.scheduler.status = grpc.StatusCode.UNAVAILABLE
    areas = templates_pb2.TemplateAreas(
        subject="{{ invoice.number }}", title="x", header="<p>y</p>", footer=""
    )
    key = templates_pb2.TemplateKey(type=AFTER, language="de")
    request = mailer_pb2.SendTestRequest(
        test_id="t-1", key=key, areas=areas, addresses=["eve@example.test"], sent_by="eve"
    )
    sent = mailer.stub.SendTest(request)
    assert (sent.notice_id, sent.test_by) == ("test-t-1", "eve")
    message = mailer.until_state("test-t-1", messages_pb2.MESSAGE_STATE_SENT)
    assert (message.subject, message.language) == ("[Test] RE-00417", "de")
    assert message.recipients == ["eve@example.test"]
    assert len(mailer.mails()) == 1
    request.areas.subject = "Another"
    with pytest.raises(grpc.RpcError) as caught:
        mailer.stub.SendTest(request)
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.usefixtures("sink")
def test_an_invitation_opens_the_portal_from_the_mail_and_not_from_the_history(mailer: Running) -> None:
    invitation = a_letter()
    invitation.type = notices_pb2.NOTICE_TYPE_WELCOME
    invitation.access.contact_id = 7
    invitation.ClearField("invoice")
    mailer.scheduler.letters["n-1"] = invitation
    mailer.accept("n-1")
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    [mail] = mailer.mails()
    link = re.compile(r"/portal/welcome/([\w.*-]+)")
    [token] = set(link.findall(body_of(mail).text + body_of(mail).html))
    body = mailer.stub.GetMessageBody(mailer_pb2.GetMessageBodyRequest(notice_id="n-1"))
    assert set(link.findall(body.text + body.html)) == {"********"}
    assert token.encode() not in body.mime
    assert portal_links.read(token, TOKEN, datetime.now(UTC)).notice_id == "n-1"


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

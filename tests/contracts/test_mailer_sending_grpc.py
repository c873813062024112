"""What holds mails back, over gRPC and with the whole mailer running: limits, addresses, reports by LMTP."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from dunlin.mailer.v1 import messages_pb2, sending_pb2

from embedded.mail_sink import protocol
from services.mailer.domain.return_path import ReturnPaths
from services.shared.grpc_errors import refusal_of
from tests.fakes.mailer_program import Running, running
from tests.fakes.mailer_queue import SCRIPTS
from tests.fakes.mailer_reports import dsn
from tests.fakes.mailer_scheduler import TOKEN, a_letter
from tests.fakes.mailer_smtp import free_port, until
from tests.fakes.mailer_smtp import served as smtp_served
from tests.servers import DATABASES, MigratedUrl

PATHS = ReturnPaths("bounces@mail.test", TOKEN)
GONE = ("dana@example.test", "5.1.1", "550 5.1.1 no such user")
KINDS = messages_pb2.MessageEventKind


@pytest.fixture(scope="module")
def lmtp_port() -> int:
    return free_port()


@pytest.fixture(params=DATABASES)
def mailer(
    request: pytest.FixtureRequest, migrated_url: MigratedUrl, tmp_path: Path, lmtp_port: int
) -> Iterator[Running]:
    settings = {
        "DUNLIN_BOUNCE_ADDRESS": "bounces@mail.test",
        "DUNLIN_BOUNCES_LMTP_LISTEN": f"127.0.0.1:{lmtp_port}",
    }
    url = migrated_url(request.param, SCRIPTS)
    with (
        running(tmp_path, url, **settings) as mailer,
        smtp_served(protocol(mailer.maildir), mailer.smtp_port),
    ):
        yield mailer


def _refusal(call: object, request: object) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.RpcError) as error:
        call(request)  # type: ignore[operator]  # a stub's method
    refusal = refusal_of(error.value)
    assert refusal is not None
    return error.value.code(), refusal.reason, {one.field: one.reason for one in refusal.violations}


def test_days_are_those_of_the_company_from_the_next_second_look_on(mailer: Running) -> None:
    mailer.scheduler.company_time_zone = "America/Chicago"
    mailer.accept("n-1")
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    found = mailer.sending.GetSending(sending_pb2.GetSendingRequest())
    assert (found.time_zone, found.sent_today) == ("America/Chicago", 1)


def test_limits_are_set_and_told(mailer: Running) -> None:
    assert mailer.sending.GetSending(sending_pb2.GetSendingRequest()) == sending_pb2.Sending(time_zone="UTC")
    wanted = sending_pb2.Sending(daily_cap=500, domain_per_minute=60, time_zone="Europe/Berlin")
    request = sending_pb2.UpdateSendingRequest(sending=wanted)
    assert mailer.sending.UpdateSending(request) == wanted
    assert mailer.sending.GetSending(sending_pb2.GetSendingRequest()) == wanted


def test_limits_that_cannot_be_are_refused_and_nothing_is_changed(mailer: Running) -> None:
    wrong = sending_pb2.Sending(daily_cap=-1, domain_per_minute=100_001, time_zone="Nowhere")
    code, reason, fields = _refusal(
        mailer.sending.UpdateSending, sending_pb2.UpdateSendingRequest(sending=wrong)
    )
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "SENDING_INVALID")
    assert fields == {
        "sending.daily_cap": "OUT_OF_RANGE",
        "sending.domain_per_minute": "OUT_OF_RANGE",
        "sending.time_zone": "TIME_ZONE_UNKNOWN",
    }
    assert mailer.sending.GetSending(sending_pb2.GetSendingRequest()).daily_cap == 0


def test_the_switch_stops_everything_and_ends_by_the_same_switch(mailer: Running) -> None:
    stopped = mailer.sending.SetStopped(sending_pb2.SetStoppedRequest(stopped=True, stopped_by="Ann"))
    assert (stopped.stopped, stopped.stopped_by) == (True, "Ann")
    mailer.accept("n-1", lane=messages_pb2.LANE_AT_ONCE)
    until(lambda: mailer.sending.GetSending(sending_pb2.GetSendingRequest()).waiting == 1)
    assert mailer.get("n-1").state == messages_pb2.MESSAGE_STATE_QUEUED
    mailer.sending.SetStopped(sending_pb2.SetStoppedRequest(stopped=False, stopped_by="Ann"))
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    told = mailer.sending.GetSending(sending_pb2.GetSendingRequest())
    assert (told.stopped, told.HasField("stopped_at"), told.sent_today) == (False, False, 1)


def test_who_stops_has_to_be_known(mailer: Running) -> None:
    for by, expected in (("", "EMPTY"), ("x" * 201, "TOO_LONG")):
        request = sending_pb2.SetStoppedRequest(stopped=True, stopped_by=by)
        _code, _reason, fields = _refusal(mailer.sending.SetStopped, request)
        assert fields == {"stopped_by": expected}


def test_staff_suppress_list_and_lift_addresses(mailer: Running) -> None:
    for email in ("Ann@A.test", "bob@a.test", "ann@a.test"):
        mailer.sending.Suppress(sending_pb2.SuppressRequest(email=email, created_by="Cy"))
    page = mailer.sending.ListSuppressions(sending_pb2.ListSuppressionsRequest(page_size=1))
    assert [one.email for one in page.suppressions] == ["bob@a.test"]
    assert page.total == 2
    rest = mailer.sending.ListSuppressions(
        sending_pb2.ListSuppressionsRequest(page_size=1, page_token=page.next_page_token)
    )
    [ann] = rest.suppressions
    assert (ann.email, ann.created_by) == ("ann@a.test", "Cy")
    assert ann.reason == sending_pb2.SUPPRESSION_REASON_BY_STAFF
    found = mailer.sending.ListSuppressions(sending_pb2.ListSuppressionsRequest(query="BOB"))
    assert (found.total, found.next_page_token) == (1, "")
    lift = sending_pb2.LiftSuppressionRequest(email=" ANN@a.test ", lifted_by="Cy")
    assert mailer.sending.LiftSuppression(lift) == ann
    code, reason, _fields = _refusal(mailer.sending.LiftSuppression, lift)
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "SUPPRESSION_MISSING")
    until(lambda: len(mailer.facts()) == 3)
    told = [
        (fact.WhichOneof("kind"), getattr(fact, str(fact.WhichOneof("kind"))).email)
        for fact in mailer.facts()
    ]
    assert told == [
        ("address_suppressed", "ann@a.test"),
        ("address_suppressed", "bob@a.test"),
        ("address_restored", "ann@a.test"),
    ]


def test_what_is_no_address_or_no_page_is_refused(mailer: Running) -> None:
    suppress = sending_pb2.SuppressRequest(email="nobody", created_by="Cy")
    assert _refusal(mailer.sending.Suppress, suppress)[2] == {"email": "EMAIL_INVALID"}
    for request, reason in (
        (sending_pb2.ListSuppressionsRequest(query="x" * 201), "QUERY_TOO_LONG"),
        (sending_pb2.ListSuppressionsRequest(page_size=-1), "PAGE_SIZE_INVALID"),
        (sending_pb2.ListSuppressionsRequest(page_token="x"), "PAGE_TOKEN_INVALID"),
    ):
        assert _refusal(mailer.sending.ListSuppressions, request)[1] == reason
    assert mailer.sending.ListSuppressions(sending_pb2.ListSuppressionsRequest(query="\0")).total == 0


def test_a_mail_that_comes_back_suppresses_its_address_and_the_next_mail_is_withheld(
    mailer: Running, lmtp_port: int
) -> None:
    mailer.accept("n-1")
    mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    [mail] = mailer.mails()
    path = PATHS.of(1).address
    assert f"Return-Path: <{path}>".encode() in mail
    with smtplib.LMTP("127.0.0.1", lmtp_port, local_hostname="mx.test") as connection:
        assert connection.sendmail("", [path], dsn(path, GONE)) == {}
    last = mailer.get("n-1").events[-1]
    assert (last.kind, last.detail) == (
        KINDS.Value("MESSAGE_EVENT_KIND_BOUNCED"),
        "dana@example.test: 550 5.1.1 no such user",
    )
    [suppression] = mailer.sending.ListSuppressions(sending_pb2.ListSuppressionsRequest()).suppressions
    assert suppression.reason == sending_pb2.SUPPRESSION_REASON_BOUNCED_FOR_GOOD
    assert (suppression.email, suppression.notice_id) == ("dana@example.test", "n-1")
    mailer.accept("n-2")
    withheld = mailer.until_state("n-2", messages_pb2.MESSAGE_STATE_WITHHELD)
    assert withheld.events[-1].detail.startswith("ADDRESSES_SUPPRESSED: ")
    mailer.scheduler.letters["n-3"] = a_letter(email="bob@example.test")
    mailer.accept("n-3")
    mailer.until_state("n-3", messages_pb2.MESSAGE_STATE_SENT)
    until(lambda: len(mailer.facts()) == 5)
    kinds = [fact.WhichOneof("kind") for fact in mailer.facts()]
    assert sorted(map(str, kinds)) == [
        *("address_suppressed", "message_bounced", "message_failed", "message_sent", "message_sent")
    ]
    [failed] = [fact.message_failed for fact in mailer.facts() if fact.HasField("message_failed")]
    assert (failed.code, failed.reason) == (
        "ADDRESSES_SUPPRESSED",
        "Mails to dana@example.test come back.",
    )
    [bounced] = [fact.message_bounced for fact in mailer.facts() if fact.HasField("message_bounced")]
    assert (bounced.email, bounced.status, bounced.permanent) == ("dana@example.test", "5.1.1", True)

"""The scheduler as its peers see it: a real server on loopback, on each database."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from dunlin.events.v1 import events_pb2, events_pb2_grpc
from dunlin.mailer.v1 import mailer_pb2_grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from dunlin.paynow.v1 import accounts_pb2_grpc, ledger_pb2_grpc
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2_grpc
from dunlin.scheduler.v1 import scheduler_pb2 as pb
from sqlalchemy import event
from sqlalchemy.pool import Pool

from services.scheduler.__main__ import MIGRATIONS, bring_up_to_date, compose
from services.shared.errors import Refusal
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import TOKEN_HEADER, Server
from services.shared.wire import timestamp
from tests.fakes.scheduler_servers import DUE, AccountBooks, Books, Mailroom
from tests.servers import DATABASES, MigratedUrl

TOKEN = "a token for the tests"
AS_OF = timestamp(datetime(2026, 4, 1, 12, tzinfo=UTC))
BEHIND = (
    "dunlin.paynow.v1.LedgerService",
    "dunlin.paynow.v1.AccountsService",
    "dunlin.mailer.v1.MailerService",
)


class Peers:
    """The scheduler's stubs, and the servers behind it."""

    def __init__(self, channel: grpc.Channel, books: Books, mailroom: Mailroom) -> None:
        self.scheduler = scheduler_pb2_grpc.SchedulerServiceStub(channel)
        self.inbox = events_pb2_grpc.InboxServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(channel)
        self.books = books
        self.mailroom = mailroom
        self.run_once: dict[str, Callable[[], bool]] = {}
        self.idle_seconds: dict[str, float] = {}

    def tick(self, dry_run: bool = False) -> pb.TickProgress:
        self.scheduler.SetRuleEnabled(pb.SetRuleEnabledRequest(threshold_days=15, enabled=True))
        self.scheduler.SetRuleEnabled(pb.SetRuleEnabledRequest(threshold_days=30, enabled=True))
        *_, last = self.scheduler.RunTick(pb.RunTickRequest(as_of=AS_OF, dry_run=dry_run))
        return last

    def notices(self) -> list[notices_pb2.Notice]:
        return list(self.scheduler.ListNotices(pb.ListNoticesRequest()).notices)


@pytest.fixture(params=DATABASES)
def peers(request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl) -> Iterator[Peers]:
    books, mailroom = Books(), Mailroom()

    def add(server: grpc.Server) -> None:
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(books, server)
        accounts_pb2_grpc.add_AccountsServiceServicer_to_server(AccountBooks(), server)
        mailer_pb2_grpc.add_MailerServiceServicer_to_server(mailroom, server)

    others = Server("127.0.0.1:0", TOKEN, servicers=add, names=BEHIND)
    address = others.start()
    (tmp_path / "token").write_text(TOKEN)
    env = {
        "DUNLIN_SCHEDULER_DATABASE_URL": migrated_url(request.param, MIGRATIONS),
        "DUNLIN_SCHEDULER_LISTEN": "127.0.0.1:0",
        "DUNLIN_MAILER_ADDRESS": address,
        "DUNLIN_PAYNOW_ADDRESS": address,
        "DUNLIN_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
    }
    bring_up_to_date(env)
    program = compose(env)
    server = Server(program.listen, program.token, servicers=program.servicers, names=program.service_names)
    channel = open_channel(server.start(), TOKEN)
    peers = Peers(channel, books, mailroom)
    # The workers are not started: the tests take their steps one by one.
    peers.run_once = {worker.name: worker._run_once for worker in program.workers}
    peers.idle_seconds = {worker.name: worker._idle_seconds for worker in program.workers}
    yield peers
    channel.close()
    server.stop(0)
    program.close()
    others.stop(0)


def test_queues_that_other_processes_fill_are_looked_at_often(peers: Peers) -> None:
    assert {name: peers.idle_seconds[name] <= 0.2 for name in ("dispatch", "inbox")} == {
        "dispatch": True,
        "inbox": True,
    }


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as error:
        call()
    refusal = refusal_of(error.value)
    assert refusal is not None
    return refusal


def test_the_story_of_a_notice(peers: Peers) -> None:
    dry = peers.tick(dry_run=True)
    last = peers.tick()
    assert (last.done, last.examined, last.total, last.today) == (True, 1, 1, "2026-04-01")
    assert (last.counts.queued, last.counts.superseded) == (1, 1)
    assert dry == last
    assert peers.books.asked_until[-1] == "2026-03-17", "nothing due later can have reached 15 days past due"

    queued, superseded = sorted(peers.notices(), key=lambda notice: -notice.threshold_days)
    assert superseded.state == notices_pb2.NOTICE_STATE_SUPERSEDED
    assert (queued.state, queued.reason, queued.due_on) == (
        notices_pb2.NOTICE_STATE_QUEUED,
        "RULE_REACHED",
        DUE,
    )
    assert queued.explanation
    assert peers.operations.GetBacklog(operations_pb2.GetBacklogRequest()).queue == 1
    assert peers.run_once["dispatch"]()
    assert [m.notice_id for m in peers.mailroom.accepted] == [queued.notice_id]
    assert peers.operations.GetBacklog(operations_pb2.GetBacklogRequest()).queue == 0

    reviews = peers.scheduler.ReviewNotices(
        pb.ReviewNoticesRequest(notice_ids=[superseded.notice_id, queued.notice_id])
    ).reviews
    assert reviews[0].withheld.reason == "LARGER_THRESHOLD_REACHED"
    letter = reviews[1].letter
    assert (letter.due.days_past_due, letter.due.threshold_days) == (30, 30)
    assert (letter.invoice.balance_minor, letter.invoice.pay_token) == (9_000, "a-token")
    assert [(to.name, to.email) for to in letter.recipients] == [("Ann", "ann@acme.test")]

    sent = events_pb2.Fact(
        fact_id="f1",
        message_sent=events_pb2.MessageSent(notice_id=queued.notice_id, message_id="<m@x>"),
    )
    for accepted in (1, 0):
        answer = peers.inbox.DeliverFacts(events_pb2.DeliverFactsRequest(facts=[sent]))
        assert (answer.accepted, answer.repeated_facts) == (accepted, 1 - accepted)
    assert peers.run_once["inbox"]()
    told = peers.scheduler.ExplainInvoice(pb.ExplainInvoiceRequest(invoice_id=1))
    assert [n.message_id for n in told.notices] == ["", "<m@x>"]
    assert told.decisions[-1].reason == "ACCEPTED_BY_SMTP_SERVER"
    assert told.decisions[0].as_of == AS_OF
    rules = peers.scheduler.ListRules(pb.ListRulesRequest()).rules
    assert [r.threshold_days for r in rules] == [-5, 15, 30, 45, 60, 90]
    assert [r.threshold_days for r in rules if r.HasField("last_sent_at")] == [30]


def test_a_payment_becomes_a_receipt(peers: Peers) -> None:
    calendar = pb.Calendar(time_zone="America/Chicago", send_at="09:00", sandbox=True, automatic=True)
    peers.scheduler.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar))
    look = peers.scheduler.ReviewNotices(pb.ReviewNoticesRequest())
    assert look.company_time_zone == "America/Chicago", "the mailer's days follow it"
    payment = events_pb2.PaymentFacts(
        payment_id="p1",
        organization_id="acme",
        invoice_id=1,
        invoice_number="001",
        amount_minor=4_000,
        currency="USD",
        payer_email="bob@acme.test",
        method_label="Card",
    )
    fact = events_pb2.Fact(
        fact_id="f1",
        occurred_at=AS_OF,
        payment_failed=events_pb2.PaymentFailed(payment=payment, reason="CARD_DECLINED"),
    )
    peers.inbox.DeliverFacts(events_pb2.DeliverFactsRequest(facts=[fact]))
    assert peers.run_once["inbox"]()
    (notice,) = peers.notices()
    assert (notice.type, notice.payment_id) == (notices_pb2.NOTICE_TYPE_PAYMENT_FAILED, "p1")
    (review,) = peers.scheduler.ReviewNotices(pb.ReviewNoticesRequest(notice_ids=[notice.notice_id])).reviews
    about = review.letter.payment
    assert (about.failure_reason, about.amount_minor, about.balance_minor) == ("CARD_DECLINED", 4_000, 9_000)
    assert about.ended_at == AS_OF
    assert review.letter.time_zone == "America/Chicago"
    assert [to.email for to in review.letter.recipients] == ["ann@acme.test", "bob@acme.test"]


def test_refusals_carry_their_reason_and_field(peers: Peers) -> None:
    s = peers.scheduler
    due = notices_pb2.NOTICE_TYPE_DUE_NOTICE
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: s.AddRule(pb.AddRuleRequest(threshold_days=15)), "RULE_EXISTS"),
        (lambda: s.AddRule(pb.AddRuleRequest(threshold_days=0)), "THRESHOLD_OUT_OF_RANGE"),
        (lambda: s.RemoveRule(pb.RemoveRuleRequest(threshold_days=16)), "RULE_MISSING"),
        (
            lambda: s.AddExclusion(pb.AddExclusionRequest(type=due, organization_id="x")),
            "ORGANIZATION_MISSING",
        ),
        (lambda: s.AddExclusion(pb.AddExclusionRequest(organization_id="acme")), "TYPE_NOT_EXCLUDABLE"),
        (lambda: s.ExplainInvoice(pb.ExplainInvoiceRequest(invoice_id=7)), "INVOICE_MISSING"),
        (lambda: s.GetForecast(pb.GetForecastRequest(days=61)), "DAYS_OUT_OF_RANGE"),
        (lambda: s.UpdateCalendar(pb.UpdateCalendarRequest()), "CALENDAR_INVALID"),
        (lambda: s.ReviewNotices(pb.ReviewNoticesRequest(notice_ids=["n"] * 201)), "TOO_MANY_NOTICES"),
        (lambda: s.ListNotices(pb.ListNoticesRequest(page_token="?")), "PAGE_TOKEN_INVALID"),
        (lambda: s.ListNotices(pb.ListNoticesRequest(state=99)), "STATE_UNKNOWN"),  # type: ignore[arg-type]
        (lambda: s.ListNotices(pb.ListNoticesRequest(type=99)), "TYPE_UNKNOWN"),  # type: ignore[arg-type]
        (
            lambda: list(s.RunTick(pb.RunTickRequest(as_of=timestamp(datetime(1, 1, 1, tzinfo=UTC))))),
            "INSTANT_OUT_OF_RANGE",
        ),
    ]
    assert [refused(call).reason for call, _ in cases] == [reason for _, reason in cases]


def test_the_clock_can_not_be_set_once_the_sandbox_is_left(peers: Peers) -> None:
    calendar = peers.scheduler.GetCalendar(pb.GetCalendarRequest())
    assert (calendar.time_zone, calendar.send_at, calendar.sandbox, calendar.automatic) == (
        "UTC",
        "09:00",
        True,
        True,
    )
    calendar.sandbox = False
    calendar.time_zone = "America/Chicago"
    saved = peers.scheduler.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar))
    assert (saved.time_zone, saved.sandbox) == ("America/Chicago", False)
    assert (
        refused(lambda: list(peers.scheduler.RunTick(pb.RunTickRequest(as_of=AS_OF)))).reason
        == "CLOCK_NOT_SETTABLE"
    )


def test_exclusions_and_the_forecast_over_the_wire(peers: Peers) -> None:
    due = notices_pb2.NOTICE_TYPE_DUE_NOTICE
    added = peers.scheduler.AddExclusion(pb.AddExclusionRequest(type=due, organization_id="acme"))
    listed = peers.scheduler.ListExclusions(pb.ListExclusionsRequest(type=due))
    assert (list(listed.exclusions), listed.total) == ([added], 1)
    peers.tick()
    assert {n.reason for n in peers.notices()} == {"ORGANIZATION_EXCLUDED", "LARGER_THRESHOLD_REACHED"}
    assert (
        peers.scheduler.RemoveExclusion(pb.RemoveExclusionRequest(type=due, organization_id="acme")) == added
    )
    today = date.fromisoformat(peers.scheduler.GetCalendar(pb.GetCalendarRequest()).today)
    peers.books.due_counts = {(today + timedelta(days=2 - 15)).isoformat(): 3}
    forecast = peers.scheduler.GetForecast(pb.GetForecastRequest(days=3))
    assert forecast.HasField("counted_at")
    assert [(line.threshold_days, line.invoices) for line in forecast.lines] == [(15, 3)]
    assert forecast.catch_up == 1, "what was skipped while the organization was excluded"


def test_a_set_clock_shows_in_the_calendar_until_a_tick_lets_it_go(peers: Peers) -> None:
    s = peers.scheduler

    def shown() -> tuple[bool, bool, bool]:
        calendar, forecast = s.GetCalendar(pb.GetCalendarRequest()), s.GetForecast(pb.GetForecastRequest())
        return calendar.automatic, calendar.clock_set, forecast.HasField("next_tick_at")

    peers.tick(dry_run=True)
    assert shown() == (True, False, True)
    peers.tick()
    assert shown() == (True, True, False)
    calendar = s.GetCalendar(pb.GetCalendarRequest())
    calendar.clock_set = False
    assert s.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar)).clock_set, "it is told, not taken"
    list(s.RunTick(pb.RunTickRequest()))
    assert shown() == (True, False, True)
    peers.tick()
    calendar.sandbox = False
    assert not s.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar)).clock_set


def test_a_caller_that_goes_away_ends_the_tick_and_frees_the_lease(peers: Peers) -> None:
    peers.books.invoices = [peers.books.invoice(n) for n in range(1, 4_001)]
    peers.scheduler.SetRuleEnabled(pb.SetRuleEnabledRequest(threshold_days=30, enabled=True))
    stream = peers.scheduler.RunTick(pb.RunTickRequest(as_of=AS_OF), timeout=30)
    next(stream)
    stream.cancel()
    with ThreadPoolExecutor(1) as pool:
        *_, last = pool.submit(
            lambda: list(peers.scheduler.RunTick(pb.RunTickRequest(as_of=AS_OF), timeout=60))
        ).result()
    assert last.counts.queued + last.counts.unchanged == 4_000
    assert last.counts.unchanged >= 1000


@pytest.mark.parametrize("peers", ["sqlite"], indirect=True)
def test_a_fact_that_was_taken_in_survives_a_power_cut(peers: Peers) -> None:
    used: list[sqlite3.Connection] = []

    def note(connection: sqlite3.Connection, *_: object) -> None:
        used.append(connection)

    event.listen(Pool, "checkout", note)
    fact = events_pb2.Fact(fact_id="f1", message_failed=events_pb2.MessageFailed(notice_id="n", reason="x"))
    peers.inbox.DeliverFacts(events_pb2.DeliverFactsRequest(facts=[fact]))
    event.remove(Pool, "checkout", note)
    full = 2
    assert {connection.execute("PRAGMA synchronous").fetchone()[0] for connection in used} == {full}


def test_a_ledger_that_is_away_is_told_as_unavailable(tmp_path: Path, peers: Peers) -> None:
    (tmp_path / "other").mkdir()
    env = {
        "DUNLIN_SCHEDULER_DATABASE_URL": f"sqlite:///{tmp_path}/other/scheduler.sqlite",
        "DUNLIN_SCHEDULER_LISTEN": "127.0.0.1:0",
        "DUNLIN_MAILER_ADDRESS": "127.0.0.1:1",
        "DUNLIN_PAYNOW_ADDRESS": "127.0.0.1:1",
        "DUNLIN_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
    }
    bring_up_to_date(env)
    program = compose(env)
    server = Server(program.listen, program.token, servicers=program.servicers, names=program.service_names)
    # Without our own channel's retries on top of those that the scheduler makes towards the ledger.
    channel = grpc.insecure_channel(server.start())
    stub = scheduler_pb2_grpc.SchedulerServiceStub(channel)
    with pytest.raises(grpc.RpcError) as error:
        stub.ExplainInvoice(pb.ExplainInvoiceRequest(invoice_id=1), metadata=[(TOKEN_HEADER, TOKEN)])
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
    channel.close()
    server.stop(0)
    program.close()

"""A whole scheduler on loopback with small servers behind it, whose workers take their steps one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from dunlin.events.v1 import events_pb2, events_pb2_grpc
from dunlin.mailer.v1 import mailer_pb2_grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from dunlin.paynow.v1 import accounts_pb2_grpc, ledger_pb2_grpc
from dunlin.scheduler.v1 import (
    campaigns_pb2_grpc,
    emails_pb2_grpc,
    notices_pb2,
    pauses_pb2_grpc,
    scheduler_pb2_grpc,
)
from dunlin.scheduler.v1 import scheduler_pb2 as pb

from services.scheduler.__main__ import MIGRATIONS, bring_up_to_date, compose
from services.shared.errors import Refusal
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import Server
from tests.fakes.scheduler_accounts_server import AccountsOf
from tests.fakes.scheduler_servers import Books, Mailroom
from tests.servers import MigratedUrl

TOKEN = "a token for the tests"
BEHIND = (
    "dunlin.paynow.v1.LedgerService",
    "dunlin.paynow.v1.AccountsService",
    "dunlin.mailer.v1.MailerService",
)


class OpenScheduler(NamedTuple):
    """A way to a scheduler, and what its workers do in one step, by name."""

    channel: grpc.Channel
    run_once: Mapping[str, Callable[[], bool]]


class Scheduler:
    """The scheduler's stubs, and its workers by name."""

    def __init__(self, channel: grpc.Channel, run_once: Mapping[str, Callable[[], bool]]) -> None:
        self.scheduler = scheduler_pb2_grpc.SchedulerServiceStub(channel)
        self.emails = emails_pb2_grpc.EmailsServiceStub(channel)
        self.campaigns = campaigns_pb2_grpc.CampaignsServiceStub(channel)
        self.pauses = pauses_pb2_grpc.PausesServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(channel)
        self.inbox = events_pb2_grpc.InboxServiceStub(channel)
        self.run_once = run_once
        self._facts = count(1)

    def run(self, *workers: str) -> None:
        """Lets the workers do all they have to do, one after the other."""
        for name in workers:
            while self.run_once[name]():
                pass

    def hear(self, **fact: object) -> None:
        """Takes in a fact and handles it."""
        message = events_pb2.Fact(fact_id=f"f{next(self._facts)}", **fact)  # type: ignore[arg-type]
        message.occurred_at.GetCurrentTime()
        self.inbox.DeliverFacts(events_pb2.DeliverFactsRequest(facts=[message]))
        self.run("inbox")

    def backlog(self) -> int:
        """How much is in its own queue."""
        return self.operations.GetBacklog(operations_pb2.GetBacklogRequest()).queue

    def notices(self) -> list[notices_pb2.Notice]:
        """The newest first."""
        return list(self.scheduler.ListNotices(pb.ListNoticesRequest()).notices)

    def review(self, notice_id: str) -> pb.Review:
        """The second look."""
        asking = pb.ReviewNoticesRequest(notice_ids=[notice_id], takes_not_yet=True)
        return self.scheduler.ReviewNotices(asking).reviews[0]


class SchedulerProgram(Scheduler):
    """The same with what is behind it."""

    def __init__(
        self, scheduler: OpenScheduler, books: Books, accounts: AccountsOf, mailroom: Mailroom
    ) -> None:
        super().__init__(*scheduler)
        self.books, self.accounts, self.mailroom = books, accounts, mailroom


@contextmanager
def running(kind: str, tmp_path: Path, migrated_url: MigratedUrl) -> Iterator[SchedulerProgram]:
    """The program on a database of that kind."""
    books, mailroom = Books(), Mailroom()
    accounts = AccountsOf(books)

    def add(server: grpc.Server) -> None:
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(books, server)
        accounts_pb2_grpc.add_AccountsServiceServicer_to_server(accounts, server)
        mailer_pb2_grpc.add_MailerServiceServicer_to_server(mailroom, server)

    with scheduler_before(add, kind, tmp_path, migrated_url) as (scheduler, _):
        yield SchedulerProgram(scheduler, books, accounts, mailroom)


@contextmanager
def scheduler_before(
    add: Callable[[grpc.Server], None], kind: str, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[tuple[OpenScheduler, grpc.Channel]]:
    """A scheduler on a database of that kind before a server with what `add` adds; a way to each."""
    others = Server("127.0.0.1:0", TOKEN, servicers=add, names=BEHIND)
    address = others.start()
    (tmp_path / "token").write_text(TOKEN)
    env = {
        "DUNLIN_SCHEDULER_DATABASE_URL": migrated_url(kind, MIGRATIONS),
        "DUNLIN_SCHEDULER_LISTEN": "127.0.0.1:0",
        "DUNLIN_MAILER_ADDRESS": address,
        "DUNLIN_PAYNOW_ADDRESS": address,
        "DUNLIN_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
    }
    bring_up_to_date(env)
    program = compose(env)
    server = Server(program.listen, program.token, servicers=program.servicers, names=program.service_names)
    channel, behind = open_channel(server.start(), TOKEN), open_channel(address, TOKEN)
    workers = {worker.name: worker._run_once for worker in program.workers}
    yield OpenScheduler(channel, workers), behind
    behind.close()
    channel.close()
    server.stop(0)
    program.close()
    others.stop(0)


def refused(call: Callable[[], object]) -> Refusal:
    """The refusal of a call that must be refused."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    refusal = refusal_of(error.value)
    assert refusal is not None
    return refusal

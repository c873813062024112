"""Settings and composition of the scheduler: `python -m services.scheduler all | serve | work | migrate`."""

import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from dunlin.events.v1 import events_pb2_grpc
from dunlin.operations.v1 import operations_pb2_grpc
from dunlin.scheduler.v1 import campaigns_pb2_grpc, emails_pb2_grpc, pauses_pb2_grpc, scheduler_pb2_grpc

from services.scheduler import tables
from services.scheduler.clients import GrpcLedger, GrpcMailer
from services.scheduler.clients_accounts import GrpcAccounts
from services.scheduler.facts import FactHandler
from services.scheduler.ids import TimeOrderedIds
from services.scheduler.operations import count_backlog, queue_gauges
from services.scheduler.repository import SqlStore
from services.scheduler.servicer import SchedulerServicer
from services.scheduler.servicer_campaigns import CampaignsServicer
from services.scheduler.servicer_emails import EmailsServicer
from services.scheduler.servicer_pauses import PausesServicer
from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.campaigning import withdraw_cancelled, work_on_campaigns
from services.scheduler.use_cases.dispatch import hand_over
from services.scheduler.use_cases.forecast import count_ahead
from services.scheduler.use_cases.leases import release_dead
from services.scheduler.use_cases.new_invoices import tell_of_new_invoices
from services.scheduler.use_cases.ticking import Ticking
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.dead_letters import DeadLetters
from services.shared.facts_grpc import InboxServicer
from services.shared.grpc_channel import open_channel
from services.shared.inbox import Inbox, InboxWorker
from services.shared.migrate import migrate
from services.shared.operations_grpc import OperationsServicer
from services.shared.owners import is_dead, owner_name
from services.shared.process import ROLES, Program, main
from services.shared.queue_metrics import QueueMetrics
from services.shared.server_urls import server_url
from services.shared.settings import secret_file
from services.shared.tls import Tls
from services.shared.worker import Worker

SERVICE_NAMES = (
    "dunlin.scheduler.v1.SchedulerService",
    "dunlin.scheduler.v1.EmailsService",
    "dunlin.scheduler.v1.CampaignsService",
    "dunlin.scheduler.v1.PausesService",
    "dunlin.events.v1.InboxService",
    "dunlin.operations.v1.OperationsService",
)
MIGRATIONS = Path(__file__).parent / "migrations"

CALLERS = {
    "/dunlin.scheduler.v1.SchedulerService/": ("gateway",),
    "/dunlin.scheduler.v1.SchedulerService/ReviewNotices": ("mailer",),
    "/dunlin.scheduler.v1.EmailsService/": ("gateway",),
    "/dunlin.scheduler.v1.CampaignsService/": ("gateway",),
    "/dunlin.scheduler.v1.PausesService/": ("gateway",),
    "/dunlin.events.v1.InboxService/": ("mailer", "paynow"),
    "/dunlin.operations.v1.OperationsService/": ("gateway",),
}
"""Which programs may call what."""

LOOK_SECONDS = 0.2
"""How often the queues are looked at: what another process puts into them wakes nobody here."""

CAMPAIGN_SECONDS = 1.0
"""How often it is asked whether there is a campaign to work on."""

DEATH_SECONDS = 1.0
"""How often it is looked whether somebody of this machine has died while holding a lease."""

COUNT_SECONDS = 2.0
"""How often it is asked whether the forecast of larger books has to be counted again."""

CLOCK_SECONDS = 5.0
"""How often the calendar is looked at; the automatic tick begins at most so late."""


@dataclass(frozen=True)
class Settings:
    """Where the scheduler's database and peers are."""

    database_url: str
    listen: str
    token: str
    tls: Tls
    mailer_address: str
    paynow_address: str

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """From the environment; `SettingError` names what is missing or wrong."""
        tls = Tls.read(env)
        return cls(
            database_url=server_url(env, "DUNLIN_SCHEDULER_DATABASE_URL"),
            listen=tls.address(env, "DUNLIN_SCHEDULER_LISTEN"),
            token=secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"),
            tls=tls,
            mailer_address=tls.address(env, "DUNLIN_MAILER_ADDRESS"),
            paynow_address=tls.address(env, "DUNLIN_PAYNOW_ADDRESS"),
        )


def compose(env: Mapping[str, str], _roles: Collection[str] = ROLES) -> Program:
    """The program, ready to run; every role needs the same."""
    settings = Settings.read(env)
    clock, new_id = SystemClock(), TimeOrderedIds()
    # Durable for the inbox: whoever has delivered a fact forgets it.
    database = Database(settings.database_url, durable=True)
    store = SqlStore(database, owner_name("scheduler"))
    mailer_channel = open_channel(settings.mailer_address, settings.token, tls=settings.tls)
    paynow_channel = open_channel(settings.paynow_address, settings.token, tls=settings.tls)
    mailer, ledger = GrpcMailer(mailer_channel), GrpcLedger(paynow_channel)
    accounts = GrpcAccounts(paynow_channel)

    dispatch = Worker(
        "dispatch", lambda: hand_over(store=store, mailer=mailer, clock=clock), idle_seconds=LOOK_SECONDS
    )
    ticking = Ticking(store, ledger, accounts, clock, new_id, wake=dispatch.wake, pause=time.sleep)
    handle = FactHandler(clock, new_id, dispatch.wake)
    inbox_worker = InboxWorker(database, tables.inbox, handle, clock, lock=handle.lock)
    handling = Worker("inbox", inbox_worker.run_once, idle_seconds=LOOK_SECONDS)
    by_itself = Worker(
        "tick",
        lambda: run_tick_if_due(ticking=ticking, wanted=lambda: by_itself.is_wanted),
        idle_seconds=CLOCK_SECONDS,
    )
    counting = Worker(
        "forecast",
        lambda: count_ahead(ticking=ticking, wanted=lambda: counting.is_wanted),
        idle_seconds=COUNT_SECONDS,
    )
    telling = Worker("new invoices", lambda: tell_of_new_invoices(ticking=ticking), idle_seconds=LOOK_SECONDS)
    campaigning = Worker(
        "campaigns",
        lambda: work_on_campaigns(ticking=ticking, wanted=lambda: campaigning.is_wanted),
        idle_seconds=CAMPAIGN_SECONDS,
    )
    withdrawing = Worker(
        "withdrawing", lambda: withdraw_cancelled(store=store, clock=clock), idle_seconds=CAMPAIGN_SECONDS
    )
    reaping = Worker("reaper", lambda: release_dead(is_dead, store=store), idle_seconds=DEATH_SECONDS)
    inbox = Inbox(database, tables.inbox, clock, taken=handling.wake)

    def add_servicers(server: grpc.Server) -> None:
        scheduler_pb2_grpc.add_SchedulerServiceServicer_to_server(SchedulerServicer(ticking), server)
        emails_pb2_grpc.add_EmailsServiceServicer_to_server(EmailsServicer(ticking), server)
        campaigns_pb2_grpc.add_CampaignsServiceServicer_to_server(CampaignsServicer(ticking), server)
        pauses_pb2_grpc.add_PausesServiceServicer_to_server(PausesServicer(ticking), server)
        events_pb2_grpc.add_InboxServiceServicer_to_server(InboxServicer(inbox), server)
        dead_letters = DeadLetters(database, tables.inbox, clock, retried=handling.wake)
        operations = OperationsServicer(lambda: count_backlog(database, clock), dead_letters)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(operations, server)

    def close() -> None:
        mailer_channel.close()
        paynow_channel.close()
        database.dispose()

    return Program(
        name="scheduler",
        listen=settings.listen,
        token=settings.token,
        tls=settings.tls,
        callers=CALLERS,
        servicers=add_servicers,
        service_names=SERVICE_NAMES,
        workers=(
            reaping,
            dispatch,
            handling,
            telling,
            by_itself,
            campaigning,
            withdrawing,
            counting,
        ),
        needs={"database": database.ping},
        collectors=[QueueMetrics(database, partial(queue_gauges, clock=clock))],
        close=close,
    )


def bring_up_to_date(env: Mapping[str, str]) -> None:
    """Migrates the database."""
    migrate(server_url(env, "DUNLIN_SCHEDULER_DATABASE_URL"), MIGRATIONS)


if __name__ == "__main__":
    sys.exit(main("scheduler", compose, bring_up_to_date, sys.argv[1:]))

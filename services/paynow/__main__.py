"""The paynow service as a process: `python -m services.paynow migrate | all | serve | work | relay`."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from dunlin.paynow.v1 import accounts_pb2_grpc, ledger_pb2_grpc, paynow_pb2_grpc

from services.paynow import provider_sandbox, servicer_accounts, servicer_ledger, servicer_paynow
from services.paynow.composition_payments import Payments
from services.paynow.domain.links import PayLinks
from services.paynow.measured import MeasuredProvider
from services.paynow.provider_sandbox import SandboxProvider
from services.paynow.repository.accounts_writer import SqlAccounts
from services.paynow.repository.backlog import backlog, queue_gauges
from services.paynow.repository.books import SqlLedger
from services.paynow.servicer_accounts import AccountsServicer
from services.paynow.servicer_ledger import LedgerServicer
from services.paynow.tables import outbox
from services.shared.clock import Clock, SystemClock
from services.shared.database import Database
from services.shared.facts_amqp import broker_url
from services.shared.facts_grpc import GrpcSubscriber
from services.shared.grpc_channel import open_channel
from services.shared.migrate import migrate
from services.shared.operations_grpc import OperationsServicer
from services.shared.process import ROLES, Program, main
from services.shared.queue_metrics import QueueMetrics
from services.shared.relaying import relaying
from services.shared.server_urls import server_url
from services.shared.settings import choice, seconds, secret_file
from services.shared.tls import Tls
from services.shared.worker import Worker

NAME = "paynow"
MIGRATIONS = Path(__file__).parent / "migrations"

CALLERS = {
    "/dunlin.paynow.v1.LedgerService/": ("gateway", "scheduler"),
    "/dunlin.paynow.v1.LedgerService/SyncBooks": ("gateway",),
    "/dunlin.paynow.v1.AccountsService/": ("gateway", "scheduler"),
    **{
        f"/dunlin.paynow.v1.AccountsService/{name}": ("gateway",)
        for name in (
            "SyncMethods",
            "SyncPlans",
            "RecordSignIn",
            "SaveProfile",
            "RemoveProfile",
            "SetProfiles",
            "StarContacts",
        )
    },
    "/dunlin.paynow.v1.PayNowService/": ("gateway",),
    "/dunlin.operations.v1.OperationsService/": ("gateway",),
}
"""Which programs may call what."""
SERVICE_NAMES = (
    servicer_ledger.NAME,
    servicer_accounts.NAME,
    servicer_paynow.NAME,
    operations_pb2.DESCRIPTOR.services_by_name["OperationsService"].full_name,
)


@dataclass(frozen=True)
class Settings:
    """What every role needs; see the table of settings in README.md."""

    database_url: str
    listen: str
    token: str
    tls: Tls

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Reads them all; a gap or a slip stops the start and names its variable."""
        tls = Tls.read(env)
        return cls(
            database_url=server_url(env, "DUNLIN_PAYNOW_DATABASE_URL"),
            listen=tls.address(env, "DUNLIN_PAYNOW_LISTEN"),
            token=secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"),
            tls=tls,
        )


def compose(env: Mapping[str, str], roles: Collection[str] = ROLES) -> Program:
    """The service for these roles, put together from what the environment says."""
    settings = Settings.read(env)
    clock, ends = SystemClock(), ExitStack()
    # Durable: a payment that was confirmed must survive a power cut.
    database = Database(settings.database_url, durable=True)
    ends.callback(database.dispose)
    program = Program(
        name=NAME,
        listen=settings.listen,
        token=settings.token,
        tls=settings.tls,
        callers=CALLERS,
        service_names=SERVICE_NAMES,
        needs={"database": database.ping},
        collectors=[QueueMetrics(database, partial(queue_gauges, clock=clock))],
        close=ends.close,
    )
    if "serve" in roles or "work" in roles:
        payments = Payments(database, _provider(env, clock, ends), clock)
        if "serve" in roles:
            program = replace(program, servicers=_servicers(env, database, payments, clock))
        if "work" in roles:
            program = replace(program, workers=[Worker("resolve", payments.resolve)])
    if "relay" in roles:
        program = replace(program, relays=_relays(env, settings, database, clock, ends))
    return program


def _provider(env: Mapping[str, str], clock: Clock, ends: ExitStack) -> MeasuredProvider:
    choice(env, "DUNLIN_PROVIDER", "sandbox", ("sandbox",))
    # Durable as well: what it has charged it must not forget.
    books = Database(server_url(env, "DUNLIN_SANDBOX_DATABASE_URL"), durable=True)
    ends.callback(books.dispose)
    ach_seconds = seconds(env, "DUNLIN_SANDBOX_ACH_SECONDS", 60)
    return MeasuredProvider(SandboxProvider(books, clock, ach_seconds=ach_seconds))


def _servicers(
    env: Mapping[str, str], database: Database, payments: Payments, clock: Clock
) -> Callable[[grpc.Server], None]:
    link_key = secret_file(env, "DUNLIN_LINK_KEY_FILE")
    tokens = PayLinks(link_key)
    ledger = LedgerServicer(ledger=SqlLedger(database), tokens=tokens, clock=clock)
    accounts = AccountsServicer(accounts=SqlAccounts(database), tokens=tokens, clock=clock)
    paynow = payments.servicer(link_key)
    operations = OperationsServicer(lambda: backlog(database, clock))

    def add(server: grpc.Server) -> None:
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
        accounts_pb2_grpc.add_AccountsServiceServicer_to_server(accounts, server)
        paynow_pb2_grpc.add_PayNowServiceServicer_to_server(paynow, server)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(operations, server)

    return add


def _relays(
    env: Mapping[str, str], settings: Settings, database: Database, clock: Clock, ends: ExitStack
) -> Sequence[Worker]:
    address = settings.tls.address(env, "DUNLIN_SCHEDULER_ADDRESS")
    scheduler = open_channel(address, settings.token, tls=settings.tls)
    ends.callback(scheduler.close)
    facts = relaying(
        NAME,
        database=database,
        outbox=outbox,
        subscriber=GrpcSubscriber(scheduler),
        url=broker_url(env),
        clock=clock,
    )
    ends.callback(facts.close)
    return facts.workers


def bring_up_to_date(env: Mapping[str, str]) -> None:
    """Migrates the service's database, and that of the sandbox provider."""
    migrate(server_url(env, "DUNLIN_PAYNOW_DATABASE_URL"), MIGRATIONS)
    migrate(server_url(env, "DUNLIN_SANDBOX_DATABASE_URL"), provider_sandbox.MIGRATIONS)


if __name__ == "__main__":
    sys.exit(main(NAME, compose, bring_up_to_date, sys.argv[1:]))

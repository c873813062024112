"""The paynow service as a process: `python -m services.paynow migrate | all | serve | work | relay`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from dunlin.paynow.v1 import ledger_pb2_grpc, paynow_pb2_grpc

from services.paynow import provider_sandbox, servicer_ledger, servicer_paynow
from services.paynow.composition_payments import compose_payments
from services.paynow.domain.links import PayLinks
from services.paynow.measured import MeasuredProvider
from services.paynow.provider_sandbox import SandboxProvider
from services.paynow.repository.backlog import backlog, queue_gauges
from services.paynow.repository.books import SqlLedger
from services.paynow.servicer_ledger import LedgerServicer
from services.paynow.tables import outbox
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.facts_amqp import broker_url
from services.shared.facts_grpc import GrpcSubscriber
from services.shared.grpc_channel import open_channel
from services.shared.migrate import migrate
from services.shared.operations_grpc import OperationsServicer
from services.shared.process import Program, main
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
    "/dunlin.paynow.v1.PayNowService/": ("gateway",),
    "/dunlin.operations.v1.OperationsService/": ("gateway",),
}
"""Which programs may call what."""
SERVICE_NAMES = (
    servicer_ledger.NAME,
    servicer_paynow.NAME,
    operations_pb2.DESCRIPTOR.services_by_name["OperationsService"].full_name,
)


@dataclass(frozen=True)
class Settings:
    """What the environment says; see the table of settings in README.md."""

    database_url: str
    listen: str
    token: str
    tls: Tls
    link_key: str
    scheduler_address: str
    amqp_url: str
    sandbox_database_url: str
    sandbox_ach_seconds: float

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Reads them all; a gap or a slip stops the start and names its variable."""
        choice(env, "DUNLIN_PROVIDER", "sandbox", ("sandbox",))
        tls = Tls.read(env)
        return cls(
            database_url=server_url(env, "DUNLIN_PAYNOW_DATABASE_URL"),
            listen=tls.address(env, "DUNLIN_PAYNOW_LISTEN"),
            token=secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"),
            tls=tls,
            link_key=secret_file(env, "DUNLIN_LINK_KEY_FILE"),
            scheduler_address=tls.address(env, "DUNLIN_SCHEDULER_ADDRESS"),
            amqp_url=broker_url(env),
            sandbox_database_url=server_url(env, "DUNLIN_SANDBOX_DATABASE_URL"),
            sandbox_ach_seconds=seconds(env, "DUNLIN_SANDBOX_ACH_SECONDS", 60),
        )


def compose(env: Mapping[str, str]) -> Program:
    """The service, put together from what the environment says."""
    settings = Settings.read(env)
    clock = SystemClock()
    # Durable: a payment that was confirmed must survive a power cut, here and at the provider.
    database = Database(settings.database_url, durable=True)
    sandbox = Database(settings.sandbox_database_url, durable=True)
    provider = SandboxProvider(sandbox, clock, ach_seconds=settings.sandbox_ach_seconds)
    links = PayLinks(settings.link_key)
    payments = compose_payments(database, MeasuredProvider(provider), settings.link_key, clock)
    ledger = LedgerServicer(ledger=SqlLedger(database), tokens=links, clock=clock)
    operations = OperationsServicer(lambda: backlog(database, clock))
    scheduler = open_channel(settings.scheduler_address, settings.token, tls=settings.tls)
    facts = relaying(
        NAME,
        database=database,
        outbox=outbox,
        subscriber=GrpcSubscriber(scheduler),
        url=settings.amqp_url,
        clock=clock,
    )

    def add_servicers(server: grpc.Server) -> None:
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
        paynow_pb2_grpc.add_PayNowServiceServicer_to_server(payments.servicer, server)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(operations, server)

    def close() -> None:
        facts.close()
        scheduler.close()
        database.dispose()
        sandbox.dispose()

    return Program(
        name=NAME,
        listen=settings.listen,
        token=settings.token,
        tls=settings.tls,
        callers=CALLERS,
        servicers=add_servicers,
        service_names=SERVICE_NAMES,
        workers=[Worker("resolve", payments.resolve.run_once)],
        relays=facts.workers,
        needs={"database": database.ping},
        collectors=[QueueMetrics(database, partial(queue_gauges, clock=clock))],
        close=close,
    )


def bring_up_to_date(env: Mapping[str, str]) -> None:
    """Migrates the service's database, and that of the sandbox provider."""
    migrate(server_url(env, "DUNLIN_PAYNOW_DATABASE_URL"), MIGRATIONS)
    migrate(server_url(env, "DUNLIN_SANDBOX_DATABASE_URL"), provider_sandbox.MIGRATIONS)


if __name__ == "__main__":
    sys.exit(main(NAME, compose, bring_up_to_date, sys.argv[1:]))

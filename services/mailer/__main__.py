"""The mailer as a program: `python -m services.mailer migrate | all | serve | work | relay`.

`python -m services.mailer dkim-record` prints the DNS records of the keys that sign mails.
"""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import grpc
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc, sending_pb2, sending_pb2_grpc
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc

from services.mailer import tables
from services.mailer.clients import SchedulerReviews
from services.mailer.dkim import DOMAIN, KEY_FILE, SELECTOR, Signers, read_signer
from services.mailer.domain.circuit import Circuit
from services.mailer.domain.message import Claimed, ReturnPath
from services.mailer.domain.return_path import ReturnPaths
from services.mailer.measured import MeasuredTransport, measured
from services.mailer.rendering import MailPress
from services.mailer.reports.settings import Reporting
from services.mailer.reports.workers import report_workers
from services.mailer.repository import SqlStore, queue_gauges
from services.mailer.servicer import MailerServicer
from services.mailer.servicer_sending import SendingServicer
from services.mailer.smtp import SmtpServer, SmtpTransport
from services.mailer.use_cases.desk import Desk
from services.mailer.use_cases.keep import LOOK_SECONDS, UnderWay, release_dead, renew_leases
from services.mailer.use_cases.outage import Outage
from services.mailer.use_cases.record import Recorder
from services.mailer.use_cases.send import send_some
from services.shared import portal_links, unsubscribe_links
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.database_errors import is_away
from services.shared.facts_amqp import broker_url
from services.shared.facts_grpc import GrpcSubscriber
from services.shared.grpc_channel import open_channel
from services.shared.migrate import migrate
from services.shared.operations_grpc import OperationsServicer
from services.shared.owners import is_dead, owner_name
from services.shared.plaintext import Plaintext
from services.shared.process import ROLES, Program, main
from services.shared.queue_metrics import QueueMetrics
from services.shared.relaying import relaying
from services.shared.server_urls import server_url
from services.shared.settings import (
    SettingError,
    SettingWrong,
    choice,
    integer,
    optional,
    required,
    secret_file,
)
from services.shared.tls import Tls
from services.shared.worker import Worker

MIGRATIONS = Path(__file__).parent / "migrations"

CALLERS = {
    "/dunlin.mailer.v1.MailerService/": ("gateway",),
    "/dunlin.mailer.v1.MailerService/AcceptMessages": ("scheduler",),
    "/dunlin.mailer.v1.SendingService/": ("gateway",),
    "/dunlin.operations.v1.OperationsService/": ("gateway",),
}
"""Which programs may call what."""

NAMES = (
    mailer_pb2.DESCRIPTOR.services_by_name["MailerService"].full_name,
    sending_pb2.DESCRIPTOR.services_by_name["SendingService"].full_name,
    operations_pb2.DESCRIPTOR.services_by_name["OperationsService"].full_name,
)


@dataclass(frozen=True)
class Settings:
    """What every role needs; see the table of settings in README.md."""

    database_url: str
    listen: str
    token: str
    tls: Tls
    scheduler_address: str
    public_url: str

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """`SettingError` names what is missing or wrong."""
        tls = Tls.read(env)
        return cls(
            database_url=server_url(env, "DUNLIN_MAILER_DATABASE_URL"),
            listen=tls.address(env, "DUNLIN_MAILER_LISTEN"),
            token=secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"),
            tls=tls,
            scheduler_address=tls.address(env, "DUNLIN_SCHEDULER_ADDRESS"),
            public_url=required(env, "DUNLIN_PUBLIC_URL").rstrip("/"),
        )


@dataclass(frozen=True)
class Outgoing:
    """What only those need who send."""

    smtp: SmtpServer
    connections: int
    signer: Signers | None
    portal_key: str
    """Seals links into the portal and links that unsubscribe; the gateway has the same one."""
    reporting: Reporting

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Outgoing":
        """`SettingError` names what is missing or wrong."""
        return cls(
            smtp=_smtp(env),
            connections=integer(env, "DUNLIN_SMTP_CONNECTIONS", 2, least=1),
            signer=read_signer(env),
            portal_key=secret_file(env, "DUNLIN_PORTAL_KEY_FILE"),
            reporting=Reporting.read(env),
        )


def _smtp(env: Mapping[str, str]) -> SmtpServer:
    user = optional(env, "DUNLIN_SMTP_USER", "")
    host = required(env, "DUNLIN_SMTP_HOST")
    security = choice(env, "DUNLIN_SMTP_SECURITY", "none", ("none", "starttls", "tls"))
    if security == "none":
        what = "a login and mails would go" if user else "mails would go"
        Plaintext.read(env).check(
            host,
            f"DUNLIN_SMTP_SECURITY is none, and {what} in plain text to {host}",
            "set DUNLIN_SMTP_SECURITY to starttls or tls",
        )
    return SmtpServer(
        host=host,
        port=integer(env, "DUNLIN_SMTP_PORT", 25, least=1),
        security=security,
        user=user,
        password=_password(env) if user else "",
    )


def _password(env: Mapping[str, str]) -> str:
    # Not through `secret_file`: others choose this secret, and theirs may be short.
    path = Path(required(env, "DUNLIN_SMTP_PASSWORD_FILE"))
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingWrong(
            f"DUNLIN_SMTP_PASSWORD_FILE names {path}, which cannot be read: {error.strerror}."
        ) from error


def compose(env: Mapping[str, str], roles: Collection[str] = ROLES) -> Program:
    """The mailer for these roles, with everything it is made of."""
    settings = Settings.read(env)
    clock, ends = SystemClock(), ExitStack()
    database = Database(settings.database_url)
    ends.callback(database.dispose)
    store = SqlStore(database)
    channel = open_channel(settings.scheduler_address, settings.token, tls=settings.tls)
    ends.callback(channel.close)
    program = Program(
        name="mailer",
        listen=settings.listen,
        token=settings.token,
        tls=settings.tls,
        callers=CALLERS,
        service_names=NAMES,
        needs={"database": database.ping},
        collectors=[QueueMetrics(database, partial(queue_gauges, clock=clock))],
        close=ends.close,
    )
    senders: list[Worker] = []

    def wake() -> None:
        for sender in senders:
            sender.wake()

    if "relay" in roles:
        facts = relaying(
            "mailer",
            database=database,
            outbox=tables.outbox,
            subscriber=GrpcSubscriber(channel),
            url=broker_url(env),
            clock=clock,
        )
        ends.callback(facts.close)
        program = replace(program, relays=facts.workers)
    if "work" in roles:
        outgoing, under_way, outage = Outgoing.read(env), UnderWay(), Outage(is_away)
        begin = outage.watched(measured(store.write))
        desk = partial(
            Desk,
            begin=begin,
            reviews=SchedulerReviews(channel),
            press=MailPress(
                settings.public_url,
                outgoing.signer,
                partial(portal_links.make, key=outgoing.portal_key),
                partial(unsubscribe_links.make, key=outgoing.portal_key),
            ),
            circuit=Circuit(),
            recorder=Recorder(
                begin, clock, is_away=is_away, announced=facts.wake if "relay" in roles else _nobody
            ),
            under_way=under_way,
            clock=clock,
            may_take_over=outage.is_over,
            more=wake,
            return_path=_return_path(outgoing.reporting.paths),
        )
        senders += _senders(outgoing, desk, ends)
        reports = report_workers(outgoing.reporting, begin=measured(store.write), clock=clock, ends=ends)
        own = (_keeper(store, clock, under_way), _reaper(store, clock, wake))
        program = replace(program, workers=[*own, *senders, *reports])
    if "serve" in roles:
        mailer = MailerServicer(
            write=measured(store.write),
            read=store.read,
            press=MailPress(settings.public_url),
            clock=clock,
            wake=wake,
        )
        sending = SendingServicer(write=measured(store.write), read=store.read, clock=clock, wake=wake)
        operations = OperationsServicer(store.backlog)
        program = replace(program, servicers=_servicers(mailer, sending, operations))
    return program


def _return_path(paths: ReturnPaths | None) -> Callable[[Claimed], ReturnPath | None]:
    return lambda message: paths.of(message.key) if paths is not None else None


def _nobody() -> None:
    """The facts are another process's business, which looks for them by itself."""


def _senders(outgoing: Outgoing, desk: Callable[..., Desk], ends: ExitStack) -> Iterator[Worker]:
    # Together they look into the queue every 0.1 s, since another process may have put something there.
    idle = min(1.0, 0.1 * outgoing.connections)
    for number in range(outgoing.connections):
        # Each has a connection and a lease name of its own.
        name, transport = f"send-{number}", SmtpTransport(outgoing.smtp)
        ends.callback(transport.close)
        sending = partial(send_some, desk(transport=MeasuredTransport(transport), owner=owner_name(name)))
        yield Worker(name, sending, idle_seconds=idle)


def _keeper(store: SqlStore, clock: SystemClock, under_way: UnderWay) -> Worker:
    """Keeps the leases of mails that a slow server takes its time over."""

    def keep() -> bool:
        renew_leases(under_way, begin=store.write, clock=clock)
        return False

    return Worker("keeper", keep, idle_seconds=LOOK_SECONDS)


def _reaper(store: SqlStore, clock: SystemClock, wake: Callable[[], None]) -> Worker:
    """Frees what a killed process of this machine had claimed: at the start, and while others run."""

    def reap() -> bool:
        if release_dead(is_dead, read=store.read, write=store.write, clock=clock):
            wake()
        return False

    return Worker("reaper", reap, idle_seconds=10.0)


def _servicers(
    mailer: MailerServicer, sending: SendingServicer, operations: OperationsServicer
) -> Callable[[grpc.Server], None]:
    def add(server: grpc.Server) -> None:
        mailer_pb2_grpc.add_MailerServiceServicer_to_server(mailer, server)
        sending_pb2_grpc.add_SendingServiceServicer_to_server(sending, server)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(operations, server)

    return add


def migrate_database(env: Mapping[str, str]) -> None:
    """Brings the mailer's database up to date."""
    migrate(server_url(env, "DUNLIN_MAILER_DATABASE_URL"), MIGRATIONS)


def dkim_record(env: Mapping[str, str]) -> int:
    """Prints the records as they stand in a zone file, in pieces as short as DNS wants; the exit code."""
    try:
        signer = read_signer(env)
    except SettingError as error:
        sys.stderr.write(f"mailer: {error}\n")
        return 2
    if signer is None:
        sys.stderr.write(f"mailer: mails are not signed; {KEY_FILE}, {SELECTOR} and {DOMAIN} are not set.\n")
        return 2
    for record in signer.records():
        pieces = [f'"{record.value[at : at + 255]}"' for at in range(0, len(record.value), 255)]
        sys.stdout.write(f"{record.name}. IN TXT ( {' '.join(pieces)} )\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["dkim-record"]:
        sys.exit(dkim_record(os.environ))
    sys.exit(main("mailer", compose, migrate_database, sys.argv[1:], os.environ))

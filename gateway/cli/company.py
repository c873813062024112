"""The company that the commands work on: its home, and stubs for its programs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import click

from embedded.home import Home
from gateway.cli.exits import NotRunning
from services.shared.settings import secret_file

if TYPE_CHECKING:
    import grpc
    from dunlin.operations.v1.operations_pb2_grpc import OperationsServiceStub
    from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub
    from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub
    from dunlin.paynow.v1.paynow_pb2_grpc import PayNowServiceStub
    from dunlin.scheduler.v1.campaigns_pb2_grpc import CampaignsServiceStub
    from dunlin.scheduler.v1.emails_pb2_grpc import EmailsServiceStub
    from dunlin.scheduler.v1.pauses_pb2_grpc import PausesServiceStub
    from dunlin.scheduler.v1.scheduler_pb2 import Calendar
    from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub

PROGRAMS = ("scheduler", "mailer", "paynow")


@dataclass(frozen=True)
class Company:
    """Stubs that load and connect when they are first used. Calls raise `grpc.RpcError`."""

    addresses: Mapping[str, str]
    token: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Says with which certificates the programs are called."""

    @cached_property
    def _channels(self) -> "dict[str, grpc.Channel]":
        from services.shared.grpc_channel import open_channel
        from services.shared.tls import Tls

        tls = Tls.read(self.env)
        return {name: open_channel(self.addresses[name], self.token, tls=tls) for name in PROGRAMS}

    @cached_property
    def scheduler(self) -> "SchedulerServiceStub":
        from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub

        return SchedulerServiceStub(self._channels["scheduler"])

    @cached_property
    def emails(self) -> "EmailsServiceStub":
        from dunlin.scheduler.v1.emails_pb2_grpc import EmailsServiceStub

        return EmailsServiceStub(self._channels["scheduler"])

    @cached_property
    def campaigns(self) -> "CampaignsServiceStub":
        from dunlin.scheduler.v1.campaigns_pb2_grpc import CampaignsServiceStub

        return CampaignsServiceStub(self._channels["scheduler"])

    @cached_property
    def pauses(self) -> "PausesServiceStub":
        from dunlin.scheduler.v1.pauses_pb2_grpc import PausesServiceStub

        return PausesServiceStub(self._channels["scheduler"])

    @cached_property
    def ledger(self) -> "LedgerServiceStub":
        from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub

        return LedgerServiceStub(self._channels["paynow"])

    @cached_property
    def accounts(self) -> "AccountsServiceStub":
        from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub

        return AccountsServiceStub(self._channels["paynow"])

    @cached_property
    def paynow(self) -> "PayNowServiceStub":
        from dunlin.paynow.v1.paynow_pb2_grpc import PayNowServiceStub

        return PayNowServiceStub(self._channels["paynow"])

    @cached_property
    def operations(self) -> "dict[str, OperationsServiceStub]":
        from dunlin.operations.v1.operations_pb2_grpc import OperationsServiceStub

        return {name: OperationsServiceStub(channel) for name, channel in self._channels.items()}

    @cached_property
    def calendar(self) -> "Calendar":
        """The company's calendar, asked for once."""
        from dunlin.scheduler.v1.scheduler_pb2 import GetCalendarRequest

        return self.scheduler.GetCalendar(GetCalendarRequest())


def connect(env: Mapping[str, str]) -> Company:
    """The company that runs at DUNLIN_HOME, or the one whose addresses are all in the environment.

    Raises `NotRunning`.
    """
    named = {name: env.get(f"DUNLIN_{name.upper()}_ADDRESS", "") for name in PROGRAMS}
    if all(named.values()):
        return Company(named, secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"), env)
    home = Home.read(env)
    addresses = home.addresses()
    # The addresses of a Dunlin that was killed are still there; its hold on the home is not.
    if addresses is None or not home.is_held():
        raise NotRunning(f"Dunlin is not running at {home.root}: start it with `make run` or `dunlin up`.")
    token_file = {"DUNLIN_SERVICE_TOKEN_FILE": str(home.secret("service-token"))}
    return Company(addresses, secret_file(token_file, "DUNLIN_SERVICE_TOKEN_FILE"), env)


@dataclass(frozen=True)
class Session:
    """What one run of the command line works with: the environment, and the way to the programs."""

    env: Mapping[str, str]
    connect: Callable[[Mapping[str, str]], Company] = connect


def environment() -> Mapping[str, str]:
    """The environment of the command that runs."""
    return _session().env


def open_company() -> Company:
    """The company of the command that runs. Raises `NotRunning`."""
    session = _session()
    return session.connect(session.env)


def _session() -> Session:
    session = click.get_current_context().find_object(Session)
    assert session is not None, "commands run by way of `gateway.cli.app.run`"  # noqa: S101 - a mistake of ours, not of the user
    return session


def identity_database_url() -> str:
    """Where staff accounts are: DUNLIN_IDENTITY_DATABASE_URL, or the home's own. Raises `NotRunning`."""
    env = environment()
    if env.get("DUNLIN_IDENTITY_DATABASE_URL"):
        from services.shared.server_urls import server_url

        return server_url(env, "DUNLIN_IDENTITY_DATABASE_URL")
    home = Home.read(env)
    if not (home.root / "db" / "identity.sqlite").exists():
        raise NotRunning(f"There is no company at {home.root} yet: `make run` or `dunlin up` makes one.")
    return home.database_url("identity")

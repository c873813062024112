"""Typed stubs for the services: the only way from the gateway to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import grpc
from dunlin.mailer.v1.mailer_pb2_grpc import MailerServiceStub
from dunlin.mailer.v1.sending_pb2_grpc import SendingServiceStub
from dunlin.operations.v1.operations_pb2_grpc import OperationsServiceStub
from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub
from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub
from dunlin.paynow.v1.paynow_pb2_grpc import PayNowServiceStub
from dunlin.scheduler.v1.campaigns_pb2_grpc import CampaignsServiceStub
from dunlin.scheduler.v1.emails_pb2_grpc import EmailsServiceStub
from dunlin.scheduler.v1.pauses_pb2_grpc import PausesServiceStub
from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub
from flask import current_app
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.settings import Settings
from services.shared.grpc_channel import open_channel

EXTENSION = "dunlin_clients"


@dataclass(frozen=True)
class Clients:
    """One stub for each service. Calls raise `grpc.RpcError`; `errors` turns that into a page."""

    scheduler: SchedulerServiceStub
    emails: EmailsServiceStub
    campaigns: CampaignsServiceStub
    pauses: PausesServiceStub
    mailer: MailerServiceStub
    sending: SendingServiceStub
    ledger: LedgerServiceStub
    accounts: AccountsServiceStub
    paynow: PayNowServiceStub
    operations: Mapping[str, OperationsServiceStub] = field(default_factory=dict)
    """By program: scheduler, mailer, paynow."""
    health: Mapping[str, HealthStub] = field(default_factory=dict)
    """By program, as `operations`."""


def connect(settings: Settings) -> Clients:
    """Opens one channel to each program; none has to be up yet."""
    addresses = {
        "scheduler": settings.scheduler_address,
        "mailer": settings.mailer_address,
        "paynow": settings.paynow_address,
    }
    channels = {
        name: open_channel(address, settings.service_token, tls=settings.tls)
        for name, address in addresses.items()
    }
    return over(channels)


def over(channels: Mapping[str, grpc.Channel]) -> Clients:
    """The stubs over one channel to each program: scheduler, mailer, paynow."""
    return Clients(
        scheduler=SchedulerServiceStub(channels["scheduler"]),
        emails=EmailsServiceStub(channels["scheduler"]),
        campaigns=CampaignsServiceStub(channels["scheduler"]),
        pauses=PausesServiceStub(channels["scheduler"]),
        mailer=MailerServiceStub(channels["mailer"]),
        sending=SendingServiceStub(channels["mailer"]),
        ledger=LedgerServiceStub(channels["paynow"]),
        accounts=AccountsServiceStub(channels["paynow"]),
        paynow=PayNowServiceStub(channels["paynow"]),
        operations={name: OperationsServiceStub(channel) for name, channel in channels.items()},
        health={name: HealthStub(channel) for name, channel in channels.items()},
    )


def clients() -> Clients:
    """The stubs of the application that serves this request."""
    return cast(Clients, current_app.extensions[EXTENSION])

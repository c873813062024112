"""The scheduler asks paynow for the payments of a day as its second look does: all of them are told."""

from collections.abc import Iterator
from datetime import date

import pytest
from dunlin.paynow.v1 import accounts_pb2_grpc

from services.paynow.servicer_accounts import NAME, AccountsServicer
from services.scheduler.clients_accounts import GrpcAccounts
from services.scheduler.domain.books import PlansOfDay, PlansTotal
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from tests.contracts.paynow_accounts import Tokens, World, day, world_in_memory
from tests.fakes.clock import SetClock
from tests.fakes.paynow_accounts import autopay
from tests.fakes.paynow_books import a_record

TOKEN = "a token that is long enough"


@pytest.fixture
def world() -> World:
    """AutoPay pays 201 invoices on the tenth, and one on the twelfth."""
    world = world_in_memory()
    crowd = [a_record(f"C{n}", due_on=day(10).isoformat()) for n in range(201)]
    world.sync(*crowd, a_record("L", due_on=day(12).isoformat()))
    world.sync_plans(autopay())
    return world


@pytest.fixture
def accounts(world: World) -> Iterator[GrpcAccounts]:
    servicer = AccountsServicer(accounts=world.accounts, tokens=Tokens(), clock=SetClock())
    server = Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda it: accounts_pb2_grpc.add_AccountsServiceServicer_to_server(servicer, it),
        names=[NAME],
    )
    channel = open_channel(server.start(), TOKEN, timeout=30)
    yield GrpcAccounts(channel)
    channel.close()
    server.stop(1)


@pytest.mark.parametrize(("on", "payments"), [(day(10), 201), (day(12), 1)])
def test_a_day_is_told_whole_however_many_there_are(accounts: GrpcAccounts, on: date, payments: int) -> None:
    found = accounts.accounts(["O-1"], today=day(1), pay_days=[on])["O-1"]
    assert found.pay_days == (PlansOfDay(on, payments, (PlansTotal("USD", payments * 25_000),)),)
    assert [plan.pays_on for plan in found.plans] == [on] * min(payments, 200)
    known = {invoice.invoice_id for invoice in (*found.invoices, *found.planned)}
    assert {plan.invoice_id for plan in found.plans} <= known

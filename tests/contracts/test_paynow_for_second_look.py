"""What the second look asks of accounts: any of very many methods on file, and whose contacts they are."""

from collections.abc import Iterator

import pytest
from dunlin.paynow.v1 import accounts_pb2_grpc

from services.paynow.domain.accounts import MOST_METHODS
from services.paynow.domain.books import TooMany
from services.paynow.servicer_accounts import NAME, AccountsServicer
from services.scheduler.clients_accounts import GrpcAccounts
from services.scheduler.domain.books import ContactQuery
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from tests.contracts.paynow_accounts import Tokens, World, open_world, world_in_memory
from tests.contracts.paynow_books import KINDS
from tests.fakes.clock import SetClock
from tests.fakes.paynow_accounts import a_card
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl

TOKEN = "a token that is long enough"


def fill(world: World) -> World:
    """60 cards, one of them deleted, of O-1, and one of O-2 with an id that O-1 has, too."""
    known = {"organization_type": "Retail", "organization_status": "inactive"}
    world.sync(a_record("1"), a_record("2", organization_id="O-2", contact_name="Cy", **known))
    cards = [a_card(f"M-{number:02}") for number in range(60)]
    world.sync_methods(
        *cards[:-1], cards[-1]._replace(status="deleted"), a_card("M-58", organization_id="O-2")
    )
    return world


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    with open_world(request.param, migrated_url) as world:
        yield fill(world)


def test_methods_that_are_asked_for_are_there_though_others_come_first(world: World) -> None:
    asked = ["M-58", "M-03", "M-59", "M-77"]
    assert [one.method_id for one in world.account(method_ids=asked).methods] == ["M-03", "M-58"]
    assert [one.method_id for one in world.account("O-2", method_ids=asked).methods] == ["M-58"]
    found = [one.method_id for one in world.account().methods]
    assert found == [f"M-{number:02}" for number in range(MOST_METHODS)]
    all_of_them = [f"M-{number:02}" for number in range(60)]
    assert len(world.account(method_ids=all_of_them).methods) == 59


def test_too_many_methods_at_once_are_refused(world: World) -> None:
    with pytest.raises(TooMany):
        world.account(method_ids=[str(number) for number in range(201)])


@pytest.fixture
def accounts() -> Iterator[GrpcAccounts]:
    """As the scheduler asks."""
    servicer = AccountsServicer(accounts=fill(world_in_memory()).accounts, tokens=Tokens(), clock=SetClock())
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


def test_the_scheduler_asks_for_the_methods_that_its_notices_name(accounts: GrpcAccounts) -> None:
    found = accounts.accounts(["O-1"], method_ids={"M-58"})["O-1"]
    assert [method.method_id for method in found.methods] == ["M-58"]


def test_the_scheduler_hears_of_what_type_and_status_a_contact_s_organization_is(
    accounts: GrpcAccounts,
) -> None:
    listed = accounts.contacts(ContactQuery(without_statuses=("active",)), 0, 10).contacts
    known = accounts.contacts_by_id([one.contact_id for one in listed])
    assert [(one.name, one.organization_type, one.organization_status) for one in known.values()] == [
        ("Cy", "Retail", "inactive")
    ]

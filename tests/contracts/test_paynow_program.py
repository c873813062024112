"""The paynow service as its composition root puts it together."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from dunlin.paynow.v1 import ledger_pb2, ledger_pb2_grpc, paynow_pb2, paynow_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.paynow import provider_sandbox
from services.paynow.__main__ import SERVICE_NAMES, bring_up_to_date, compose
from services.paynow.domain.payment import Outcome
from services.paynow.ports_payments import Charge
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from services.shared.settings import SettingMissing, SettingWrong
from tests.servers import DATABASES, PostgresServer

TOKEN = "a token that is long enough"


@pytest.fixture(params=DATABASES)
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        paynow, sandbox = postgres.empty(), postgres.empty()
    else:
        paynow, sandbox = (f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("paynow", "sandbox"))
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "key").write_text("a key that is long enough")
    return {
        "DUNLIN_PAYNOW_DATABASE_URL": paynow,
        "DUNLIN_SANDBOX_DATABASE_URL": sandbox,
        "DUNLIN_PAYNOW_LISTEN": "127.0.0.1:0",
        "DUNLIN_SCHEDULER_ADDRESS": "127.0.0.1:1",
        "DUNLIN_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
        "DUNLIN_LINK_KEY_FILE": str(tmp_path / "key"),
    }


@pytest.fixture
def channel(env: dict[str, str]) -> Iterator[grpc.Channel]:
    bring_up_to_date(env)
    bring_up_to_date(env)
    program = compose(env)
    server = Server(program.listen, program.token, servicers=program.servicers, names=program.service_names)
    channel = open_channel(server.start(), TOKEN)
    yield channel
    channel.close()
    server.stop(1)
    program.close()


@pytest.mark.parametrize(
    "name",
    [
        "DUNLIN_PAYNOW_DATABASE_URL",
        "DUNLIN_SANDBOX_DATABASE_URL",
        "DUNLIN_PAYNOW_LISTEN",
        "DUNLIN_SCHEDULER_ADDRESS",
        "DUNLIN_SERVICE_TOKEN_FILE",
        "DUNLIN_LINK_KEY_FILE",
    ],
)
def test_a_missing_setting_stops_the_start_and_is_named(env: dict[str, str], name: str) -> None:
    del env[name]
    with pytest.raises(SettingMissing, match=name):
        compose(env)


@pytest.mark.parametrize(
    ("role", "needless"),
    [
        ("work", ["DUNLIN_LINK_KEY_FILE", "DUNLIN_SCHEDULER_ADDRESS"]),
        ("relay", ["DUNLIN_LINK_KEY_FILE", "DUNLIN_SANDBOX_DATABASE_URL"]),
        ("serve", ["DUNLIN_SCHEDULER_ADDRESS"]),
    ],
)
def test_a_role_needs_no_secret_of_the_others(env: dict[str, str], role: str, needless: list[str]) -> None:
    for name in needless:
        del env[name]
    program = compose(env, [role])
    assert (bool(program.workers), bool(program.relays)) == (role == "work", role == "relay")
    program.close()


def test_an_unknown_provider_stops_the_start(env: dict[str, str]) -> None:
    with pytest.raises(SettingWrong, match="DUNLIN_PROVIDER"):
        compose(env | {"DUNLIN_PROVIDER": "goldmine"})


def test_every_service_is_served_and_healthy(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for name in ["", *SERVICE_NAMES]:
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    paynow = paynow_pb2_grpc.PayNowServiceStub(channel)
    assert paynow.ListPaymentMethods(paynow_pb2.ListPaymentMethodsRequest()).sandbox


def test_the_backlog_shows_that_a_sync_has_happened_and_left_nothing_to_do(channel: grpc.Channel) -> None:
    operations = operations_pb2_grpc.OperationsServiceStub(channel)

    def backlog() -> operations_pb2.Backlog:
        return operations.GetBacklog(operations_pb2.GetBacklogRequest())

    before = backlog()
    assert backlog() == before
    ledger = ledger_pb2_grpc.LedgerServiceStub(channel)
    ledger.SyncBooks(iter([ledger_pb2.SyncBooksRequest()]))
    after = backlog()
    assert after.activity != before.activity
    assert (after.outbox, after.inbox, after.queue) == (0, 0, 0)


def test_charges_of_a_sandbox_from_before_its_migrations_are_still_there(env: dict[str, str]) -> None:
    charge = Charge("a key", 4_000, "USD")
    database = Database(env["DUNLIN_SANDBOX_DATABASE_URL"])
    with database.write() as connection:
        # As the sandbox once made its table by itself.
        provider_sandbox.metadata.create_all(connection)
    sandbox = provider_sandbox.SandboxProvider(database, SystemClock())
    sandbox.charge(charge, "sandbox_approve", time_limit=5)
    bring_up_to_date(env)
    assert sandbox.find(charge) == Outcome.approved()
    database.dispose()

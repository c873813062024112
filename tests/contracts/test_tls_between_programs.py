"""Certificates between programs: who gets in, who does not, and what is refused before anybody calls."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import grpc
import pytest
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from prometheus_client import REGISTRY

import services.mailer.__main__ as mailer
import services.paynow.__main__ as paynow
import services.scheduler.__main__ as scheduler
from services.shared.grpc_channel import TOKEN_HEADER, open_channel
from services.shared.grpc_server import Server
from services.shared.settings import SettingError
from services.shared.tls import PLAIN, Tls, is_loopback
from tests.fakes.authority import Authority

TOKEN = "a token for the tests"
ALLOWED = {"DUNLIN_PLAINTEXT": "allowed"}


NAME = "dunlin.operations.v1.OperationsService"
CALLERS = {f"/{NAME}/": ("gateway",), f"/{NAME}/RetryDeadLetters": ("scheduler",)}


class Operations(operations_pb2_grpc.OperationsServiceServicer):
    def GetBacklog(self, request: object, context: object) -> operations_pb2.Backlog:
        return operations_pb2.Backlog(queue=3)

    def RetryDeadLetters(self, request: object, context: object) -> operations_pb2.RetryDeadLettersResponse:
        return operations_pb2.RetryDeadLettersResponse()


Operations.__abstractmethods__ = frozenset()  # only these methods are called


def add_all(server: grpc.Server) -> None:
    operations_pb2_grpc.add_OperationsServiceServicer_to_server(Operations(), server)


def start(tls: Tls) -> tuple[Server, int]:
    server = Server("127.0.0.1:0", TOKEN, servicers=add_all, names=[], tls=tls)
    return server, int(server.start().rpartition(":")[2])


def ask(address: str, tls: Tls) -> int:
    with open_channel(address, TOKEN, tls=tls, timeout=5) as channel:
        stub = operations_pb2_grpc.OperationsServiceStub(channel)
        return stub.GetBacklog(operations_pb2.GetBacklogRequest()).queue


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def port(ours: Authority) -> Iterator[int]:
    server, port = start(Tls.read(ours.settings("mailer", "localhost", "127.0.0.1")))
    yield port
    server.stop(0)


def refused(address: str, tls: Tls) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as error:
        ask(address, tls)
    return error.value.code()


def test_a_program_with_a_certificate_of_the_authority_is_answered(ours: Authority, port: int) -> None:
    caller = Tls.read(ours.settings("gateway"))
    assert ask(f"localhost:{port}", caller) == 3
    assert ask(f"127.0.0.1:{port}", caller) == 3, "an address may stand in a certificate too"


def test_a_certificate_opens_only_what_its_program_may_ask(ours: Authority) -> None:
    own = Tls.read(ours.settings("mailer", "localhost"))
    server = Server("127.0.0.1:0", TOKEN, servicers=add_all, names=[NAME], tls=own, callers=CALLERS)
    address = f"localhost:{server.start().rpartition(':')[2]}"

    def code(program: str, ask: Callable[[grpc.Channel], object]) -> grpc.StatusCode:
        with open_channel(address, TOKEN, tls=Tls.read(ours.settings(program)), timeout=5) as channel:
            try:
                ask(channel)
            except grpc.RpcError as error:
                return cast(grpc.Call, error).code()
        return grpc.StatusCode.OK

    def backlog(channel: grpc.Channel) -> object:
        return operations_pb2_grpc.OperationsServiceStub(channel).GetBacklog(
            operations_pb2.GetBacklogRequest()
        )

    def retry(channel: grpc.Channel) -> object:
        return operations_pb2_grpc.OperationsServiceStub(channel).RetryDeadLetters(
            operations_pb2.RetryDeadLettersRequest()
        )

    def reflect(channel: grpc.Channel) -> object:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        return list(stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest()])))

    def health(channel: grpc.Channel) -> object:
        return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    ok, denied = grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED
    found = {
        program: [code(program, ask) for ask in (backlog, retry, reflect, health)]
        for program in ("gateway", "scheduler", "paynow")
    }
    server.stop(0)
    assert found["gateway"] == [ok, denied, denied, ok], "the longer beginning counts, and what is not named"
    assert found["scheduler"] == [denied, ok, denied, ok], "not even a stream"
    assert found["paynow"] == [denied, denied, denied, ok]


def test_the_name_may_stand_among_the_names_of_hosts_too(ours: Authority) -> None:
    own = Tls.read(ours.settings("mailer", "localhost"))
    server = Server("127.0.0.1:0", TOKEN, servicers=add_all, names=[NAME], tls=own, callers=CALLERS)
    address = f"localhost:{server.start().rpartition(':')[2]}"
    assert ask(address, Tls.read(ours.settings("dunlin.example", "paynow", "gateway"))) == 3
    with pytest.raises(grpc.RpcError):
        ask(address, Tls.read(ours.settings("dunlin.example", "paynow", "gateway.example")))
    server.stop(0)


def test_whoever_is_not_allowed_is_told_so_with_a_reason(ours: Authority) -> None:
    own = Tls.read(ours.settings("mailer", "localhost"))
    server = Server("127.0.0.1:0", TOKEN, servicers=add_all, names=[NAME], tls=own, callers=CALLERS)
    address = f"localhost:{server.start().rpartition(':')[2]}"
    with pytest.raises(grpc.RpcError) as refused:
        ask(address, Tls.read(ours.settings("paynow")))
    server.stop(0)
    assert isinstance(refused.value, grpc.Call)
    assert "CALLER_NOT_ALLOWED" in str(rpc_status.from_call(refused.value))


@pytest.mark.parametrize("program", [scheduler, mailer, paynow])
def test_every_method_of_a_service_has_its_callers(program: ModuleType) -> None:
    served = {
        name
        for table in vars(program)
        if table in {"NAMES", "SERVICE_NAMES"}
        for name in vars(program)[table]
    }
    assert {key.split("/")[1] for key in program.CALLERS} == served
    for beginning in program.CALLERS:
        _, service, method = beginning.split("/")
        methods = descriptor_pool.Default().FindServiceByName(service).methods_by_name
        assert not method or method in methods, "a method that is not there protects nothing"


def test_a_plain_caller_is_refused(port: int) -> None:
    assert refused(f"localhost:{port}", PLAIN) is grpc.StatusCode.UNAVAILABLE


def test_a_caller_without_a_certificate_is_refused(ours: Authority, port: int) -> None:
    credentials = grpc.ssl_channel_credentials(ours.file.read_bytes())
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        stub = operations_pb2_grpc.OperationsServiceStub(channel)
        with pytest.raises(grpc.RpcError) as error:
            stub.GetBacklog(operations_pb2.GetBacklogRequest(), timeout=5, metadata=[(TOKEN_HEADER, TOKEN)])
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_caller_with_a_certificate_of_another_authority_is_refused(
    ours: Authority, port: int, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger").settings("gateway", trusts=ours)
    assert refused(f"localhost:{port}", Tls.read(stranger)) is grpc.StatusCode.UNAVAILABLE


def test_a_server_with_a_certificate_of_another_authority_is_not_believed(
    ours: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger").settings("localhost", trusts=ours)
    server, port = start(Tls.read(stranger))
    assert refused(f"localhost:{port}", Tls.read(ours.settings("gateway"))) is grpc.StatusCode.UNAVAILABLE
    server.stop(0)


def test_a_server_whose_certificate_bears_another_name_is_not_believed(ours: Authority) -> None:
    server, port = start(Tls.read(ours.settings("paynow")))
    assert refused(f"localhost:{port}", Tls.read(ours.settings("gateway"))) is grpc.StatusCode.UNAVAILABLE
    server.stop(0)


def test_a_certificate_does_not_replace_the_token(ours: Authority, port: int) -> None:
    channel = open_channel(f"localhost:{port}", "another token", tls=Tls.read(ours.settings("gateway")))
    with channel, pytest.raises(grpc.RpcError) as error:
        operations_pb2_grpc.OperationsServiceStub(channel).GetBacklog(operations_pb2.GetBacklogRequest())
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


# Settings


@pytest.mark.parametrize("missing", ["DUNLIN_TLS_CERT_FILE", "DUNLIN_TLS_KEY_FILE", "DUNLIN_TLS_CA_FILE"])
def test_all_three_files_or_none(ours: Authority, missing: str) -> None:
    settings = {name: value for name, value in ours.settings("mailer").items() if name != missing}
    with pytest.raises(SettingError, match=f"{missing} is not set"):
        Tls.read(settings)


def test_a_file_that_is_not_there_is_named(ours: Authority) -> None:
    settings = ours.settings("mailer") | {"DUNLIN_TLS_CA_FILE": "/nowhere/ca.pem"}
    with pytest.raises(SettingError, match=r"DUNLIN_TLS_CA_FILE names /nowhere/ca\.pem"):
        Tls.read(settings)


def test_a_key_of_another_certificate_is_named(ours: Authority) -> None:
    other = ours.settings("paynow")["DUNLIN_TLS_KEY_FILE"]
    with pytest.raises(SettingError, match="DUNLIN_TLS_KEY_FILE"):
        Tls.read(ours.settings("mailer") | {"DUNLIN_TLS_KEY_FILE": other})


def test_an_authority_without_a_certificate_is_named(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing here")
    with pytest.raises(SettingError, match="DUNLIN_TLS_CA_FILE"):
        Tls.read(ours.settings("mailer") | {"DUNLIN_TLS_CA_FILE": str(tmp_path / "empty.pem")})


def test_when_the_certificate_and_the_authority_end_is_measured(ours: Authority) -> None:
    Tls.read(ours.settings("mailer"))
    for what in ("program", "authority"):
        ends = REGISTRY.get_sample_value("dunlin_certificate_ends_timestamp_seconds", {"certificate": what})
        assert ends is not None
        assert 23 * 3600 < ends - time.time() < 25 * 3600


def test_the_key_shows_in_no_text(ours: Authority) -> None:
    assert "PRIVATE" not in repr(Tls.read(ours.settings("mailer")))


@pytest.mark.parametrize("address", ["mailer:7001", "0.0.0.0:7001", "[::]:7001", ":7001", "10.0.0.5:7001"])
def test_plain_text_beyond_this_machine_is_refused_with_its_variable_and_the_cure(address: str) -> None:
    with pytest.raises(SettingError, match=r"DUNLIN_MAILER_ADDRESS.*DUNLIN_TLS_CERT_FILE.*DUNLIN_PLAINTEXT"):
        Tls.read({}).address({"DUNLIN_MAILER_ADDRESS": address}, "DUNLIN_MAILER_ADDRESS")
    env = {"DUNLIN_MAILER_ADDRESS": address, **ALLOWED}
    assert Tls.read(env).address(env, "DUNLIN_MAILER_ADDRESS") == address


def test_whoever_forgets_the_settings_cannot_speak_plainly_beyond_this_machine() -> None:
    with pytest.raises(SettingError, match="DUNLIN_PLAINTEXT"):
        open_channel("mailer:7001", TOKEN)
    with pytest.raises(SettingError, match="DUNLIN_PLAINTEXT"):
        Server("0.0.0.0:0", TOKEN, servicers=lambda server: None, names=[])


def test_leave_to_speak_plainly_turns_no_certificate_off(ours: Authority, port: int) -> None:
    caller = Tls.read(ours.settings("gateway") | ALLOWED)
    assert caller.is_on
    assert ask(f"localhost:{port}", caller) == 3


def test_leave_for_one_host_is_no_leave_for_another() -> None:
    env = {"DUNLIN_PLAINTEXT": "postgres, mailer"}
    assert Tls.read(env).address(env | {"A": "mailer:1"}, "A") == "mailer:1"
    with pytest.raises(SettingError, match="A is paynow:1"):
        Tls.read(env).address(env | {"A": "paynow:1"}, "A")


def test_with_certificates_any_address_will_do(ours: Authority) -> None:
    env = {"DUNLIN_MAILER_ADDRESS": "mailer:7001"}
    assert Tls.read(ours.settings("mailer")).address(env, "DUNLIN_MAILER_ADDRESS") == "mailer:7001"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.8.8.8:1", "localhost:1", "[::1]:1"])
def test_these_addresses_never_leave_the_machine(address: str) -> None:
    assert is_loopback(address)

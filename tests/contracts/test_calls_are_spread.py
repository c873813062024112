"""Many processes of one program behind one address: calls go to all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import grpc
import pytest
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from services.shared.operations_grpc import Backlog, OperationsServicer
from services.shared.plaintext import Plaintext
from services.shared.tls import PLAIN, Tls
from tests.fakes.authority import Authority

TOKEN = "a token for the tests"
CALLS = 40


class Twins:
    """Two servers that each say which one they are."""

    def __init__(self, tls: Tls = PLAIN) -> None:
        self.servers = [self._server(number, tls) for number in (1, 2)]
        addresses = [server.start() for server in self.servers]
        self.address = "ipv4:" + ",".join(addresses)

    @staticmethod
    def _server(number: int, tls: Tls) -> Server:
        servicer = OperationsServicer(lambda: Backlog(0, 0, number, 0))
        return Server(
            "127.0.0.1:0",
            TOKEN,
            servicers=lambda s: operations_pb2_grpc.add_OperationsServiceServicer_to_server(servicer, s),
            names=[f"twin.{number}"],
            tls=tls,
        )

    def stop(self) -> None:
        for server in self.servers:
            server.stop(0)


@pytest.fixture
def twins() -> Iterator[Twins]:
    twins = Twins()
    yield twins
    twins.stop()


@pytest.fixture
def channel(twins: Twins) -> Iterator[grpc.Channel]:
    # gRPC's list of addresses stands for a name with many; no resolver is asked for it.
    with open_channel(twins.address, TOKEN, tls=Tls(plaintext=Plaintext(everywhere=True))) as channel:
        yield channel


def single(channel: grpc.Channel) -> str:
    stub = operations_pb2_grpc.OperationsServiceStub(channel)
    return f"twin.{stub.GetBacklog(operations_pb2.GetBacklogRequest()).queue}"


def stream(channel: grpc.Channel) -> str:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([question]))
    return next(one.name for one in answer.list_services_response.service if one.name.startswith("twin."))


KINDS = pytest.mark.parametrize("ask", [single, stream])


@KINDS
def test_calls_go_to_both_in_turn(channel: grpc.Channel, ask: Callable[[grpc.Channel], str]) -> None:
    both_are_found(channel, ask)
    asked = Counter(ask(channel) for _ in range(CALLS))
    assert asked["twin.1"] == asked["twin.2"] == CALLS / 2


@KINDS
def test_one_that_has_ended_is_passed_by(
    twins: Twins, channel: grpc.Channel, ask: Callable[[grpc.Channel], str]
) -> None:
    both_are_found(channel, ask)
    twins.servers[0].stop(0)
    assert {ask(channel) for _ in range(CALLS)} == {"twin.2"}


def test_a_name_is_looked_up_and_checked_against_the_certificate(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ours = Authority(tmp_path_factory.mktemp("authority"))
    with ExitStack() as stack:
        twins = Twins(Tls.read(ours.settings("localhost")))
        stack.callback(twins.stop)
        port = twins.address.rpartition(":")[2]
        caller = Tls.read(ours.settings("gateway"))
        assert single(stack.enter_context(open_channel(f"localhost:{port}", TOKEN, tls=caller))) == "twin.2"


def both_are_found(channel: grpc.Channel, ask: Callable[[grpc.Channel], str]) -> None:
    """Connecting takes one of them longer than the other."""
    found: set[str] = set()
    for tries in count():
        found.add(ask(channel))
        if len(found) == 2:
            return
        assert tries < 2000, f"all calls go to {found}"

"""What every server and every caller keep to, tried with a real server on loopback."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from services.shared.errors import Busy, Conflict, Invalid, Missing, Refusal, Violation, WrongState
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import Server
from services.shared.log import request_id
from services.shared.operations_grpc import Backlog, OperationsServicer

TOKEN = "a token for the tests"
NAME = "dunlin.operations.v1.OperationsService"


class Running:
    """A server whose one method does what the test says."""

    def __init__(self) -> None:
        self.answer: Callable[[], Backlog] = lambda: Backlog(1, 2, 3, 4)
        servicer = OperationsServicer(self._current_answer)
        self.server = Server(
            "127.0.0.1:0",
            TOKEN,
            servicers=lambda s: operations_pb2_grpc.add_OperationsServiceServicer_to_server(servicer, s),
            names=[NAME],
        )
        self.address = self.server.start()

    def _current_answer(self) -> Backlog:
        return self.answer()

    def ask(self, token: str = TOKEN, timeout: float = 5.0) -> operations_pb2.Backlog:
        with open_channel(self.address, token, timeout=timeout) as channel:
            stub = operations_pb2_grpc.OperationsServiceStub(channel)
            return stub.GetBacklog(operations_pb2.GetBacklogRequest())

    def refuse(self, error: Exception) -> None:
        def answer() -> Backlog:
            raise error

        self.answer = answer


def reason_of(error: grpc.RpcError) -> str:
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    status.details[0].Unpack(info)
    return info.reason


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.server.stop(0)


def test_a_call_with_the_token_is_answered(running: Running) -> None:
    assert running.ask().queue == 3


@pytest.mark.parametrize("token", ["", "another token altogether"])
def test_a_call_without_the_token_is_unauthenticated(running: Running, token: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        running.ask(token)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(refused.value) == "TOKEN_INVALID"


@pytest.mark.parametrize("kind", [Invalid, Missing, Conflict, WrongState])
def test_a_refusal_comes_back_as_it_was_raised(running: Running, kind: type[Refusal]) -> None:
    running.refuse(
        kind(
            "Näher erklärt",
            reason="SOME_REASON",
            violations=[Violation("rule.days", "TOO_FAR", "Use at most 365.")],
            metadata={"most": "365"},
        )
    )
    with pytest.raises(grpc.RpcError) as raised:
        running.ask()
    refusal = refusal_of(raised.value)
    assert type(refusal) is kind
    assert refusal.message == "Näher erklärt"
    assert refusal.reason == "SOME_REASON"
    assert refusal.violations == (Violation("rule.days", "TOO_FAR", "Use at most 365."),)
    assert refusal.metadata == {"most": "365"}


def test_only_unavailable_is_tried_again(running: Running) -> None:
    calls: list[str] = []

    def busy_twice() -> Backlog:
        calls.append(request_id.get())
        if len(calls) < 3:
            raise Busy("not yet")
        return Backlog(0, 0, 0, 0)

    running.answer = busy_twice
    assert running.ask().queue == 0
    assert len(calls) == 3
    assert len(set(calls)) == 1, "the request id stays the same"
    calls.clear()
    running.refuse(WrongState("no"))
    with pytest.raises(grpc.RpcError):
        running.ask()


def test_a_call_is_tried_three_times_and_no_more(running: Running) -> None:
    calls: list[str] = []

    def busy() -> Backlog:
        calls.append(request_id.get())
        raise Busy("not yet")

    running.answer = busy
    with pytest.raises(grpc.RpcError):
        running.ask()
    assert len(calls) == 3


def test_a_bug_leaks_nothing(running: Running) -> None:
    running.refuse(RuntimeError("the password is hunter2"))
    with pytest.raises(grpc.RpcError) as raised:
        running.ask()
    assert raised.value.code() == grpc.StatusCode.INTERNAL
    assert reason_of(raised.value) == "INTERNAL"
    assert "hunter2" not in str(raised.value)
    assert refusal_of(raised.value) is None


def test_every_call_has_a_deadline(running: Running) -> None:
    forever = threading.Event()

    def wait() -> Backlog:
        forever.wait(20)
        return Backlog(0, 0, 0, 0)

    running.answer = wait
    with pytest.raises(grpc.RpcError) as raised:
        running.ask(timeout=0.2)
    forever.set()
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert isinstance(refusal_of(raised.value), Busy)


def test_the_callers_request_id_reaches_the_server(running: Running) -> None:
    seen: list[str] = []

    def answer() -> Backlog:
        seen.append(request_id.get())
        return Backlog(0, 0, 0, 0)

    running.answer = answer
    token = request_id.set("from-the-browser")
    running.ask()
    request_id.reset(token)
    assert seen == ["from-the-browser"]


def test_health_needs_no_token_and_reflection_does(running: Running) -> None:
    with grpc.insecure_channel(running.address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=NAME), timeout=5
        )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.RpcError):
            list(stub.ServerReflectionInfo(iter([question]), timeout=5))
    with open_channel(running.address, TOKEN) as trusted:
        stub = reflection_pb2_grpc.ServerReflectionStub(trusted)
        answers = list(stub.ServerReflectionInfo(iter([question])))
    assert NAME in [service.name for service in answers[0].list_services_response.service]


ASK = """
import sys
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from services.shared.grpc_channel import open_channel

with open_channel(sys.argv[1], sys.argv[2], timeout=5) as channel:
    stub = operations_pb2_grpc.OperationsServiceStub(channel)
    print(stub.GetBacklog(operations_pb2.GetBacklogRequest()).queue)
"""


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY"])
def test_no_proxy_of_the_environment_hears_what_programs_tell_each_other(running: Running, name: str) -> None:
    env = os.environ | {name: "http://127.0.0.1:1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", ASK, running.address, TOKEN]
    asked = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert asked.stdout == "3\n", asked.stderr

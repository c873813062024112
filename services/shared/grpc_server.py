"""A gRPC server as every service runs it: token, refusals, logs, health, reflection, a clean end."""

import hmac
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.shared.grpc_callers import Callers, Gate
from services.shared.grpc_calls import Call
from services.shared.grpc_channel import MOST_BYTES, REQUEST_HEADER, TOKEN_HEADER
from services.shared.grpc_errors import abort_for
from services.shared.tls import PLAIN, Tls
from services.shared.tracing import HEADER as TRACE_HEADER

# Health is asked by whoever watches over the process, which knows no token and learns nothing by it.
_OPEN = ("/grpc.health.v1.Health/",)

CONNECTION_SECONDS = 60
"""After so long a caller is asked to connect anew."""

_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

Begin = Callable[[grpc.ServicerContext], AbstractContextManager[None]]
"""Begins a call; what happens inside is the call."""

Continuation = Callable[[grpc.HandlerCallDetails], Any]


class Server:
    """Serves until it is stopped. `names` are the full names of the services, for health and reflection."""

    def __init__(
        self,
        listen: str,
        token: str,
        *,
        servicers: Callable[[grpc.Server], None],
        names: Sequence[str],
        tls: Tls = PLAIN,
        callers: Callers | None = None,
        threads: int = 16,
    ) -> None:
        """With certificates, `callers` says who may call what; without it each may call all."""
        gate = Gate(callers) if tls.is_on and callers is not None else None
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
            interceptors=[_Token(token), _Edge(gate)],
            options=[
                ("grpc.max_receive_message_length", MOST_BYTES),
                ("grpc.max_send_message_length", MOST_BYTES),
                # Two programs must never share a port: the second start has to fail.
                ("grpc.so_reuseport", 0),
                # Callers then look their names up again, and so find processes that were added. What is
                # under way on the old connection goes on to its end.
                ("grpc.max_connection_age_ms", CONNECTION_SECONDS * 1000),
            ],
        )
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        servicers(self._server)
        reflection.enable_server_reflection(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )
        self.is_serving = False
        """What health checks are told."""
        self._names = ["", *names]
        self._host = listen.rpartition(":")[0]
        self._port = tls.listen(self._server, listen)

    def start(self) -> str:
        """Begins to serve; returns the address as host:port, with the real port if 0 was asked for."""
        self._server.start()
        self.set_serving(serving=True)
        return f"{self._host}:{self._port}"

    def set_serving(self, *, serving: bool) -> None:
        """What health checks are told from now on; calls are taken in either case."""
        self.is_serving = serving
        status = health_pb2.HealthCheckResponse.SERVING if serving else _NOT_SERVING
        for name in self._names:
            self._health.set(name, status)

    def stop(self, grace: float = 5.0) -> None:
        """Takes no new calls, gives running ones `grace` seconds, returns when all have ended."""
        self.is_serving = False
        self._health.enter_graceful_shutdown()
        self._server.stop(grace).wait()


class _Token(grpc.ServerInterceptor):
    """Refuses calls that do not carry the service token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

        def refuse(_request: Any, context: grpc.ServicerContext) -> Any:
            message = "The call carries no valid service token."
            abort_for(context, grpc.StatusCode.UNAUTHENTICATED, message, "TOKEN_INVALID")

        self._refusal: Any = grpc.unary_unary_rpc_method_handler(refuse)

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Goes on if the token is right."""
        if handler_call_details.method.startswith(_OPEN):
            return continuation(handler_call_details)
        given = _header(handler_call_details, TOKEN_HEADER)
        if hmac.compare_digest(given.encode(), self._token):
            return continuation(handler_call_details)
        return self._refusal


class _Edge(grpc.ServerInterceptor):
    """Turns refusals into statuses and bugs into INTERNAL with a fixed text; logs one line for each call."""

    def __init__(self, gate: Gate | None) -> None:
        self._gate = gate

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Wraps the method's behaviour."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        request = _header(handler_call_details, REQUEST_HEADER)
        if method.startswith(_OPEN):
            return handler
        begin: Begin = partial(Call, method, request, trace=_header(handler_call_details, TRACE_HEADER))
        if self._gate is not None:
            begin = partial(_admitted, self._gate, method, begin)
        return _streaming(handler, begin) if handler.response_streaming else _single(handler, begin)


@contextmanager
def _admitted(gate: Gate, method: str, begin: Begin, context: grpc.ServicerContext) -> Iterator[None]:
    with begin(context):
        gate.admit(method, context)
        yield


def _single(handler: Any, begin: Begin) -> Any:
    behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary

    def call(message: Any, context: grpc.ServicerContext) -> Any:
        with begin(context):
            return behaviour(message, context)

    streamed, plain = grpc.stream_unary_rpc_method_handler, grpc.unary_unary_rpc_method_handler
    wrap: Any = streamed if handler.request_streaming else plain
    return wrap(call, handler.request_deserializer, handler.response_serializer)


def _streaming(handler: Any, begin: Begin) -> Any:
    behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream

    def call(message: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with begin(context):
            yield from behaviour(message, context)

    streamed, plain = grpc.stream_stream_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    wrap: Any = streamed if handler.request_streaming else plain
    return wrap(call, handler.request_deserializer, handler.response_serializer)


def _header(details: grpc.HandlerCallDetails, name: str) -> str:
    for key, value in details.invocation_metadata or ():
        if key == name:
            return value if isinstance(value, str) else ""
    return ""

"""A gRPC channel as every caller opens it: token, request id, deadline, retries for UNAVAILABLE only."""

import json
from typing import Any, NamedTuple

import grpc

from services.shared import tracing
from services.shared.log import new_request_id, request_id
from services.shared.progress import progress
from services.shared.tls import PLAIN, Tls

MOST_BYTES = 16 * 1024 * 1024
"""No message may be larger, in either direction."""

TOKEN_HEADER = "x-dunlin-token"  # noqa: S105 - the name of the header, not its content
REQUEST_HEADER = "x-request-id"

# A name may stand for many processes: calls go to each of them in turn, and past one that is away.
_SPREAD: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}

# UNAVAILABLE alone says that the call may be sent again (AIP-194), and only while no answer has begun.
# Three tries span less than a second: where one service asks another for a third, their tries multiply.
_RETRY: dict[str, object] = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.2s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


def open_channel(address: str, token: str, *, tls: Tls = PLAIN, timeout: float = 10.0) -> grpc.Channel:
    """A channel to host:port; where the name has many addresses, the calls go to all of them in turn.

    A call without a deadline of its own gets `timeout` seconds.

    `SettingWrong` if it leaves this machine in plain text and `tls` does not allow that.
    Connecting happens at the first call, and again after the server was away.
    """
    options: list[tuple[str, object]] = [
        ("grpc.max_receive_message_length", MOST_BYTES),
        ("grpc.max_send_message_length", MOST_BYTES),
        # A program that comes back is found again within a second.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Whatever proxy the environment names for the web: what programs tell each other is not for it.
        ("grpc.enable_http_proxy", 0),
        # One that comes back may have another address.
        ("grpc.dns_min_time_between_resolutions_ms", 1000),
    ]
    retrying = tls.channel(address, [*options, _config(_SPREAD | _RETRY)])
    plain = tls.channel(address, [*options, _config(_SPREAD)])
    return grpc.intercept_channel(_ByKind(retrying, plain), _Caller(token, timeout))


def _config(content: dict[str, object]) -> tuple[str, object]:
    return "grpc.service_config", json.dumps(content)


class _ByKind(grpc.Channel):
    """Retries for single requests and answers; streams go over a channel without a retry policy.

    In gRPC 1.85 a stream under a retry policy whose server is killed may never end, not even at its
    deadline. Each of the two connects only when it is used.
    """

    def __init__(self, retrying: grpc.Channel, plain: grpc.Channel) -> None:
        self._retrying = retrying
        self._plain = plain

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._retrying.unary_unary(*args, **kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain.unary_stream(*args, **kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain.stream_unary(*args, **kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain.stream_stream(*args, **kwargs)

    def subscribe(self, *args: Any, **kwargs: Any) -> None:
        self._retrying.subscribe(*args, **kwargs)

    def unsubscribe(self, *args: Any, **kwargs: Any) -> None:
        self._retrying.unsubscribe(*args, **kwargs)

    def close(self) -> None:
        self._retrying.close()
        self._plain.close()

    def __enter__(self) -> "_ByKind":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Details(NamedTuple):
    """What grpc asks an interceptor to hand on; its own class is private."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Caller(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds what each call carries."""

    def __init__(self, token: str, timeout: float) -> None:
        self._token = token
        self._timeout = timeout

    def _with_context(self, details: Any) -> Any:
        # A long piece of work that asks others shows by it that it goes on.
        progress()
        metadata = [
            *(details.metadata or ()),
            (TOKEN_HEADER, self._token),
            (REQUEST_HEADER, request_id.get() or new_request_id()),
            *tracing.metadata(),
        ]
        timeout = self._timeout if details.timeout is None else details.timeout
        return _Details(
            details.method,
            timeout,
            metadata,
            details.credentials,
            getattr(details, "wait_for_ready", None),
            getattr(details, "compression", None),
        )

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """One request, one answer."""
        with tracing.span(client_call_details.method[1:], "client"):
            return continuation(self._with_context(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """One request, many answers."""
        return continuation(self._with_context(client_call_details), request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many requests, one answer."""
        with tracing.span(client_call_details.method[1:], "client"):
            return continuation(self._with_context(client_call_details), request_iterator)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many requests, many answers."""
        return continuation(self._with_context(client_call_details), request_iterator)

"""A gRPC channel as every caller opens it: token, request id, deadline, retries for UNAVAILABLE only."""

import json
from typing import Any, NamedTuple

import grpc

from services.shared.grpc_server import MOST_BYTES, REQUEST_HEADER, TOKEN_HEADER
from services.shared.log import new_request_id, request_id

# UNAVAILABLE alone says that the call may be sent again (AIP-194), and only while no answer has begun.
# Three tries span less than a second: where one service asks another for a third, their tries multiply.
_SERVICE_CONFIG = json.dumps(
    {
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
)


def open_channel(address: str, token: str, *, timeout: float = 10.0) -> grpc.Channel:
    """A channel to host:port. A call without a deadline of its own gets `timeout` seconds.

    Connecting happens at the first call, and again after the server was away.
    """
    channel = grpc.insecure_channel(
        address,
        options=[
            ("grpc.max_receive_message_length", MOST_BYTES),
            ("grpc.max_send_message_length", MOST_BYTES),
            ("grpc.service_config", _SERVICE_CONFIG),
            # A program that comes back is found again within a second.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ],
    )
    return grpc.intercept_channel(channel, _Caller(token, timeout))


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
        metadata = [
            *(details.metadata or ()),
            (TOKEN_HEADER, self._token),
            (REQUEST_HEADER, request_id.get() or new_request_id()),
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
        return continuation(self._with_context(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """One request, many answers."""
        return continuation(self._with_context(client_call_details), request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many requests, one answer."""
        return continuation(self._with_context(client_call_details), request_iterator)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many requests, many answers."""
        return continuation(self._with_context(client_call_details), request_iterator)

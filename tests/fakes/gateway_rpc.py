"""What every fake stub of the gateway's tests does: remember calls, be away on demand, fail as gRPC does."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import grpc

from services.shared.errors import Refusal
from services.shared.grpc_errors import abort_with


class CallFailed(grpc.RpcError, grpc.Call):
    """A call that ended with a status, as a channel raises it."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing: Any = ()) -> None:
        super().__init__(details)
        self._code, self._details, self._trailing = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self._trailing

    def initial_metadata(self) -> Any:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Any) -> bool:
        return False


class _Context:
    def abort_with_status(self, status: Any) -> None:
        raise CallFailed(status.code, status.details, status.trailing_metadata)


def failed(refusal: Refusal) -> CallFailed:
    """The error that a service's refusal arrives as."""
    try:
        abort_with(_Context(), refusal)  # type: ignore[arg-type]
    except CallFailed as error:
        return error


def away() -> CallFailed:
    """The error of a call to a program that is not there."""
    return CallFailed(
        grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: 127.0.0.1:1"
    )


class FakeStub:
    """Base of the fakes. `calls` holds (method, request); `refuse[method]` fails calls of a method."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.refuse: dict[str, Refusal | grpc.RpcError] = {}
        self.is_away = False

    def requests(self, method: str) -> list[Any]:
        """What a method was asked, oldest first."""
        return [request for name, request in self.calls if name == method]


def rpc(method: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Makes a method callable as a stub's is."""

    @wraps(method)
    def call(self: FakeStub, request: Any, timeout: float | None = None, metadata: Any = None) -> Any:
        self.calls.append((method.__name__, request))
        if self.is_away:
            raise away()
        planned = self.refuse.get(method.__name__)
        if isinstance(planned, grpc.RpcError):
            raise planned
        try:
            if planned is not None:
                raise planned
            return method(self, request)
        except Refusal as refusal:
            raise failed(refusal) from None

    return call

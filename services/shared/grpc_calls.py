"""One call at the edge of a server: its request id, its line in the log, how it is counted, how it ends."""

import time

import grpc
import structlog

from services.shared import metrics, tracing
from services.shared.database_errors import database_refusal, text_refusal, words_of
from services.shared.errors import Refusal
from services.shared.grpc_errors import abort_for, abort_with, code_of
from services.shared.log import known_request, new_request_id, request_id

log = structlog.get_logger()


class Call:
    """Wraps the method's own work: refusals become statuses, bugs INTERNAL with a fixed text."""

    def __init__(self, method: str, request: str, context: grpc.ServicerContext, trace: str = "") -> None:
        """`method` as gRPC writes it; `request` and `trace` are what the caller has sent, if it has."""
        self._method = method
        self._context = context
        request_id.set(known_request(request) or new_request_id())
        self._span = tracing.span(method[1:], "server", parent=trace)
        self._began = time.perf_counter()

    def __enter__(self) -> None:
        self._marks = self._span.__enter__()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        took = time.perf_counter() - self._began
        code = self._end(error, round(took * 1000, 1))
        self._marks.mark(**{"rpc.grpc.status_code": code.value[0]})
        self._span.__exit__(None, None, None)
        metrics.RPC_SECONDS.labels(self._method.removeprefix("/dunlin."), code.name).observe(took)
        if error is None or isinstance(error, GeneratorExit):
            return
        refusal = _refusal_of(error)
        if refusal is not None:
            abort_with(self._context, refusal)
        if code is grpc.StatusCode.INTERNAL and self._aborted is None:
            message = f"Something went wrong on our side (request {request_id.get()})."
            abort_for(self._context, grpc.StatusCode.INTERNAL, message, "INTERNAL")

    @property
    def _aborted(self) -> grpc.StatusCode | None:
        code = getattr(self._context, "code", lambda: None)()
        return code if code is None or isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN

    def _end(self, error: BaseException | None, took_ms: float) -> grpc.StatusCode:
        """Writes the line; returns the code that the caller is to get, or has got."""
        if error is None or isinstance(error, GeneratorExit):
            log.debug("call", method=self._method, took_ms=took_ms)
            return grpc.StatusCode.OK if error is None else grpc.StatusCode.CANCELLED
        told = log.bind(method=self._method, took_ms=took_ms)
        if isinstance(error, Refusal):
            told.info("call refused", reason=error.reason)
            return code_of(error)
        if refusal := _refusal_of(error):
            told.warning("call refused", reason=refusal.reason, error=words_of(error))
            return code_of(refusal)
        if self._aborted is not None:
            # The method has aborted by itself, or the caller has gone away.
            return self._aborted
        if not self._context.is_active():
            told.info("caller went away")
            return grpc.StatusCode.CANCELLED
        told.error("call failed", exc_info=error)
        return grpc.StatusCode.INTERNAL


def _refusal_of(error: BaseException) -> Refusal | None:
    return error if isinstance(error, Refusal) else database_refusal(error) or text_refusal(error)

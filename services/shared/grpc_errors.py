"""Refusals over gRPC: one way out, one way back in.

On the wire a refusal is a status with `google.rpc.ErrorInfo` (domain "dunlin", the reason, metadata) and,
where fields are wrong, `google.rpc.BadRequest`. See AIP-193.
"""

from collections.abc import Sequence
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.shared.errors import Busy, Conflict, Invalid, Missing, Refusal, Violation, WrongState

DOMAIN = "dunlin"

_CODES: dict[type[Refusal], grpc.StatusCode] = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    Missing: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    Busy: grpc.StatusCode.UNAVAILABLE,
}
_KINDS = {code: kind for kind, code in _CODES.items()} | {
    grpc.StatusCode.DEADLINE_EXCEEDED: Busy,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Invalid,
}


def code_of(refusal: Refusal) -> grpc.StatusCode:
    """The status code of the refusal's kind."""
    return next(code for kind, code in _CODES.items() if isinstance(refusal, kind))


def abort_with(context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
    """Ends the call with the refusal."""
    info = error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata)
    details = [_packed(info)]
    if refusal.violations:
        fields = [
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field, reason=violation.reason, description=violation.description
            )
            for violation in refusal.violations
        ]
        details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
    _abort(context, code_of(refusal), refusal.message, details)


def abort_for(context: grpc.ServicerContext, code: grpc.StatusCode, message: str, reason: str) -> NoReturn:
    """Ends the call for a reason that is no refusal of a use case: no token, a bug."""
    _abort(context, code, message, [_packed(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN))])


def _abort(
    context: grpc.ServicerContext, code: grpc.StatusCode, message: str, details: Sequence[AnyMessage]
) -> NoReturn:
    status = status_pb2.Status(code=code.value[0], message=message, details=details)
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status does not return")


def refusal_of(error: grpc.RpcError) -> Refusal | None:
    """The refusal that a call ended with; None if it ended otherwise (a bug, or no permission).

    A server that is away and a deadline that has passed are both `Busy`.
    """
    if not isinstance(error, grpc.Call):
        return None
    kind = _KINDS.get(error.code())
    if kind is None:
        return None
    info, violations = _details(error)
    reason = info.reason if info else f"RPC_{error.code().name}"
    metadata = dict(info.metadata) if info else {}
    return kind(error.details() or "", reason=reason, violations=violations, metadata=metadata)


def _details(error: grpc.Call) -> tuple[error_details_pb2.ErrorInfo | None, list[Violation]]:
    info = None
    violations = []
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations = [Violation(v.field, v.reason, v.description) for v in bad.field_violations]
    return info, violations


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> AnyMessage:
    detail = AnyMessage()
    detail.Pack(message)
    return detail

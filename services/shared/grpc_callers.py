"""Who may call what, by the certificate that a caller shows."""

from collections.abc import Collection, Iterable, Mapping

import grpc
import structlog

from services.shared.grpc_errors import abort_for

log = structlog.get_logger()

Callers = Mapping[str, Collection[str]]
"""The programs that may call, by what begins a method's full name; the longest beginning counts.

Such as `{"/dunlin.x.v1.XService/": {"gateway"}, "/dunlin.x.v1.XService/Deliver": {"mailer"}}`. Nobody may
call a method that none of them begins.
"""


class Gate:
    """Lets those in whose certificate bears an allowed name."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def admit(self, method: str, context: grpc.ServicerContext) -> None:
        """Ends the call with PERMISSION_DENIED unless it comes from one who may make it."""
        names = _names(context)
        if names.isdisjoint(self._may_call(method)):
            log.warning("caller not allowed", method=method, caller=sorted(names))
            message = "The certificate of the caller is none of those that may ask this."
            abort_for(context, grpc.StatusCode.PERMISSION_DENIED, message, "CALLER_NOT_ALLOWED")

    def _may_call(self, method: str) -> Collection[str]:
        longest = max((one for one in self._callers if method.startswith(one)), key=len, default="")
        return self._callers.get(longest, ())


def _names(context: grpc.ServicerContext) -> set[str]:
    """The common name of the certificate and the names of hosts it is good for (RFC 5280, 4.2.1.6).

    gRPC has checked that our authority has signed it.
    """
    shown: Mapping[str, Iterable[bytes]] = context.auth_context()  # type: ignore[assignment]  # the stubs say int
    return {
        name.decode("utf-8", "replace")
        for kind in ("x509_common_name", "x509_subject_alternative_name")
        for name in shown.get(kind, ())
    }

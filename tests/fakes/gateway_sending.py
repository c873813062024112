"""What holds mails back, in memory for the gateway's tests."""

from datetime import UTC, datetime
from typing import Any

from dunlin.mailer.v1 import sending_pb2

from services.shared.errors import Invalid, Missing, Violation
from services.shared.wire import timestamp
from tests.fakes.gateway_rpc import FakeStub, rpc


class FakeSending(FakeStub):
    """The stop switch, the limits, and suppressed addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.sending = sending_pb2.Sending(time_zone="UTC")
        self.suppressions: dict[str, sending_pb2.Suppression] = {}

    @rpc
    def GetSending(self, request: Any) -> Any:
        return self.sending

    @rpc
    def UpdateSending(self, request: Any) -> Any:
        wanted = request.sending
        wrong = [
            Violation(f"sending.{name}", "OUT_OF_RANGE", f"Enter a number from 0 to {most:,}.")
            for name, most in (("daily_cap", 10_000_000), ("domain_per_minute", 100_000))
            if not 0 <= getattr(wanted, name) <= most
        ]
        if wanted.time_zone == "Mars/Olympus":
            wrong.append(Violation("sending.time_zone", "TIME_ZONE_UNKNOWN", "There is no such time zone."))
        if wrong:
            raise Invalid(wrong[0].description, reason="SENDING_INVALID", violations=wrong)
        self.sending.daily_cap = wanted.daily_cap
        self.sending.domain_per_minute = wanted.domain_per_minute
        self.sending.time_zone = wanted.time_zone
        return self.sending

    @rpc
    def SetStopped(self, request: Any) -> Any:
        if not request.stopped_by:
            raise Invalid("Say who stops it.", reason="EMPTY")
        if request.stopped and not self.sending.stopped:
            self.sending.stopped_by = request.stopped_by
            self.sending.stopped_at.FromDatetime(datetime.now(UTC))
        if not request.stopped:
            self.sending.stopped_by = ""
            self.sending.ClearField("stopped_at")
        self.sending.stopped = request.stopped
        return self.sending

    @rpc
    def ListSuppressions(self, request: Any) -> Any:
        if len(request.query) > 200:
            raise Invalid("Search for at most 200 characters.", reason="QUERY_TOO_LONG")
        found = [one for one in reversed(self.suppressions.values()) if request.query.lower() in one.email]
        size, start = request.page_size or 50, int(request.page_token or 0)
        return sending_pb2.ListSuppressionsResponse(
            suppressions=found[start : start + size],
            next_page_token=str(start + size) if start + size < len(found) else "",
            total=len(found),
        )

    @rpc
    def Suppress(self, request: Any) -> Any:
        if "@" not in request.email:
            raise Invalid("This is not an email address.", reason="EMAIL_INVALID")
        return self.suppressions.setdefault(
            request.email.lower(),
            sending_pb2.Suppression(
                email=request.email.lower(),
                reason=sending_pb2.SUPPRESSION_REASON_BY_STAFF,
                created_at=timestamp(datetime.now(UTC)),
                created_by=request.created_by,
            ),
        )

    @rpc
    def LiftSuppression(self, request: Any) -> Any:
        if request.email.lower() not in self.suppressions:
            raise Missing("This address is not suppressed.", reason="SUPPRESSION_MISSING")
        return self.suppressions.pop(request.email.lower())

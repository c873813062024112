"""Wire to domain and back: what holds mails back."""

from typing import Any

from dunlin.mailer.v1 import messages_pb2, sending_pb2

from services.mailer.domain.bounces import Reason, Suppression
from services.mailer.domain.message import Lane
from services.mailer.domain.sending import Limits, Standing
from services.mailer.use_cases.suppressions import SuppressionPage
from services.shared.wire import timestamp

_REASONS: dict[Reason, Any] = {
    reason: sending_pb2.SuppressionReason.Value(f"SUPPRESSION_REASON_{reason.value}") for reason in Reason
}
_LANES: dict[int, Lane] = {messages_pb2.Lane.Value(f"LANE_{lane.name}"): lane for lane in Lane}


def lane(number: int) -> Lane:
    """The lane; the usual one if it is unset, or one that only newer releases know."""
    return _LANES.get(number, Lane.USUAL)


def limits(message: sending_pb2.Sending) -> Limits:
    """The part of the settings that can be set; without a time zone, it is left as it is."""
    return Limits(message.daily_cap, message.domain_per_minute, message.time_zone)


def sending(value: Standing) -> sending_pb2.Sending:
    """The settings, and how they stand."""
    now = value.sending
    return sending_pb2.Sending(
        stopped=now.is_stopped,
        stopped_by=now.stopped_by,
        stopped_at=timestamp(now.stopped_at),
        daily_cap=now.limits.daily_cap,
        domain_per_minute=now.limits.domain_per_minute,
        time_zone=now.limits.time_zone,
        sent_today=value.sent_today,
        waiting=value.waiting,
    )


def suppression(value: Suppression) -> sending_pb2.Suppression:
    """One address."""
    return sending_pb2.Suppression(
        email=value.email,
        reason=_REASONS[value.reason],
        detail=value.detail,
        created_at=timestamp(value.created_at),
        notice_id=value.notice_id,
        created_by=value.created_by,
    )


def suppressions(value: SuppressionPage) -> sending_pb2.ListSuppressionsResponse:
    """A page of them."""
    return sending_pb2.ListSuppressionsResponse(
        suppressions=[suppression(one) for one in value.suppressions],
        next_page_token=value.next_token,
        total=value.total,
    )

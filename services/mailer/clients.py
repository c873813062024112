"""The scheduler behind the port `Reviews`."""

from collections.abc import Sequence

import grpc
from dunlin.scheduler.v1 import scheduler_pb2, scheduler_pb2_grpc

from services.mailer.converters_letters import verdict
from services.mailer.ports import Reviewed, ReviewUnavailable

REVIEW_SECONDS = 4.0
"""Longer than a second look holds: an answer that comes late still lets one mail go, and is asked for with
fewer notices next time. So a call that ends here without an answer is followed by an easier one."""


class SchedulerReviews:
    """Asks the scheduler for the second look."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = scheduler_pb2_grpc.SchedulerServiceStub(channel)

    def review(self, notice_ids: Sequence[str]) -> Reviewed:
        """One call. Whatever keeps it from being answered keeps the mails waiting: none goes unreviewed."""
        request = scheduler_pb2.ReviewNoticesRequest(notice_ids=notice_ids, takes_not_yet=True)
        try:
            answer = self._stub.ReviewNotices(request, timeout=REVIEW_SECONDS)
        except grpc.RpcError as error:
            code = error.code().name if isinstance(error, grpc.Call) else "UNKNOWN"
            raise ReviewUnavailable(f"Waits for the second look; the scheduler answered {code}.") from error
        verdicts = {review.notice_id: verdict(review) for review in answer.reviews}
        understood = {notice_id: said for notice_id, said in verdicts.items() if said is not None}
        return Reviewed(understood, answer.company_time_zone)

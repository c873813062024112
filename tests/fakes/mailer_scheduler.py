"""A scheduler for the mailer to talk to: a real gRPC server that answers reviews and takes facts in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from dunlin.events.v1 import events_pb2, events_pb2_grpc
from dunlin.scheduler.v1 import letters_pb2, notices_pb2, scheduler_pb2, scheduler_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.shared.grpc_server import Server

TOKEN = "token-of-the-tests-1234"


def a_letter(days: int = 15, email: str = "dana@example.test") -> letters_pb2.Letter:
    """A due notice as the scheduler words it."""
    return letters_pb2.Letter(
        type=notices_pb2.NOTICE_TYPE_DUE_NOTICE,
        recipients=[letters_pb2.Recipient(name="Dana Whitfield", email=email)],
        organization_id="org-1",
        organization_name="Whitfield & Sons",
        invoice=letters_pb2.LetterInvoice(
            invoice_id=7,
            number="INV-0007",
            issued_on="2026-01-18",
            due_on="2026-02-17",
            amount_minor=128_050,
            balance_minor=98_050,
            currency="USD",
            pay_token="signed.token",
        ),
        due=letters_pb2.DueDate(days_past_due=days, threshold_days=days),
    )


def a_receipt(failure: str = "") -> letters_pb2.Letter:
    """A receipt, or with a reason the message that a payment failed."""
    letter = a_letter()
    letter.type = (
        notices_pb2.NOTICE_TYPE_PAYMENT_FAILED if failure else notices_pb2.NOTICE_TYPE_PAYMENT_SUCCEEDED
    )
    letter.payment.CopyFrom(
        letters_pb2.LetterPayment(
            payment_id="p-1",
            amount_minor=98_050,
            currency="USD",
            method_label="Visa ending 4242",
            ended_at=Timestamp(seconds=1_772_600_000),
            failure_reason=failure,
        )
    )
    return letter


class FakeScheduler(scheduler_pb2_grpc.SchedulerServiceServicer, events_pb2_grpc.InboxServiceServicer):
    """Says yes unless told otherwise; remembers the facts."""

    def __init__(self) -> None:
        self.company_time_zone = ""
        self.letters: dict[str, letters_pb2.Letter] = {}
        self.withheld: dict[str, str] = {}
        self.later: dict[str, scheduler_pb2.NotYet] = {}
        self.status: grpc.StatusCode | None = None
        self.facts: list[events_pb2.Fact] = []
        self.lock = threading.Lock()

    def ReviewNotices(
        self, request: scheduler_pb2.ReviewNoticesRequest, context: grpc.ServicerContext
    ) -> scheduler_pb2.ReviewNoticesResponse:
        if self.status is not None:
            context.abort(self.status, "as the test asked")
        return scheduler_pb2.ReviewNoticesResponse(
            reviews=[self._review(id) for id in request.notice_ids],
            company_time_zone=self.company_time_zone,
        )

    def _review(self, id: str) -> scheduler_pb2.Review:
        if id in self.withheld:
            why = scheduler_pb2.Withheld(reason=self.withheld[id], explanation="Because.")
            return scheduler_pb2.Review(notice_id=id, withheld=why)
        if id in self.later:
            return scheduler_pb2.Review(notice_id=id, not_yet=self.later[id])
        return scheduler_pb2.Review(notice_id=id, letter=self.letters.get(id, a_letter()))

    def DeliverFacts(
        self, request: events_pb2.DeliverFactsRequest, context: grpc.ServicerContext
    ) -> events_pb2.DeliverFactsResponse:
        with self.lock:
            self.facts += request.facts
        return events_pb2.DeliverFactsResponse(accepted=len(request.facts))


@contextmanager
def served(scheduler: FakeScheduler, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """Runs the scheduler for the time of the block; gives its address."""

    def add(server: grpc.Server) -> None:
        scheduler_pb2_grpc.add_SchedulerServiceServicer_to_server(scheduler, server)
        events_pb2_grpc.add_InboxServiceServicer_to_server(scheduler, server)

    server = Server(listen, TOKEN, servicers=add, names=[])
    try:
        yield server.start()
    finally:
        server.stop(0.5)

"""A scheduler for the mailer of the benchmark: says yes to everything. `python bench/mails_scheduler.py`.

It prints its address and serves until its standard input is closed.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "protos" / "gen")]

import grpc
from dunlin.scheduler.v1 import letters_pb2, notices_pb2, scheduler_pb2, scheduler_pb2_grpc

from services.shared import log
from services.shared.grpc_server import Server

TOKEN = "a token for the benchmark"


def letter(number: int) -> letters_pb2.Letter:
    """A due notice; no two are alike."""
    return letters_pb2.Letter(
        type=notices_pb2.NOTICE_TYPE_DUE_NOTICE,
        recipients=[letters_pb2.Recipient(name=f"Dana {number}", email=f"dana-{number}@example.test")],
        organization_id=f"org-{number}",
        organization_name=f"Whitfield & Sons {number}",
        invoice=letters_pb2.LetterInvoice(
            invoice_id=number,
            number=f"INV-{number:06}",
            issued_on="2026-01-18",
            due_on="2026-02-17",
            amount_minor=128_050 + number,
            balance_minor=98_050 + number,
            currency="USD",
            pay_token=f"{number:032x}.c2lnbmF0dXJlLW9mLXRoZS1saW5r",
        ),
        due=letters_pb2.DueDate(days_past_due=15, threshold_days=15),
    )


class Scheduler(scheduler_pb2_grpc.SchedulerServiceServicer):
    """Only the second look."""

    def ReviewNotices(
        self, request: scheduler_pb2.ReviewNoticesRequest, context: grpc.ServicerContext
    ) -> scheduler_pb2.ReviewNoticesResponse:
        """Yes."""
        reviews = [
            scheduler_pb2.Review(notice_id=id, letter=letter(int(id.rpartition("-")[2])))
            for id in request.notice_ids
        ]
        return scheduler_pb2.ReviewNoticesResponse(reviews=reviews)


def main() -> None:
    """Serves."""
    # Its standard output is for the address alone.
    log.configure("scheduler", "WARNING")
    server = Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda server: scheduler_pb2_grpc.add_SchedulerServiceServicer_to_server(
            Scheduler(), server
        ),
        names=[],
    )
    sys.stdout.write(server.start() + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop(1)


if __name__ == "__main__":
    main()

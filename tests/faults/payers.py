"""People who pay while the programs die under their hands: they try again with the same key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dunlin.paynow.v1 import paynow_pb2
from dunlin.paynow.v1.paynow_pb2_grpc import PayNowServiceStub

from tests.faults.insist import insist


@dataclass(frozen=True)
class Intent:
    """What one payer means to do."""

    email: str
    invoice: str
    amount: str
    method: str


def pay(paynow: PayNowServiceStub, intent: Intent, *, key: str, seconds: float = 60.0) -> set[str]:
    """Confirms one quote from two windows at once with one key; returns the payment ids they were told.

    More than one id would mean that one confirmation became two payments.
    """
    quote = insist(
        lambda: paynow.Validate(
            paynow_pb2.ValidateRequest(
                email=intent.email, invoice_number=intent.invoice, amount=intent.amount
            )
        ),
        seconds=seconds,
    )
    confirmation = paynow_pb2.ConfirmPaymentRequest(
        quote_id=quote.quote_id, method_token=intent.method, idempotency_key=key
    )
    both_ready = threading.Barrier(2)

    def confirm() -> str:
        both_ready.wait(timeout=30)
        return insist(lambda: paynow.ConfirmPayment(confirmation), seconds=seconds).payment_id

    with ThreadPoolExecutor(2) as windows:
        told = [windows.submit(confirm), windows.submit(confirm)]
        return {answer.result() for answer in told}

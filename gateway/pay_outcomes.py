"""What a payer reads once a payment was confirmed."""

from typing import NamedTuple

from dunlin.paynow.v1.paynow_pb2 import Payment, PaymentState

FAILURES = {
    "CARD_DECLINED": "The bank that issued the card has declined it. The bank can say why; we are not told.",
    "INSUFFICIENT_FUNDS": "There was not enough money on the account.",
    "RETURNED": "The bank has returned the payment.",
    "PROVIDER_ERROR": "The payment provider could not process the payment.",
}
NO_KNOWN_REASON = "The payment was refused."


class Outcome(NamedTuple):
    """One page; the kind is "good", "wrong" or "waiting"."""

    kind: str
    title: str
    lines: tuple[str, ...]
    amount_label: str
    refresh: bool = False
    """Whether the page looks again by itself."""
    retry: bool = False
    """Whether a new try is safe, because this one took nothing."""
    resume: bool = False
    """Whether to offer the same quote again, which can be charged once only."""


NOT_HEARD = Outcome(
    "waiting",
    "We do not know yet",
    (
        "We have sent your payment and have not heard whether it has begun.",
        "Please do not pay again from the start, and leave this page open.",
    ),
    "To be paid",
    refresh=True,
    resume=True,
)
NEVER_BEGUN = Outcome(
    "wrong",
    "The payment did not begin",
    ("It never reached us within its 15 minutes, and it no longer can. Nothing was charged.",),
    "Not charged",
    retry=True,
)


def outcome(payment: Payment) -> Outcome:
    """What to say of a payment as it stands."""
    if payment.state == PaymentState.PAYMENT_STATE_SUCCEEDED:
        return Outcome(
            "good",
            "Thank you",
            (f"Your payment has been received. The receipt goes to {payment.payer_email}.",),
            "Paid",
        )
    if payment.state == PaymentState.PAYMENT_STATE_FAILED:
        return Outcome(
            "wrong",
            "The payment did not go through",
            (f"{FAILURES.get(payment.failure_reason, NO_KNOWN_REASON)} Nothing was charged.",),
            "Not charged",
            retry=True,
        )
    return _under_way(payment)


def _under_way(payment: Payment) -> Outcome:
    if payment.state == PaymentState.PAYMENT_STATE_PENDING:
        return Outcome(
            "waiting",
            "Your bank payment is under way",
            (
                "The bank has taken it and settles it within a few days. Please do not pay again.",
                f"You may close this page. We write to {payment.payer_email} when it is settled.",
            ),
            "Being paid",
        )
    return Outcome(
        "waiting",
        "We are checking with the bank",
        (
            "Your payment has been sent, and the answer is not here yet. Please do not pay again.",
            f"You may close this page. We write to {payment.payer_email} as soon as we know.",
        ),
        "Being paid",
        refresh=True,
    )

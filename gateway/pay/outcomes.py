"""What a payer reads once a payment was confirmed."""

from typing import NamedTuple

from dunlin.paynow.v1.paynow_pb2 import Payment, PaymentState

from gateway.site.languages import N_, gettext

FAILURES = {
    "CARD_DECLINED": N_(
        "The bank that issued the card has declined it. The bank can say why; we are not told."
    ),
    "INSUFFICIENT_FUNDS": N_("There was not enough money on the account."),
    "RETURNED": N_("The bank has returned the payment."),
    "PROVIDER_ERROR": N_("The payment provider could not process the payment."),
}
NO_KNOWN_REASON = N_("The payment was refused.")


class Outcome(NamedTuple):
    """One page, its words marked to be translated there; the kind is "good", "wrong" or "waiting"."""

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
    N_("We do not know yet"),
    (
        N_("We have sent your payment and have not heard whether it has begun."),
        N_("Please do not pay again from the start, and leave this page open."),
    ),
    N_("To be paid"),
    refresh=True,
    resume=True,
)
NEVER_BEGUN = Outcome(
    "wrong",
    N_("The payment did not begin"),
    (N_("It never reached us within its 15 minutes, and it no longer can. Nothing was charged."),),
    N_("Not charged"),
    retry=True,
)


def outcome(payment: Payment) -> Outcome:
    """What to say of a payment as it stands."""
    if payment.state == PaymentState.PAYMENT_STATE_SUCCEEDED:
        return Outcome(
            "good",
            N_("Thank you"),
            (
                gettext(
                    "Your payment has been received. The receipt goes to %(email)s.",
                    email=payment.payer_email,
                ),
            ),
            N_("Paid"),
        )
    if payment.state == PaymentState.PAYMENT_STATE_FAILED:
        return Outcome(
            "wrong",
            N_("The payment did not go through"),
            (FAILURES.get(payment.failure_reason, NO_KNOWN_REASON), N_("Nothing was charged.")),
            N_("Not charged"),
            retry=True,
        )
    return _under_way(payment)


def _under_way(payment: Payment) -> Outcome:
    if payment.state == PaymentState.PAYMENT_STATE_PENDING:
        return Outcome(
            "waiting",
            N_("Your bank payment is under way"),
            (
                N_("The bank has taken it and settles it within a few days. Please do not pay again."),
                gettext(
                    "You may close this page. We write to %(email)s when it is settled.",
                    email=payment.payer_email,
                ),
            ),
            N_("Being paid"),
        )
    return Outcome(
        "waiting",
        N_("We are checking with the bank"),
        (
            N_("Your payment has been sent, and the answer is not here yet. Please do not pay again."),
            gettext(
                "You may close this page. We write to %(email)s as soon as we know.",
                email=payment.payer_email,
            ),
        ),
        N_("Being paid"),
        refresh=True,
    )

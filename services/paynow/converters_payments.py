"""Wire <-> domain of Pay Now; every rule of the wire is here."""

from collections.abc import Sequence

from dunlin.paynow.v1 import paynow_pb2 as pb

from services.paynow.domain.links import Link
from services.paynow.domain.methods import Method
from services.paynow.domain.payment import Payment, PaymentState
from services.paynow.domain.quotes import Quote
from services.paynow.ports_payments import PaymentFilter, Shown
from services.paynow.use_cases.acknowledge import Acknowledged
from services.paynow.use_cases.payments import Confirmation, PaymentPage
from services.paynow.use_cases.quotes import Asked
from services.shared.errors import invalid_field
from services.shared.wire import iso, timestamp

_TO_WIRE = {
    PaymentState.CHARGING: pb.PAYMENT_STATE_CHARGING,
    PaymentState.UNKNOWN: pb.PAYMENT_STATE_UNKNOWN,
    PaymentState.PENDING: pb.PAYMENT_STATE_PENDING,
    PaymentState.SUCCEEDED: pb.PAYMENT_STATE_SUCCEEDED,
    PaymentState.FAILED: pb.PAYMENT_STATE_FAILED,
}
_FROM_WIRE: dict[int, PaymentState | None] = {
    pb.PAYMENT_STATE_UNSPECIFIED: None,
    **{number: state for state, number in _TO_WIRE.items()},
}


def link_contents(link: Link, shown: Shown) -> pb.LinkContents:
    """What a link fills in."""
    return pb.LinkContents(
        email=link.email,
        invoice_number=shown.invoice.number,
        balance_minor=shown.invoice.balance_minor,
        reserved_minor=shown.invoice.reserved_minor,
        currency=shown.invoice.currency,
        due_on=iso(shown.invoice.due_on),
        organization_name=shown.organization_name,
        language=shown.language,
    )


def asked(request: pb.ValidateRequest) -> Asked:
    """The three fields and the link."""
    return Asked(request.email, request.invoice_number, request.amount, request.link_token)


def quote_message(quote: Quote) -> pb.Quote:
    """A quote."""
    return pb.Quote(
        quote_id=quote.sealed,
        invoice_number=quote.invoice_number,
        amount_minor=quote.amount_minor,
        currency=quote.currency,
        email=quote.email,
        expires_at=timestamp(quote.expires_at),
        payment_id=quote.payment_id,
        language=quote.language,
    )


def confirmation(request: pb.ConfirmPaymentRequest) -> Confirmation:
    """The payer's word."""
    return Confirmation(request.quote_id, request.method_token, request.idempotency_key)


def payment_message(payment: Payment) -> pb.Payment:
    """A payment."""
    return pb.Payment(
        payment_id=payment.payment_id,
        organization_id=payment.organization_id,
        organization_name=payment.organization_name,
        invoice_id=payment.invoice_id,
        invoice_number=payment.invoice_number,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        payer_email=payment.payer_email,
        method_label=payment.method_label,
        state=_TO_WIRE[payment.state],
        failure_reason=payment.failure_reason,
        created_at=timestamp(payment.created_at),
        ended_at=timestamp(payment.ended_at),
        acknowledged_at=timestamp(payment.acknowledged_at),
    )


def payment_filter(request: pb.ListPaymentsRequest) -> PaymentFilter:
    """Which payments are asked for. Refuses a state that this version does not know."""
    if request.state not in _FROM_WIRE:
        raise invalid_field("state", "STATE_UNKNOWN", "Ask for a state that PaymentState names.")
    return PaymentFilter(_FROM_WIRE[request.state], request.unacknowledged, request.organization_id)


def payment_page(page: PaymentPage) -> pb.ListPaymentsResponse:
    """A page of payments."""
    return pb.ListPaymentsResponse(
        payments=[payment_message(payment) for payment in page.payments],
        next_page_token=page.next_page_token,
        total=page.total,
    )


def acknowledged_message(done: Acknowledged) -> pb.AcknowledgePaymentsResponse:
    """What became of acknowledged payments."""
    return pb.AcknowledgePaymentsResponse(acknowledged=done.acknowledged, repeated_payments=done.repeated)


def methods_message(methods: Sequence[Method], *, sandbox: bool) -> pb.ListPaymentMethodsResponse:
    """The ways to pay."""
    return pb.ListPaymentMethodsResponse(
        methods=[
            pb.PaymentMethod(method_token=method.method_token, label=method.label, behaviour=method.behaviour)
            for method in methods
        ],
        sandbox=sandbox,
    )

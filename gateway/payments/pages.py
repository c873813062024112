"""Payments: what came in by Pay Now, and what the accounting side has still to book."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from dunlin.paynow.v1.paynow_pb2 import (
    AcknowledgePaymentsRequest,
    ListPaymentsRequest,
    ListPaymentsResponse,
    Payment,
    PaymentState,
)
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.payments.csv_export import write_payments_csv
from gateway.site.company_time import calendar_or_none
from gateway.site.flashes import say
from gateway.site.listing import chosen, page_links
from gateway.site.words import PAYMENT_STATES, count

blueprint = Blueprint("payments", __name__, url_prefix="/payments")

PAGE = 50
ANY_STATE = PaymentState.PAYMENT_STATE_UNSPECIFIED
FAILURES = {
    "CARD_DECLINED": "Card declined",
    "INSUFFICIENT_FUNDS": "Not enough money",
    "RETURNED": "Returned by the bank",
    "PROVIDER_ERROR": "Error at the provider",
}
MOST_AT_ONCE = 1000
"""How many one acknowledgement may name; more go in several."""


class Batch(NamedTuple):
    """Payments to acknowledge together, as the question about them shows."""

    payments: list[Payment]
    totals: dict[str, int]
    """In minor units, by currency."""

    @classmethod
    def of(cls, payments: list[Payment]) -> "Batch":
        """Adds them up."""
        totals: Counter[str] = Counter()
        for payment in payments:
            totals[payment.currency] += payment.amount_minor
        return cls(payments, dict(totals))


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Payments, the newest first; with `waiting` only those that the accounting side has not booked."""
    is_waiting = request.args.get("tab") == "waiting"
    state = ANY_STATE if is_waiting else chosen(PAYMENT_STATES, ANY_STATE)
    found = clients().paynow.ListPayments(
        ListPaymentsRequest(
            state=state,
            unacknowledged=is_waiting,
            organization_id=request.args.get("organization", ""),
            page_size=PAGE,
            page_token=request.args.get("page", ""),
        )
    )
    waiting = found if is_waiting else _waiting_page(1, "")
    return render_template(
        "payments/index.html",
        found=found,
        is_waiting=is_waiting,
        waiting_total=waiting.total,
        state=state,
        states=PAYMENT_STATES,
        failures=FAILURES,
        succeeded=PaymentState.PAYMENT_STATE_SUCCEEDED,
        organization_id=request.args.get("organization", ""),
        links=page_links(found.next_page_token),
    )


def _waiting_page(size: int, token: str) -> ListPaymentsResponse:
    return clients().paynow.ListPayments(
        ListPaymentsRequest(unacknowledged=True, page_size=size, page_token=token)
    )


def waiting_payments() -> Iterator[Payment]:
    """Every succeeded payment that the accounting side has not acknowledged, the newest first."""
    token = ""
    while True:
        page = _waiting_page(MOST_AT_ONCE, token)
        yield from page.payments
        token = page.next_page_token
        if not token:
            return


@blueprint.get("/export.csv")
def export() -> ResponseReturnValue:
    """The payments that wait, as a file."""
    text = io.StringIO(newline="")
    write_payments_csv(waiting_payments(), text)
    calendar = calendar_or_none()
    name = f"payments-{calendar.today}.csv" if calendar else "payments.csv"
    response = Response(text.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.post("/acknowledge")
def ask() -> ResponseReturnValue:
    """Asks once more, with the count and the sums. Changes nothing."""
    if request.form.get("which") == "all":
        payments = _waiting_page(MOST_AT_ONCE, "")
        batch = Batch.of(list(payments.payments))
    else:
        wanted = set(request.form.getlist("payment_id"))
        batch = Batch.of([payment for payment in waiting_payments() if payment.payment_id in wanted])
    if not batch.payments:
        say("Choose at least one payment that waits for the accounting side.", "bad")
        return redirect(url_for(".index", tab="waiting"), 303)
    return render_template("payments/acknowledge.html", batch=batch, most=MOST_AT_ONCE)


@blueprint.post("/acknowledged")
def acknowledge() -> ResponseReturnValue:
    """Tells the ledger that exactly the payments of the question are booked. A repeat changes nothing."""
    ids = request.form.get("payment_ids", "").split()[:MOST_AT_ONCE]
    done = clients().paynow.AcknowledgePayments(AcknowledgePaymentsRequest(payment_ids=ids))
    say(_report(done.acknowledged, done.repeated_payments))
    return redirect(url_for(".index", tab="waiting"), 303)


def _report(acknowledged: int, before: int) -> str:
    text = f"{count(acknowledged, 'payment')} acknowledged."
    return f"{text} {count(before, 'payment')} had been before." if before else text

"""Pay Now: from an invoice to a receipt in three pages, with no login.

The sealed link and the quote's id are the payer's only papers. A GET reads; it never charges and never makes
a quote, so a mail scanner that follows links does nothing. Each POST redirects or can be repeated.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps

import grpc
from dunlin.paynow.v1.paynow_pb2 import (
    ConfirmPaymentRequest,
    GetPaymentRequest,
    GetQuoteRequest,
    OpenLinkRequest,
    Quote,
    ValidateRequest,
)
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.pay import methods, outcomes
from gateway.pay.forms import (
    BACK,
    LINK_EXPIRED,
    LINK_INVALID,
    NO_SUCH_INVOICE,
    WHY_NOT,
    PayForm,
    key_of,
    other_currency,
    plain_amount,
    remaining,
    typed_amount,
)
from gateway.pay.guard import guard
from gateway.pay.pages import (
    back,
    form_page,
    is_over,
    link_of,
    link_token,
    methods_page,
    quoted,
    sent_form,
    start_url,
    to_methods,
    ways_to_pay,
    why_back,
)
from gateway.site import languages
from gateway.site.client_pages import problem, take_strays
from gateway.site.errors import refusals
from gateway.site.security import limiter, public, visitor
from services.shared.errors import Busy, Conflict, Invalid, Missing, Refusal, WrongState

blueprint = Blueprint("pay", __name__, url_prefix="/pay")
guard(blueprint)
take_strays(blueprint)
methods.init(blueprint)

TRIES = "10 per minute;100 per hour"
STEPS = "30 per minute"
LATE = timedelta(minutes=2)
"""How long a confirmation that was sent in the quote's last second may still be on its way."""


# --- step 1: which invoice, how much


@blueprint.get("", strict_slashes=False)
@public
def start() -> ResponseReturnValue:
    """The empty form, or what a later step sends back to be changed."""
    return form_page(quoted(request.args.get("quote", "")) or PayForm(), why_back())


@blueprint.get("/<token>")
@public
def open_link(token: str) -> ResponseReturnValue:
    """The form as a sealed link fills it in."""
    try:
        with refusals():
            link = clients().paynow.OpenLink(OpenLinkRequest(token=token))
    except (Invalid, Missing):
        return form_page(PayForm(), LINK_INVALID, status=404)
    except WrongState:
        return form_page(PayForm(), LINK_EXPIRED, status=410)
    languages.speak(link.language)
    if not remaining(link):
        return render_template("pay/settled.html", link=link)
    form = PayForm.of_link(link, token)
    # What somebody else has just paid makes the quoted amount useless: then the link's stands.
    if request.args.get("why") != "above":
        form = quoted(request.args.get("quote", ""), token) or form
    return form_page(form, why_back(), link)


def _address_typed() -> str:
    """What the second limit counts by."""
    return request.form.get("email", "").strip().casefold()[:400] or visitor()


@blueprint.post("", strict_slashes=False)
@limiter.limit(TRIES)
@limiter.limit(TRIES, key_func=_address_typed)
@public
def validate() -> ResponseReturnValue:
    """Has the fields checked, and goes on with a quote."""
    form = sent_form()
    try:
        with refusals():
            quote = clients().paynow.Validate(
                ValidateRequest(
                    email=form.email,
                    invoice_number=form.invoice_number,
                    amount=plain_amount(form.amount),
                    link_token=form.link_token,
                )
            )
    except Busy:
        raise
    except Refusal as refusal:
        return _refused(form, refusal)
    # Only now is the currency known. The quote is let go: nobody was told its id.
    if words := other_currency(form.amount, quote.currency):
        return form_page(replace(form, errors={"amount": words}), None, link_of(form), status=422)
    return redirect(url_for("pay.method", quote_id=quote.quote_id, link=form.link_token or None), 303)


def _refused(form: PayForm, refusal: Refusal) -> ResponseReturnValue:
    link = link_of(form)
    if refusal.reason == "NO_SUCH_INVOICE":
        return form_page(form, NO_SUCH_INVOICE, link, status=422)
    if refusal.reason in ("LINK_INVALID", "LINK_EXPIRED"):
        message = LINK_EXPIRED if refusal.reason == "LINK_EXPIRED" else LINK_INVALID
        return form_page(PayForm(form.email, form.invoice_number, form.amount), message, status=422)
    marked = form.refused(refusal, link)
    wrong = (
        None if marked.errors else BACK["closed" if refusal.reason == "INVOICE_NOT_PAYABLE" else "refused"]
    )
    return form_page(marked, wrong, link, status=422)


# --- step 2: how to pay


def for_open_quote(view: Callable[[Quote], ResponseReturnValue]) -> Callable[[str], ResponseReturnValue]:
    """Gives the view the quote; one that was used leads to what became of it, one too old to the start."""

    @wraps(view)
    def with_quote(quote_id: str) -> ResponseReturnValue:
        try:
            with refusals():
                quote = clients().paynow.GetQuote(GetQuoteRequest(quote_id=quote_id))
        except (Missing, Invalid):
            return back("missing")
        if quote.payment_id:
            return redirect(url_for("pay.done", quote_id=quote_id, link=link_token()), 303)
        if is_over(quote):
            return back("expired", quote_id)
        languages.speak(quote.language)
        return view(quote)

    return with_quote


@blueprint.get("/method/<quote_id>")
@for_open_quote
@public
def method(quote: Quote) -> ResponseReturnValue:
    """The ways to pay."""
    return methods_page(quote, ways_to_pay(), message=why_back())


@blueprint.post("/review/<quote_id>")
@limiter.limit(STEPS)
@for_open_quote
@public
def review(quote: Quote) -> ResponseReturnValue:
    """The confirmation page. Charges nothing; a reload shows it again."""
    ways = ways_to_pay()
    chosen = request.form.get("method", "")
    found = next((way for way in ways.methods if way.method_token == chosen), None)
    if found is None:
        return methods_page(quote, ways, message=BACK["method"], status=422)
    return render_template(
        "pay/confirm.html",
        quote=quote,
        method=found,
        sandbox=ways.sandbox,
        idempotency_key=key_of(quote.quote_id),
        link_token=link_token(),
        change_url=start_url(quote.quote_id),
    )


@blueprint.get("/review/<quote_id>")
@blueprint.get("/confirm/<quote_id>")
@public
def step_back(quote_id: str) -> ResponseReturnValue:
    """Where an address that only takes a POST leads when it is typed in."""
    return to_methods(quote_id)


# --- step 3: the payer's word


@blueprint.post("/confirm/<quote_id>")
@limiter.limit(STEPS)
@public
def confirm(quote_id: str) -> ResponseReturnValue:
    """Charges the quote, and leads to the page that says what became of it."""
    if request.form.get("idempotency_key") != key_of(quote_id):
        return to_methods(quote_id, "stale")
    sent = None
    try:
        with refusals():
            clients().paynow.ConfirmPayment(
                ConfirmPaymentRequest(
                    quote_id=quote_id,
                    method_token=request.form.get("method", ""),
                    idempotency_key=key_of(quote_id),
                )
            )
    except (Missing, WrongState, Invalid) as refusal:
        return _not_confirmed(quote_id, refusal)
    except Conflict:
        pass  # the quote was used with another method: what came of that is the answer
    except (Busy, grpc.RpcError) as error:
        if isinstance(error, Busy) and error.reason in WHY_NOT:
            return _not_confirmed(quote_id, error)
        # No answer says nothing about the charge. The next page asks what became of it.
        sent = 1
    return redirect(url_for("pay.done", quote_id=quote_id, link=link_token(), sent=sent), 303)


def _not_confirmed(quote_id: str, refusal: Refusal) -> ResponseReturnValue:
    """Nothing was reserved: leads back to the page where it can be put right."""
    why = WHY_NOT.get(refusal.reason, "closed")
    return to_methods(quote_id, why) if why in ("method", "away") else back(why, quote_id)


@blueprint.get("/done/<quote_id>")
@public
def done(quote_id: str) -> ResponseReturnValue:
    """What became of a confirmation. Only reads."""
    payment = None
    try:
        with refusals():
            quote = clients().paynow.GetQuote(GetQuoteRequest(quote_id=quote_id))
            if quote.payment_id:
                payment = clients().paynow.GetPayment(GetPaymentRequest(payment_id=quote.payment_id))
    except (Missing, Invalid):
        return back("missing")
    except (Busy, grpc.RpcError):
        return problem(outcomes.NOT_HEARD.title, outcomes.NOT_HEARD.lines, 503, refresh=True)
    languages.speak(quote.language)
    if payment:
        page = outcomes.outcome(payment)
    elif not request.args.get("sent"):
        return step_back(quote_id)
    else:
        page = outcomes.NEVER_BEGUN if is_over(quote, by=LATE) else outcomes.NOT_HEARD
    return render_template(
        "pay/done.html",
        page=page,
        quote=quote,
        payment=payment,
        link_token=link_token(),
        retry_amount=typed_amount(quote.amount_minor, quote.currency),
    )

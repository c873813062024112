"""What the steps of Pay Now share: their pages, and the ways between them."""

from datetime import UTC, datetime, timedelta

import grpc
from dunlin.paynow.v1.paynow_pb2 import (
    GetQuoteRequest,
    LinkContents,
    ListPaymentMethodsRequest,
    ListPaymentMethodsResponse,
    OpenLinkRequest,
    Quote,
)
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.pay.forms import BACK, Message, PayForm
from gateway.site import languages
from gateway.site.errors import refusals
from services.shared.errors import Invalid, Missing
from services.shared.wire import instant


def form_page(
    form: PayForm, message: Message | None = None, link: LinkContents | None = None, *, status: int = 200
) -> ResponseReturnValue:
    """The first page, with what was typed; `link` adds what a sealed link may show."""
    return render_template("pay/start.html", form=form, message=message, link=link), status


def sent_form() -> PayForm:
    """What a browser sent, in the language of the page it was typed on: that says what the amount means."""
    languages.keep(request.form.get("language", ""))
    return PayForm.sent(request.form)


def link_of(form: PayForm) -> LinkContents | None:
    """What the form's link shows, None if there is none; a page can do without."""
    if not form.link_token:
        return None
    try:
        link = clients().paynow.OpenLink(OpenLinkRequest(token=form.link_token))
    except grpc.RpcError:
        return None
    languages.speak(link.language)
    return link


def quoted(quote_id: str, token: str = "") -> PayForm | None:
    """The fields of a quote that a later step sends back; None if there is none."""
    if not quote_id:
        return None
    try:
        with refusals():
            quote = clients().paynow.GetQuote(GetQuoteRequest(quote_id=quote_id))
    except (Missing, Invalid):
        return None
    languages.speak(quote.language)
    return PayForm.of_quote(quote, token)


def ways_to_pay() -> ListPaymentMethodsResponse:
    """What the provider offers. Raises `grpc.RpcError`."""
    return clients().paynow.ListPaymentMethods(ListPaymentMethodsRequest())


def methods_page(
    quote: Quote, ways: ListPaymentMethodsResponse, *, message: Message | None = None, status: int = 200
) -> ResponseReturnValue:
    """The second page."""
    page = render_template(
        "pay/method.html",
        quote=quote,
        methods=ways.methods,
        sandbox=ways.sandbox,
        message=message,
        link_token=link_token(),
        change_url=start_url(quote.quote_id),
    )
    return page, status


def link_token() -> str | None:
    """The sealed link that the payer came by, carried along so that "change" leads back to it."""
    return request.args.get("link") or None


def start_url(quote_id: str | None = None, why: str | None = None) -> str:
    """The first page again, with the fields of a quote and the reason for it, a key of `BACK`."""
    token = link_token()
    if token:
        return url_for("pay.open_link", token=token, quote=quote_id, why=why)
    return url_for("pay.start", quote=quote_id, why=why)


def back(why: str, quote_id: str | None = None) -> ResponseReturnValue:
    """Leads there."""
    return redirect(start_url(quote_id, why), 303)


def to_methods(quote_id: str, why: str | None = None) -> ResponseReturnValue:
    """Leads to the second page."""
    return redirect(url_for("pay.method", quote_id=quote_id, link=link_token(), why=why), 303)


def why_back() -> Message | None:
    """What a redirect to this page wants said."""
    return BACK.get(request.args.get("why", ""))


def is_over(quote: Quote, by: timedelta = timedelta()) -> bool:
    """Whether the quote can no longer be confirmed, and has not been able to for so long."""
    return datetime.now(UTC) > instant(quote.expires_at) + by

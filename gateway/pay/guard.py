"""What holds for every page of Pay Now: clear words for trouble, and that nothing was charged by it."""

import grpc
import structlog
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError

from gateway.pay.forms import BACK
from gateway.pay.pages import form_page, link_of, sent_form, to_methods
from gateway.site import client_pages
from gateway.site.client_pages import Home, problem
from gateway.site.languages import N_
from services.shared.errors import Busy
from services.shared.grpc_errors import refusal_of

log = structlog.get_logger()


def guard(blueprint: Blueprint) -> None:
    """Puts the blueprint under these rules."""
    client_pages.guard(blueprint, Home("pay.start", N_("Pay an invoice")))
    blueprint.register_error_handler(CSRFError, _on_stale_form)
    blueprint.register_error_handler(RateLimitExceeded, _on_too_many)
    blueprint.register_error_handler(Busy, _on_away)
    blueprint.register_error_handler(grpc.RpcError, _on_away)


def _on_stale_form(_error: CSRFError) -> ResponseReturnValue:
    if request.endpoint == "pay.validate":
        form = sent_form()
        return form_page(form, BACK["stale"], link_of(form), status=400)
    quote_id = (request.view_args or {})["quote_id"]
    return to_methods(quote_id, "stale")


def _on_too_many(_error: RateLimitExceeded) -> ResponseReturnValue:
    lines = (
        N_("There were many tries in a short time. Please wait a minute, then go on."),
        N_("This one charged nothing."),
    )
    return problem(N_("One moment, please"), lines, 429, back=url_for("pay.start"))


def _on_away(error: Exception) -> ResponseReturnValue:
    # Only what reads or makes a quote ends here; `confirm` and `done` have answers of their own.
    refusal = refusal_of(error) if isinstance(error, grpc.RpcError) else error
    if not isinstance(refusal, Busy):
        log.error("pay page failed", exc_info=error)
    is_later_step = "quote_id" in (request.view_args or {})
    lines = (
        N_("Payments cannot be taken at this moment. Please try again in a minute."),
        N_("This step charges nothing.") if is_later_step else N_("Nothing was charged."),
    )
    status = 503 if isinstance(refusal, Busy) else 500
    return problem(N_("We will be right back"), lines, status, back=url_for("pay.start"))

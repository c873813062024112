"""What holds for every page of Pay Now: headers, form tokens, the company's name, clear words for trouble."""

import grpc
import structlog
from dunlin.mailer.v1.mailer_pb2 import Company
from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError, validate_csrf
from wtforms.validators import ValidationError

from gateway import branding
from gateway.pay_forms import BACK, PayForm
from gateway.pay_pages import form_page, link_of, problem, to_methods
from gateway.security import csrf
from services.shared.errors import Busy
from services.shared.grpc_errors import refusal_of

log = structlog.get_logger()


def guard(blueprint: Blueprint) -> None:
    """Puts the blueprint under these rules."""
    # The pages send no referrer, and the check that comes with the extension wants one over HTTPS.
    csrf.exempt(blueprint)
    blueprint.before_request(_check_form_token)
    blueprint.after_request(_add_headers)
    blueprint.context_processor(_with_company)
    blueprint.register_error_handler(CSRFError, _on_stale_form)
    blueprint.register_error_handler(RateLimitExceeded, _on_too_many)
    blueprint.register_error_handler(Busy, _on_away)
    blueprint.register_error_handler(grpc.RpcError, _on_away)


def _check_form_token() -> None:
    if request.method != "POST" or not current_app.config["WTF_CSRF_ENABLED"]:
        return
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError as error:
        raise CSRFError(str(error)) from None


def _add_headers(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    return response


def _with_company() -> dict[str, Company]:
    company = branding.branding().company()
    # Rather no name than ours: the payer owes nothing to Dunlin.
    return {"company": Company() if company is branding.DEFAULT else company}


def _on_stale_form(_error: CSRFError) -> ResponseReturnValue:
    if request.endpoint == "pay.validate":
        form = PayForm.sent(request.form)
        return form_page(form, BACK["stale"], link_of(form), status=400)
    quote_id = (request.view_args or {})["quote_id"]
    return to_methods(quote_id, "stale")


def _on_too_many(_error: RateLimitExceeded) -> ResponseReturnValue:
    lines = (
        "There were many tries in a short time. Please wait a minute, then go on.",
        "This one charged nothing.",
    )
    return problem("One moment, please", lines, 429, action=True)


def _on_away(error: Exception) -> ResponseReturnValue:
    # Only what reads or makes a quote ends here; `confirm` and `done` have answers of their own.
    refusal = refusal_of(error) if isinstance(error, grpc.RpcError) else error
    if not isinstance(refusal, Busy):
        log.error("pay page failed", exc_info=error)
    is_later_step = "quote_id" in (request.view_args or {})
    lines = (
        "Payments cannot be taken at this moment. Please try again in a minute.",
        "This step charges nothing." if is_later_step else "Nothing was charged.",
    )
    return problem("We will be right back", lines, 503 if isinstance(refusal, Busy) else 500, action=True)

"""What went wrong, as a page: each refusal of a service once, and everything else without details."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import structlog
from flask import Flask, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from gateway.site.send_again import sent_form
from services.shared.database_errors import database_refusal
from services.shared.database_errors import words_of as words_of_database
from services.shared.errors import Busy, Conflict, Invalid, Missing, Refusal, WrongState
from services.shared.grpc_errors import refusal_of
from services.shared.log import request_id

log = structlog.get_logger()

_STATUS: dict[type[Refusal], int] = {Invalid: 400, Missing: 404, Conflict: 409, WrongState: 409, Busy: 503}
_TITLES = {
    400: "This cannot be done",
    403: "Not allowed",
    404: "Not found",
    405: "This page does not take that",
    409: "This has changed in the meantime",
    413: "Too large",
    429: "Too many tries",
    500: "Something went wrong here",
    503: "Try again in a moment",
}
_TEXTS = {
    403: "You are not allowed to do this.",
    404: "There is nothing at this address. It may have been removed, or the address may be mistyped.",
    405: "Go back to the page you came from and use its buttons.",
    429: "That was too often in a short time. Wait a minute, then try again.",
    500: "It is not your fault, and it was written down. If it happens again, name the request below.",
    503: "A part of Dunlin is starting or busy at the moment; try again in a few seconds.",
}


@contextmanager
def refusals() -> Iterator[None]:
    """A call inside the block that a service refuses raises the refusal itself, such as `Conflict`."""
    try:
        yield
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def beside_fields(form: FlaskForm, refusal: Refusal) -> list[str]:
    """Puts what the refusal says about fields of the form beside them; returns what is left to say above it.

    A violation names a field of the wire, such as `company.reply_to`; its last part names the form's.
    """
    left = []
    for violation in refusal.violations:
        name = violation.field.rsplit(".", 1)[-1]
        if name in form:
            form[name].errors = [*form[name].errors, violation.description]
        else:
            left.append(violation.description)
    return left if refusal.violations else [refusal.message]


def words_of(refusal: Refusal) -> str:
    """The refusal for people; what gRPC or a database says of what is away is not for them."""
    return _TEXTS[503] if refusal.reason.startswith(("RPC_", "DATABASE_")) else refusal.message


def page(status: int, text: str = "", title: str = "") -> ResponseReturnValue:
    """An error page of the site. While something is away, or at a limit, it keeps the form that was sent."""
    content = render_template(
        "errors/error.html",
        status=status,
        title=title or _TITLES.get(status, "This did not work"),
        text=text or _TEXTS.get(status, "Go back and try again."),
        sent=sent_form() if status in (429, 503) else None,
    )
    response = make_response(content, status)
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _on_refusal(refusal: Refusal) -> ResponseReturnValue:
    status = next((code for kind, code in _STATUS.items() if isinstance(refusal, kind)), 500)
    return page(status, words_of(refusal) if status != 500 else "")


def _on_rpc_error(error: grpc.RpcError) -> ResponseReturnValue:
    refusal = refusal_of(error)
    if refusal is not None:
        return _on_refusal(refusal)
    log.error("call failed", error=str(error))
    return page(500)


def _on_database_error(error: SQLAlchemyError) -> ResponseReturnValue:
    refusal = database_refusal(error)
    if refusal is None:
        return _on_bug(error)
    log.warning("page refused", reason=refusal.reason, error=words_of_database(error))
    return _on_refusal(refusal)


def _on_csrf_error(_error: CSRFError) -> ResponseReturnValue:
    return page(
        400,
        "This form is too old, or it did not come from this site. Nothing was changed. "
        "Go back, reload the page and send it again.",
        "This form has expired",
    )


def _on_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or (error.code or 500) < 400:
        return error
    return page(error.code or 500)


def _on_too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    most = (request.max_content_length or 0) // (1024 * 1024)
    return page(413, f"This page takes at most {most} MB, and what you sent is larger. Nothing was changed.")


def _on_rate_limit(_error: RateLimitExceeded) -> ResponseReturnValue:
    response = make_response(page(429))
    response.headers["Retry-After"] = "60"
    return response


def _on_bug(error: Exception) -> ResponseReturnValue:
    # The last resort: whatever it was, the log has it and the page does not.
    log.error("page failed", exc_info=error)
    return page(500)


def init_app(app: Flask) -> None:
    """Registers the handlers."""
    app.jinja_env.globals["request_number"] = request_id.get
    app.register_error_handler(grpc.RpcError, _on_rpc_error)
    app.register_error_handler(Refusal, _on_refusal)
    app.register_error_handler(SQLAlchemyError, _on_database_error)
    app.register_error_handler(CSRFError, _on_csrf_error)
    app.register_error_handler(RateLimitExceeded, _on_rate_limit)
    app.register_error_handler(RequestEntityTooLarge, _on_too_large)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_bug)

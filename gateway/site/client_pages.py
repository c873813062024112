"""What holds for every page that clients see: headers, form tokens, the company's name instead of ours."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import grpc
import structlog
from dunlin.mailer.v1.mailer_pb2 import Company
from flask import Blueprint, Response, abort, current_app, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError, validate_csrf
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from wtforms.validators import ValidationError

from gateway.site import branding, languages
from gateway.site.languages import N_, gettext
from gateway.site.security import csrf, public
from services.shared.database_errors import database_refusal
from services.shared.errors import Busy
from services.shared.grpc_errors import refusal_of

log = structlog.get_logger()

LINK_KEY = "PORTAL_KEY"
"""The key of the app's settings with the key that the mailer seals links into these pages with."""


class Home(NamedTuple):
    """Where the pages of a blueprint begin: the way out of a page that leads nowhere."""

    endpoint: str
    words: str
    """Of the link, in English."""


class Way(NamedTuple):
    """A link of a page."""

    words: str
    url: str


def guard(blueprint: Blueprint, home: Home) -> None:
    """Puts the blueprint under these rules."""
    # The pages send no referrer, and the check that comes with the extension wants one over HTTPS.
    csrf.exempt(blueprint)
    blueprint.before_request(languages.listen)
    blueprint.before_request(_check_form_token)
    blueprint.after_request(_add_headers)
    blueprint.after_request(languages.remember)
    blueprint.context_processor(_with_company)

    def on_http_error(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if error.response is not None or status < 400:
            return error
        return dead_end(home, status)

    def on_bug(error: Exception) -> ResponseReturnValue:
        # The last resort: whatever it was, the log has it and the page does not.
        log.error("page for clients failed", exc_info=error)
        return dead_end(home, 500)

    blueprint.register_error_handler(HTTPException, on_http_error)
    blueprint.register_error_handler(Exception, on_bug)


def take_strays(blueprint: Blueprint) -> None:
    """Gives addresses below the blueprint's that nothing stands at a page for clients too."""

    @public
    def nowhere(rest: str) -> ResponseReturnValue:
        abort(404)

    blueprint.add_url_rule("/<path:rest>", view_func=nowhere)


def dead_end(home: Home, status: int, title: str = "", line: str = "") -> ResponseReturnValue:
    """A page that leads back to where the blueprint's pages begin."""
    if not title and status == 404:
        title = N_("There is nothing at this address")
        line = N_("It may have been removed, or the address may be mistyped.")
    title = title or N_("This did not work")
    line = line or N_("It is not your fault. Please try again; if it happens again, tell us.")
    return problem(title, (line,), status, way=Way(home.words, url_for(home.endpoint)))


View = TypeVar("View", bound=Callable[..., object])


def without_form_token(view: View) -> View:
    """Lets a view take POSTs that carry no token of ours; it must look after itself."""
    view.takes_foreign_posts = True  # type: ignore[attr-defined]  # a mark on a function
    return view


def _check_form_token() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method != "POST" or not current_app.config["WTF_CSRF_ENABLED"]:
        return
    if getattr(view, "takes_foreign_posts", False):
        return
    check_form_token()


def check_form_token() -> None:
    """Refuses a form that this site has not made for this browser. Raises `CSRFError`."""
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


def problem(
    title: str,
    lines: tuple[str, ...],
    status: int,
    *,
    refresh: bool = False,
    back: str = "",
    way: Way | None = None,
) -> ResponseReturnValue:
    """A page that says what is wrong, in sentences that are translated here if they were marked.

    `refresh` makes it look again; `back` is where a form that was sent can be filled in anew, and makes a
    page that was asked for offer to ask again; `way` is another way out.
    """
    if "language" not in g:
        # A limit refuses before anything else has looked at the request.
        languages.listen()
    if back and request.method == "GET":
        way = Way(gettext("Try again"), request.full_path)
    elif back:
        way = Way(gettext("Back to the form"), back)
    page = render_template("pay/problem.html", title=title, lines=lines, refresh=refresh, way=way)
    response = make_response(page, status)
    if status in (429, 503):
        response.headers["Retry-After"] = "60" if status == 429 else "5"
    return response


def explain_trouble(blueprint: Blueprint, back: Callable[[], str]) -> None:
    """Gives the blueprint clear words for what goes wrong; `back` is where a form can be sent anew."""

    def on_stale_form(_error: CSRFError) -> ResponseReturnValue:
        lines = (N_("This page had been open for too long. Nothing was changed."),)
        return problem(N_("This page has expired"), lines, 400, back=back())

    def on_too_many(_error: RateLimitExceeded) -> ResponseReturnValue:
        lines = (N_("There were many tries in a short time. Please wait a minute, then go on."),)
        return problem(N_("One moment, please"), lines, 429, back=back())

    def on_away(error: Exception) -> ResponseReturnValue:
        is_away = isinstance(_refusal(error), Busy)
        if not is_away:
            log.error("page for clients failed", exc_info=error)
        lines = (N_("This does not work at the moment. Please try again in a minute."),)
        return problem(N_("We will be right back"), lines, 503 if is_away else 500, back=back())

    blueprint.register_error_handler(CSRFError, on_stale_form)
    blueprint.register_error_handler(RateLimitExceeded, on_too_many)
    for trouble in (Busy, grpc.RpcError, SQLAlchemyError):
        blueprint.register_error_handler(trouble, on_away)


def _refusal(error: Exception) -> Exception | None:
    if isinstance(error, grpc.RpcError):
        return refusal_of(error)
    return database_refusal(error) if isinstance(error, SQLAlchemyError) else error

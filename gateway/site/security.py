"""Who gets in, what a form must carry, what a browser may do. Closed unless a view opens itself."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from gateway import identity
from gateway.settings import Settings
from services.shared import metrics, tracing
from services.shared.database import Database
from services.shared.database_errors import DatabaseAway
from services.shared.log import known_request, new_request_id, request_id

log = structlog.get_logger()

PROXIED = "SITE_IS_PROXIED"
"""The key of the app's settings that says whether every request comes from a proxy of ours."""

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Whatever else a browser may say counts as one."""

IDLE = timedelta(hours=12)
ENDED_KEPT = IDLE + timedelta(hours=1)
"""How long a signed-out session is remembered: a page under way then may sign its cookie once more."""
MOST_BYTES = 2 * 1024 * 1024
"""What a request may carry; views that take files say more with `takes_up_to`."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PREVIEW_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""For a page with a mail in `<iframe sandbox srcdoc>`: the frame inherits it, and mails carry styles."""
MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""For a mail that is itself the answer and is shown in a frame of the site."""

View = TypeVar("View", bound=Callable[..., Any])


def visitor() -> str:
    """Whom rate limits count: an IPv4 address, or the /64 of an IPv6 one, which is what one customer has."""
    try:
        address = ip_address(get_remote_address())
    except ValueError:
        return get_remote_address()
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.version == 4 else str(ip_network((int(address), 64), strict=False))


limiter = Limiter(key_func=visitor, storage_uri="memory://", headers_enabled=False)
csrf = CSRFProtect()


class Member(UserMixin):  # type: ignore[misc]  # flask_login has no types
    """The staff member of this request, as `current_user`."""

    def __init__(self, staff: identity.Staff, session_id: str) -> None:
        self.staff_id, self.email, self.name = staff.staff_id, staff.email, staff.name
        self.session_id = session_id
        self._epoch = staff.session_epoch

    def get_id(self) -> str:
        """What the session carries."""
        return f"{self.staff_id}.{self._epoch}.{self.session_id}"


class PageSessions(SecureCookieSessionInterface):
    """Sessions whose cookie lives on with each page, and not with what a page fetches beside it.

    Such an answer may come late, and its cookie would undo what the next page was to say. Browsers that do
    not tell the two apart, as on plain HTTP, have it live on with each answer.
    """

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Whether an answer bears the cookie."""
        is_page = request.headers.get("Sec-Fetch-Dest", "document") == "document"
        return session.modified or (is_page and super().should_set_cookie(app, session))


def public(view: View) -> View:
    """Opens a view to everybody; without it a view is for staff only."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def takes_up_to(size: int) -> Callable[[View], View]:
    """Lets requests to a view carry up to `size` bytes."""

    def mark(view: View) -> View:
        view.most_bytes = size  # type: ignore[attr-defined]
        return view

    return mark


def is_safe_path(target: str) -> bool:
    """Whether a redirect there stays on this site: a plain path that no browser reads as a host."""
    return re.fullmatch(r"/(?![/\\])[^\\\x00-\x20\x7f]*", target) is not None


def _view() -> Callable[..., Any] | None:
    return current_app.view_functions.get(request.endpoint or "")


def _begin_request() -> None:
    g.started = time.perf_counter()
    # Only a proxy of ours may name the request; anybody else could make two look like one.
    named = request.headers.get("X-Request-Id", "") if current_app.config[PROXIED] else ""
    g.request_id_token = request_id.set(known_request(named) or new_request_id())
    g.span = tracing.span(f"{request.method} {request.url_rule or 'none'}", "server")
    g.span_marks = g.span.__enter__()
    # Set before anything reads the form, so that nobody without a right to it fills the disk.
    request.max_content_length = getattr(_view(), "most_bytes", MOST_BYTES)


def _ask_for_login() -> ResponseReturnValue | None:
    view = _view()
    is_static = (request.endpoint or "").rpartition(".")[2] == "static"
    if view is None or is_static or getattr(view, "is_public", False) or current_user.is_authenticated:
        return None
    is_form = request.method == "POST"
    target = _page_of_form() if is_form else request.full_path.rstrip("?") if request.method == "GET" else ""
    return redirect(
        url_for(
            "auth.login",
            next=target if target not in ("", "/") else None,
            unsaved="y" if is_form and request.endpoint != "auth.logout" else None,
        )
    )


def _page_of_form() -> str:
    """The page of ours that a form was sent from; empty if the browser does not say, or nothing is there."""
    try:
        referrer = urlsplit(request.referrer or "")
        if referrer.netloc != request.host:
            return ""
        # Some pages are the answer to a form, and their address answers nothing else.
        current_app.url_map.bind("").match(referrer.path, method="GET")
    except (ValueError, HTTPException):
        return ""
    return f"{referrer.path}?{referrer.query}".rstrip("?")


def _finish_response(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    headers.setdefault("X-Request-Id", request_id.get())
    if (request.endpoint or "").rpartition(".")[2] != "static":
        headers.setdefault("Cache-Control", "no-store")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    # The rule, not the path: paths may carry pay links.
    rule, took = str(request.url_rule or ""), time.perf_counter() - g.get("started", time.perf_counter())
    method = request.method if request.method in METHODS else "OTHER"
    if "span_marks" in g:
        g.span_marks.mark(**{"http.response.status_code": response.status_code})
    metrics.HTTP_SECONDS.labels(rule or "none", method, str(response.status_code)).observe(took)
    log.info("request", method=method, rule=rule, status=response.status_code, took_ms=round(took * 1000, 1))
    return response


def _end_request(_error: BaseException | None) -> None:
    if "span" in g:
        g.pop("span").__exit__(None, None, None)
    if "request_id_token" in g:
        request_id.reset(g.pop("request_id_token"))


def _member(database: Database, session_name: str) -> Member | None:
    """Whose session it is; None once it has ended."""
    number, _, rest = session_name.partition(".")
    epoch, _, session_id = rest.partition(".")
    if not number.isdigit() or not session_id or identity.has_ended(database, session_id):
        return None
    staff = identity.find_staff(database, int(number))
    return Member(staff, session_id) if staff and str(staff.session_epoch) == epoch else None


def _login_manager(database: Database) -> LoginManager:
    manager = LoginManager()

    @manager.user_loader  # type: ignore[untyped-decorator]  # flask_login has no types
    def load(session_name: str) -> Member | None:
        if "identity_is_away" in g:
            # The page that says so must not ask again; whoever it is stays signed in.
            return None
        try:
            if database.hangs:
                # Each page would wait as long as it does, until none is left to answer anybody.
                raise DatabaseAway("The database of staff does not answer; try again soon.")
            member = _member(database, session_name)
        except (SQLAlchemyError, DatabaseAway):
            g.identity_is_away = True
            raise
        if member is None:
            # Or the answer would sign the cookie anew, until nobody remembers that the session has ended.
            session.clear()
        return member

    return manager


def init_app(app: Flask, settings: Settings, database: Database) -> None:
    """Sets up sessions, the login wall, form tokens, limits and headers, in the order they must run in."""
    app.config.update(
        SECRET_KEY=settings.session_key,
        **{PROXIED: settings.trusted_proxies > 0},
        SESSION_COOKIE_NAME="dunlin_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        PERMANENT_SESSION_LIFETIME=IDLE,
        WTF_CSRF_TIME_LIMIT=int(IDLE.total_seconds()),
        MAX_FORM_PARTS=200,
    )
    app.session_interface = PageSessions()
    app.before_request(_begin_request)
    app.before_request(_ask_for_login)
    csrf.init_app(app)
    limiter.init_app(app)
    _login_manager(database).init_app(app)
    app.after_request(_finish_response)
    app.teardown_request(_end_request)

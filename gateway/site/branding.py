"""The company's name, colour and logo on every page, kept for a few seconds; they do without the mailer."""

import hashlib
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import grpc
from dunlin.mailer.v1.mailer_pb2 import Company, GetCompanyRequest
from dunlin.mailer.v1.mailer_pb2_grpc import MailerServiceStub
from flask import Blueprint, Flask, Response, abort, current_app, url_for

from gateway.site.security import limiter, public

EXTENSION = "dunlin_branding"
DEFAULT = Company(name="Dunlin", accent_color="#1d4ed8")
FRESH_SECONDS = 15.0
PATIENCE_SECONDS = 2

blueprint = Blueprint("branding", __name__, url_prefix="/brand")


class Branding:
    """The company's profile, at most `FRESH_SECONDS` old while the mailer answers, else the newest known."""

    def __init__(self, mailer: MailerServiceStub, clock: Callable[[], float] = time.monotonic) -> None:
        self._mailer = mailer
        self._clock = clock
        self._lock = threading.Lock()
        self._known = DEFAULT
        self._asked_at: float | None = None

    def company(self) -> Company:
        """The profile; never raises."""
        with self._lock:
            if self._asked_at is None or self._clock() - self._asked_at > FRESH_SECONDS:
                # A page without today's logo is better than no page.
                with suppress(grpc.RpcError):
                    self._known = self._mailer.GetCompany(GetCompanyRequest(), timeout=PATIENCE_SECONDS)
                self._asked_at = self._clock()
            return self._known

    def replace(self, company: Company) -> None:
        """Takes in a profile that was just saved."""
        with self._lock:
            self._known, self._asked_at = company, self._clock()


def branding() -> Branding:
    """The application's branding."""
    return cast(Branding, current_app.extensions[EXTENSION])


def logo_url() -> str:
    """Where the logo is, with a version so that browsers may keep it; empty if there is none."""
    logo = branding().company().logo
    return url_for("branding.logo", v=hashlib.sha256(logo).hexdigest()[:12]) if logo else ""


def accent() -> str:
    """The accent colour as #rrggbb."""
    color = branding().company().accent_color
    return color if re.fullmatch(r"#[0-9a-fA-F]{6}", color) else DEFAULT.accent_color


@blueprint.get("/theme.css")
@limiter.exempt
@public
def theme() -> Response:
    """The one style that depends on the company."""
    response = Response(f":root{{--accent:{accent()}}}\n", mimetype="text/css")
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


@blueprint.get("/logo")
@limiter.exempt
@public
def logo() -> Response:
    """The logo."""
    image = branding().company().logo
    if not image:
        abort(404)
    kind = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
    response = Response(image, mimetype=kind)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def init_app(app: Flask, mailer: MailerServiceStub) -> None:
    """Makes the branding known to the templates as `company`, `logo_url` and `accent`."""
    app.extensions[EXTENSION] = Branding(mailer)
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"company": branding().company()})
    app.jinja_env.globals.update(logo_url=logo_url, accent=accent)

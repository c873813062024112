"""Puts the site together."""

from dataclasses import dataclass
from functools import partial

from flask import Flask, url_for
from flask_bootstrap import Bootstrap5
from flask_login import current_user
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import (
    auth,
    branding,
    charts,
    client_emails,
    company_settings,
    company_time,
    dashboard,
    dead_letters,
    due_notices,
    errors,
    exclusions,
    formats,
    health,
    history,
    imports_page,
    jobs,
    numbers,
    organizations,
    pay,
    payments_page,
    security,
    template_editor,
)
from gateway.clients import EXTENSION, Clients
from gateway.settings import Settings
from services.shared.database import Database

BLUEPRINTS = (
    auth.blueprint,
    dashboard.blueprint,
    client_emails.blueprint,
    due_notices.blueprint,
    exclusions.blueprint,
    template_editor.blueprint,
    organizations.blueprint,
    payments_page.blueprint,
    history.blueprint,
    imports_page.blueprint,
    company_settings.blueprint,
    dead_letters.blueprint,
    pay.blueprint,
)


@dataclass(frozen=True)
class Place:
    """One entry of the left bar."""

    label: str
    icon: str
    endpoint: str
    also: str = ""
    """Another path whose pages belong here."""

    @property
    def url(self) -> str:
        """Where it leads."""
        return url_for(self.endpoint)

    def holds(self, path: str) -> bool:
        """Whether it is current on that page: its own path, or one below it."""
        own = {self.url, self.also} - {"", "/"}
        return path == self.url or any(path == one or path.startswith(f"{one}/") for one in own)


PLACES = (
    Place("Dashboard", "speedometer", f"{dashboard.blueprint.name}.index"),
    Place("Client emails", "envelope", f"{client_emails.blueprint.name}.index"),
    Place("Organizations", "buildings", f"{organizations.blueprint.name}.index"),
    Place("Payments", "cash", f"{payments_page.blueprint.name}.index"),
    Place("History", "clock", f"{history.blueprint.name}.index"),
    Place("Import", "upload", f"{imports_page.blueprint.name}.index"),
    Place("Settings", "gear", f"{company_settings.blueprint.name}.index", also="/dead-letters"),
)


def _layout() -> dict[str, object]:
    if not current_user.is_authenticated:
        return {"places": ()}
    calendar = company_time.calendar_or_none()
    return {
        "places": PLACES,
        "is_sandbox": calendar is not None and calendar.sandbox,
        "history_url": partial(url_for, f"{history.blueprint.name}.index"),
    }


def create_app(settings: Settings, clients: Clients, identity: Database) -> Flask:
    """The site over those services and that identity database, which must be migrated.

    Nothing is connected here; a service may come up later.
    """
    app = Flask("gateway")
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.extensions[EXTENSION] = clients
    numbers.init_app(app)
    security.init_app(app, settings, identity)
    errors.init_app(app)
    formats.init_app(app)
    charts.init_app(app)
    Bootstrap5(app)
    branding.init_app(app, clients.mailer)
    health.init_app(app, settings, clients)
    jobs.init_app(app, identity)
    auth.init_app(app, identity)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.context_processor(_layout)
    if settings.trusted_proxies:
        depth = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=depth, x_proto=depth, x_host=depth)  # type: ignore[method-assign]
    return app

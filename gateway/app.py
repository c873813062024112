"""Puts the site together."""

from dataclasses import dataclass
from functools import partial

from flask import Flask, url_for
from flask_bootstrap import Bootstrap5
from flask_login import current_user
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import dashboard, dead_letters
from gateway.client_emails import (
    campaigns,
    counts,
    due_notices,
    exclusions,
    mass_welcome,
    pauses,
    summary_campaign,
    switches,
)
from gateway.client_emails import pages as client_emails
from gateway.client_emails import settings as email_settings
from gateway.clients import EXTENSION, Clients
from gateway.company import profile_assignment, profiles, sending, suppressed, unreachable, unsubscribed
from gateway.company import settings as company_settings
from gateway.history import pages as history
from gateway.imports import pages as imports
from gateway.organizations import mails, pausing, stars
from gateway.organizations import pages as organizations
from gateway.pay import steps as pay
from gateway.payments import pages as payments
from gateway.portal import access, home, invitations, link_again, unsubscribe
from gateway.portal import guard as portal_guard
from gateway.settings import Settings
from gateway.site import (
    auth,
    branding,
    charts,
    client_pages,
    company_time,
    errands,
    errors,
    formats,
    health,
    jobs,
    languages,
    numbers,
    security,
)
from gateway.template_editor import pages as template_editor
from gateway.template_editor import versions
from services.shared.clock import SystemClock
from services.shared.database import Database

BLUEPRINTS = (
    auth.blueprint,
    dashboard.blueprint,
    client_emails.blueprint,
    counts.blueprint,
    email_settings.blueprint,
    switches.blueprint,
    summary_campaign.blueprint,
    mass_welcome.blueprint,
    campaigns.blueprint,
    due_notices.blueprint,
    exclusions.blueprint,
    pauses.blueprint,
    template_editor.blueprint,
    versions.blueprint,
    organizations.blueprint,
    mails.blueprint,
    stars.blueprint,
    pausing.blueprint,
    payments.blueprint,
    history.blueprint,
    imports.blueprint,
    company_settings.blueprint,
    sending.blueprint,
    suppressed.blueprint,
    unsubscribed.blueprint,
    unreachable.blueprint,
    profiles.blueprint,
    profile_assignment.blueprint,
    dead_letters.blueprint,
    pay.blueprint,
    access.blueprint,
    invitations.blueprint,
    link_again.blueprint,
    home.blueprint,
    unsubscribe.blueprint,
)


@dataclass(frozen=True)
class Place:
    """One entry of the left bar."""

    label: str
    icon: str
    endpoint: str
    also: tuple[str, ...] = ()
    """Other paths whose pages belong here."""

    @property
    def url(self) -> str:
        """Where it leads."""
        return url_for(self.endpoint)

    def holds(self, path: str) -> bool:
        """Whether it is current on that page: its own path, or one below it."""
        own = {self.url, *self.also} - {"/"}
        return path == self.url or any(path == one or path.startswith(f"{one}/") for one in own)


PLACES = (
    Place("Dashboard", "speedometer", f"{dashboard.blueprint.name}.index"),
    Place("Client emails", "envelope", f"{client_emails.blueprint.name}.index"),
    Place("Organizations", "buildings", f"{organizations.blueprint.name}.index", also=("/send", "/pause")),
    Place("Payments", "cash", f"{payments.blueprint.name}.index"),
    Place("History", "clock", f"{history.blueprint.name}.index"),
    Place("Import", "upload", f"{imports.blueprint.name}.index"),
    Place("Settings", "gear", f"{company_settings.blueprint.name}.index", also=("/dead-letters",)),
)


def _layout() -> dict[str, object]:
    if not current_user.is_authenticated:
        return {"places": ()}
    calendar = company_time.calendar_or_none()
    return {
        "places": PLACES,
        "is_sandbox": calendar is not None and calendar.sandbox,
        "sending_stopped": sending.stopped(),
        "history_url": partial(url_for, f"{history.blueprint.name}.index"),
    }


def create_app(settings: Settings, clients: Clients, identity: Database) -> Flask:
    """The site over those services and that identity database, which must be migrated.

    Nothing is connected here; a service may come up later.
    """
    app = Flask("gateway")
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.extensions[EXTENSION] = clients
    app.extensions[company_time.CLOCK] = SystemClock()
    numbers.init_app(app)
    security.init_app(app, settings, identity)
    errors.init_app(app)
    formats.init_app(app)
    languages.init_app(app)
    charts.init_app(app)
    Bootstrap5(app)
    branding.init_app(app, clients.mailer)
    health.init_app(app, settings, clients)
    jobs.init_app(app, identity)
    auth.init_app(app, identity)
    errands.init_app(app)
    portal_guard.init_app(app, identity)
    app.config[client_pages.LINK_KEY] = settings.portal_key
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.context_processor(_layout)
    if settings.trusted_proxies:
        depth = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=depth, x_proto=depth, x_host=depth)  # type: ignore[method-assign]
    return app

"""What holds for every page of the portal: clear words for trouble, and a session behind the door."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from flask import Blueprint, Flask, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.portal import desk, session
from gateway.portal.desk import Access
from gateway.site import client_pages, languages
from gateway.site.client_pages import Home
from gateway.site.languages import N_
from gateway.site.security import public
from services.shared.database import Database

HOME = Home("portal.home", N_("To your account"))
EXTENSION = "dunlin_portal_accounts"

View = Callable[..., ResponseReturnValue]


def guard(blueprint: Blueprint) -> None:
    """Puts the blueprint under these rules."""
    client_pages.guard(blueprint, HOME)
    blueprint.after_request(session.keep)
    client_pages.explain_trouble(blueprint, lambda: request.path)


def database() -> Database:
    """Where the accounts are."""
    return cast(Database, current_app.extensions[EXTENSION])


def init_app(app: Flask, identity_database: Database) -> None:
    """Tells the pages where the accounts are."""
    app.extensions[EXTENSION] = identity_database


def signed_in(view: View) -> View:
    """Gives the view the accesses of who is signed in, the chosen one first; others are led to the login."""

    @wraps(view)
    def with_accesses(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        account = session.account(database())
        if account is None:
            target = request.full_path.rstrip("?") if request.method == "GET" else None
            return redirect(url_for("portal_access.login", next=target if target != "/portal" else None))
        found = desk.accesses(account)
        if not found:
            session.end(database())
            return withdrawn()
        chosen = _chosen_first(found)
        languages.speak(chosen[0].contact.language)
        return view(chosen, *args, **kwargs)

    return public(with_accesses)


def _chosen_first(found: list[Access]) -> list[Access]:
    chosen = request.args.get("contact", "")
    return sorted(found, key=lambda one: str(one.contact.contact_id) != chosen)


def withdrawn() -> ResponseReturnValue:
    """Says that the books no longer let this contact in."""
    return make_response(render_template("portal/withdrawn.html"), 403)

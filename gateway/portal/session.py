"""Sessions of the portal: a cookie of its own, which no staff page looks at and no staff session fills.

It is signed for this purpose alone, so that a value of the other cookie put into this one says nothing here.
"""

from typing import NamedTuple
from uuid import uuid4

from flask import Response, current_app, g, request
from itsdangerous import BadData, URLSafeTimedSerializer

from gateway import identity
from gateway.identity.portal import PortalAccount, find_account
from gateway.site.security import ENDED_KEPT, IDLE
from services.shared.database import Database
from services.shared.database_errors import DatabaseAway

COOKIE = "dunlin_portal"
PATH = "/portal"


class _Session(NamedTuple):
    account_id: int
    epoch: int
    session_id: str
    news: str = ""
    """What the next page is to say, once."""


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="dunlin portal session 2")


def begin(account: PortalAccount) -> None:
    """Signs this browser in; what it was signed in as before is forgotten."""
    g.portal_session = _Session(account.account_id, account.session_epoch, uuid4().hex)


def end(database: Database) -> None:
    """Signs this browser out; a copy of its cookie is good for nothing either."""
    session = _said()
    if session:
        identity.end_session(database, session.session_id, ENDED_KEPT)
    g.portal_session = None


def tell(news: str) -> None:
    """Has the page that this browser is led to say something, and no other page after it."""
    g.portal_session = g.portal_session._replace(news=news)


def take_news() -> str:
    """What this page is to say; empty if nothing. An address that somebody made up cannot bring its own."""
    news: str = g.portal_session.news
    g.portal_session = g.portal_session._replace(news="")
    return news


def account(database: Database) -> PortalAccount | None:
    """Whose session this browser has; None if it has none, or it has ended."""
    session = _said()
    if session is None:
        return None
    if database.hangs:
        # Each page would wait as long as it does, until none is left to answer anybody.
        raise DatabaseAway("The database of accounts does not answer; try again soon.")
    found = find_account(database, session.account_id)
    is_over = identity.has_ended(database, session.session_id)
    if found is None or found.session_epoch != session.epoch or is_over:
        g.portal_session = None
        return None
    # Signed anew with each page: it ends after so long without use.
    g.portal_session = session
    return found


def _said() -> _Session | None:
    try:
        said = _serializer().loads(request.cookies.get(COOKIE, ""), max_age=int(IDLE.total_seconds()))
    except BadData:
        return None
    return _Session(*said)


def keep(response: Response) -> Response:
    """Gives the browser its cookie, or takes it."""
    if "portal_session" not in g:
        return response
    session = g.pop("portal_session")
    if session is None:
        response.delete_cookie(COOKIE, path=PATH)
        return response
    response.set_cookie(
        COOKIE,
        _serializer().dumps(session),
        max_age=int(IDLE.total_seconds()),
        path=PATH,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response

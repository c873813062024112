"""In and out of the portal: signing in, signing out, and asking for a new password."""

import time
from functools import partial
from uuid import NAMESPACE_URL, uuid5

import grpc
import structlog
from dunlin.paynow.v1.accounts_pb2 import RecordSignInRequest
from dunlin.scheduler.v1.emails_pb2 import SendPasswordResetRequest
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired

from gateway.clients import Clients, clients
from gateway.identity import portal
from gateway.identity.portal import PortalAccount, normal_address
from gateway.portal import desk, session
from gateway.portal.desk import Access
from gateway.portal.guard import database, guard, withdrawn
from gateway.site.errands import errands
from gateway.site.errors import refusals
from gateway.site.languages import N_, gettext
from gateway.site.security import is_safe_path, limiter, public
from services.shared.database import Database
from services.shared.errors import Missing, WrongState
from services.shared.wire import timestamp

log = structlog.get_logger()

blueprint = Blueprint("portal_access", __name__, url_prefix="/portal")
guard(blueprint)

TRIES = "10 per minute"
"""Of one visitor, and for one address."""
REMINDERS = "5 per minute;30 per hour"
REMINDERS_OF_ADDRESS = "3 per minute;10 per hour"
ONE_MAIL_SECONDS = 300
"""Who asks again within such a span gets no second mail, unless the password was set meanwhile."""


class LoginForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Email and password."""

    class Meta:
        """The blueprint's guard looks after the form's token."""

        csrf = False

    email = StringField(N_("Email"), [DataRequired(N_("Enter your email address."))])
    password = PasswordField(N_("Password"), [DataRequired(N_("Enter your password."))])
    next = HiddenField()


def address_typed() -> str:
    """What the second limit counts by."""
    return f"portal {normal_address(request.form.get('email', ''))[:320]}"


def sign_in(account: PortalAccount, found: list[Access]) -> None:
    """Begins a session, and has the books note that these contacts have signed in."""
    session.begin(account)
    at = timestamp(portal.note_sign_in(database(), account.account_id))
    for one in found:
        noted = RecordSignInRequest(contact_id=one.contact.contact_id, signed_in_at=at)
        try:
            clients().accounts.RecordSignIn(noted)
        except grpc.RpcError as error:
            # Nobody is kept out because the books cannot note it.
            log.warning("sign-in not noted", contact_id=one.contact.contact_id, error=str(error))


def _destination(target: str | None) -> str:
    path = (target or "").partition("?")[0]
    is_here = path == session.PATH or path.startswith(f"{session.PATH}/")
    return target if target and is_here and is_safe_path(target) else url_for("portal.home")


@blueprint.route("/login", methods=["GET", "POST"])
@limiter.limit(TRIES, methods=["POST"])
@limiter.limit(TRIES, methods=["POST"], key_func=address_typed)
@public
def login() -> ResponseReturnValue:
    """Signs a contact in; a wrong address and a wrong password get the same answer after the same work."""
    form = LoginForm()
    if request.method == "GET":
        if session.account(database()) is not None:
            return redirect(_destination(request.args.get("next")), 303)
        form.next.data = request.args.get("next", "")
    elif form.validate():
        account = portal.check_password(database(), form.email.data, form.password.data)
        if account is not None:
            found = desk.accesses(account)
            if not found:
                # Only who knows the password is told so.
                return withdrawn()
            sign_in(account, found)
            return redirect(_destination(form.next.data), 303)
        form.password.errors = [N_("Incorrect email or password.")]
    return render_template("portal/login.html", form=form), 400 if form.errors else 200


@blueprint.post("/logout")
@public
def logout() -> ResponseReturnValue:
    """Signs this browser out."""
    session.end(database())
    return redirect(url_for("portal_access.login"), 303)


@blueprint.get("/forgot")
@public
def forgot() -> str:
    """Asks for the address."""
    return render_template("portal/forgot.html", error="")


@blueprint.post("/forgot")
@limiter.limit(REMINDERS)
@limiter.limit(REMINDERS_OF_ADDRESS, key_func=address_typed)
@public
def remind() -> ResponseReturnValue:
    """Answers the same for every address, at once; whether a mail goes is found out behind the answer."""
    email = request.form.get("email", "").strip()[:320]
    if "@" not in email:
        error = gettext("Enter your email address, such as you@example.com.")
        return render_template("portal/forgot.html", error=error, email=email), 400
    errands().run("password reset", partial(send_reset, clients(), database(), email))
    return render_template("portal/forgot_done.html", email=email)


def send_reset(stubs: Clients, accounts: Database, email: str) -> None:
    """Has a link for a new password mailed, if the address has an account that may still come in."""
    account = portal.find_by_address(accounts, email)
    if account is None:
        return
    span = int(time.time()) // ONE_MAIL_SECONDS
    for contact in account.contacts:
        name = f"dunlin:reset:{account.account_id}:{account.session_epoch}:{contact.contact_id}:{span}"
        asked = SendPasswordResetRequest(
            request_id=str(uuid5(NAMESPACE_URL, name)), contact_id=contact.contact_id, email=account.email
        )
        try:
            with refusals():
                stubs.emails.SendPasswordReset(asked)
        except (Missing, WrongState):
            continue
        return

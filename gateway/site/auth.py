"""Login, logout, and one's own account."""

from typing import cast
from uuid import uuid4

from flask import Blueprint, Flask, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo

from gateway import identity
from gateway.site.errors import beside_fields
from gateway.site.flashes import say
from gateway.site.security import ENDED_KEPT, Member, is_safe_path, limiter, public
from services.shared.database import Database
from services.shared.errors import Invalid

EXTENSION = "dunlin_identity"
LOGIN_LIMIT = "10 per minute"

blueprint = Blueprint("auth", __name__)


class LoginForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Email and password."""

    email = StringField("Email", [DataRequired("Enter your email address.")])
    password = PasswordField("Password", [DataRequired("Enter your password.")])
    next = HiddenField()


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A change of password."""

    present = PasswordField("Current password", [DataRequired("Enter your current password.")])
    password = PasswordField("New password", [DataRequired("Enter a new password.")])
    again = PasswordField(
        "New password again", [EqualTo("password", "This is not the same as the new password above.")]
    )


def _database() -> Database:
    return cast(Database, current_app.extensions[EXTENSION])


def _account() -> str:
    return f"account {request.form.get('email', '').strip().lower()[:320]}"


def _destination(target: str | None) -> str:
    return target if target and is_safe_path(target) else url_for("dashboard.index")


def _sign_in(staff: identity.Staff) -> None:
    session.clear()
    session.permanent = True
    login_user(Member(staff, uuid4().hex))


@blueprint.route("/login", methods=["GET", "POST"])
@limiter.limit(LOGIN_LIMIT, methods=["POST"])
@limiter.limit(LOGIN_LIMIT, methods=["POST"], key_func=_account)
@public
def login() -> ResponseReturnValue:
    """Signs a staff member in; a wrong address and a wrong password get the same answer."""
    if current_user.is_authenticated:
        return redirect(_destination(request.args.get("next")))
    form = LoginForm()
    if request.method == "GET":
        form.next.data = request.args.get("next", "")
    elif form.validate():
        staff = identity.check_password(_database(), form.email.data, form.password.data)
        if staff is not None:
            _sign_in(staff)
            return redirect(_destination(form.next.data), 303)
        form.password.errors = ["Incorrect email or password."]
    return render_template("login.html", form=form), 400 if form.errors else 200


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """Signs this browser out; a copy of its cookie is good for nothing either."""
    identity.end_session(_database(), current_user.session_id, ENDED_KEPT)
    logout_user()
    session.clear()
    return redirect(url_for("auth.login"), 303)


@blueprint.route("/settings/account", methods=["GET", "POST"])
def account() -> ResponseReturnValue:
    """One's own password; a change signs out everywhere else."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            staff = identity.change_password(
                _database(), current_user.staff_id, form.present.data, form.password.data
            )
        except Invalid as refusal:
            beside_fields(form, refusal)
        else:
            _sign_in(staff)
            say("Your password has been changed. Every other browser has been signed out.")
            return redirect(url_for("auth.account"), 303)
    return render_template("account.html", form=form), 400 if form.errors else 200


@blueprint.post("/settings/account/sign-out-everywhere")
def sign_out_everywhere() -> ResponseReturnValue:
    """Ends every other session of the account."""
    _sign_in(identity.end_sessions(_database(), current_user.staff_id))
    say("Every other browser has been signed out.")
    return redirect(url_for("auth.account"), 303)


def init_app(app: Flask, database: Database) -> None:
    """Tells the pages where the accounts are."""
    app.extensions[EXTENSION] = database

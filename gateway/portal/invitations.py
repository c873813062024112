"""Links from mails that let a contact into the portal: invitations, and new passwords.

A GET shows what a link is for and changes nothing, so a mail scanner that follows it uses nothing up.

A link for a new password sets one. An invitation does so only for an address that has no account. One that
has an account keeps its password: whoever opens the link signs in with it, and the account then stands for
the contact of the invitation too, if it did not yet; who is signed in already only says yes. Who no longer
knows the password may choose a new one with the invitation as well, since it came to the same mailbox as a
reset would; the page then says that the present one is replaced, and that all other browsers are signed out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from dunlin.scheduler.v1.emails_pb2 import GetNoticeRequest
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_PASSWORD_RESET, NOTICE_TYPE_WELCOME, Notice
from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import DataRequired, EqualTo

from gateway.clients import Clients, clients
from gateway.identity import passwords, portal
from gateway.identity.portal import AccountExists, LinkUsed, PortalAccount, PortalContact
from gateway.portal import desk, mails, session
from gateway.portal.access import sign_in
from gateway.portal.desk import Access
from gateway.portal.guard import database, guard, withdrawn
from gateway.site.client_pages import LINK_KEY
from gateway.site.errors import refusals
from gateway.site.languages import N_, gettext
from gateway.site.security import limiter, public
from services.shared import portal_links
from services.shared.errors import Invalid, Missing
from services.shared.portal_links import PortalLink, PortalLinkExpired

blueprint = Blueprint("portal_invitations", __name__, url_prefix="/portal")
guard(blueprint)

OPENINGS = "30 per minute"
CHOICES = "10 per minute"

KINDS = (NOTICE_TYPE_WELCOME, NOTICE_TYPE_PASSWORD_RESET)


class ChoiceForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A new password, twice."""

    class Meta:
        """The blueprint's guard looks after the form's token."""

        csrf = False

    password = PasswordField(N_("New password"), [DataRequired(N_("Choose a password."))])
    again = PasswordField(
        N_("The same again"), [EqualTo("password", N_("This is not the same as the password above."))]
    )


class JoinForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """The password of the account that the address has."""

    class Meta:
        """As above."""

        csrf = False

    password = PasswordField(N_("Password"), [DataRequired(N_("Enter your password."))])


@dataclass(frozen=True)
class Opened:
    """A link that is good: whom it was mailed to, and what is known of that address."""

    token: str
    link: PortalLink
    notice: Notice
    access: Access
    account: PortalAccount | None
    """Of the address, whomever it stands for."""
    is_signed_in: bool
    """Whether this browser is, as that account."""

    @property
    def contact(self) -> PortalContact:
        """Whom the account is to stand for."""
        return PortalContact(self.notice.contact_id, self.notice.organization_id)

    @property
    def is_invitation(self) -> bool:
        """Whether it invites, rather than replacing a password."""
        return bool(self.notice.type == NOTICE_TYPE_WELCOME)

    @property
    def is_new(self) -> bool:
        """Whether the account does not stand for the contact yet."""
        return self.account is None or self.contact not in self.account.contacts


def _open(token: str) -> Opened | ResponseReturnValue:
    """The link, or the page that says why it does not open and what to do."""
    try:
        link = portal_links.read(token, current_app.config[LINK_KEY], datetime.now(UTC))
    except PortalLinkExpired as expired:
        mails.speak_as(expired.metadata["notice_id"])
        return _page_of("expired", 410, token=token)
    except Invalid:
        return _page_of("broken", 404)
    mails.speak_as(link.notice_id)
    notice = notice_of(clients(), link.notice_id)
    if notice is None:
        return _page_of("broken", 404)
    contact = PortalContact(notice.contact_id, notice.organization_id)
    if portal.is_used(database(), link, notice.email, contact):
        return _page_of("used", 410)
    found = desk.access(contact, notice.email)
    if found is None:
        return withdrawn()
    account, here = portal.find_by_address(database(), notice.email), session.account(database())
    is_signed_in = account is not None and here is not None and here.account_id == account.account_id
    return Opened(token, link, notice, found, account, is_signed_in)


def notice_of(stubs: Clients, notice_id: str) -> Notice | None:
    """What was mailed, if it is of these kinds. Raises `Refusal`."""
    try:
        with refusals():
            notice = stubs.emails.GetNotice(GetNoticeRequest(notice_id=notice_id))
    except Missing:
        return None
    return notice if notice.type in KINDS else None


def _page_of(why: str, status: int, *, token: str = "") -> ResponseReturnValue:
    return render_template("portal/link.html", why=why, token=token), status


def _choice_page(form: ChoiceForm, link: Opened, status: int = 200) -> ResponseReturnValue:
    page = render_template("portal/choose.html", form=form, link=link, shortest=passwords.SHORTEST)
    return page, status


def _join_page(form: JoinForm, link: Opened, status: int = 200) -> ResponseReturnValue:
    return render_template("portal/join.html", form=form, link=link), status


@blueprint.get("/welcome/<token>")
@blueprint.get("/reset/<token>", endpoint="open_reset")
@limiter.limit(OPENINGS)
@public
def open_link(token: str) -> ResponseReturnValue:
    """The form that the link is for."""
    link = _open(token)
    if not isinstance(link, Opened):
        return link
    if link.is_invitation and link.account and "anew" not in request.args:
        return _join_page(JoinForm(), link)
    return _choice_page(ChoiceForm(), link)


@blueprint.post("/welcome/<token>")
@blueprint.post("/reset/<token>")
@limiter.limit(CHOICES)
@public
def choose(token: str) -> ResponseReturnValue:
    """Sets the password, which uses the link up and ends other sessions, and signs in.

    An invitation replaces a password only for a form that has said so.
    """
    link = _open(token)
    if not isinstance(link, Opened):
        return link
    form = ChoiceForm()
    if not form.validate():
        return _choice_page(form, link, 400)
    replaces = not link.is_invitation or request.form.get("replaces") == "yes"
    try:
        account = portal.choose_password(
            database(), link.link, link.notice.email, link.contact, form.password.data, replaces=replaces
        )
    except LinkUsed:
        return _page_of("used", 410)
    except AccountExists:
        # Made since the form was shown.
        return redirect(request.path, 303)
    except Invalid:
        form.password.errors = [
            gettext(
                "A password has %(least)s to %(most)s characters; a few words do well.",
                least=passwords.SHORTEST,
                most=passwords.LONGEST,
            )
        ]
        return _choice_page(form, link, 400)
    sign_in(account, desk.accesses(account))
    session.tell("password")
    return redirect(url_for("portal.home", contact=link.contact.contact_id), 303)


def _link_here() -> str:
    return f"portal join {(request.view_args or {}).get('token', '')[:400]}"


@blueprint.post("/welcome/<token>/join")
@limiter.limit(CHOICES)
@limiter.limit(CHOICES, key_func=_link_here)
@public
def join(token: str) -> ResponseReturnValue:
    """Has the account of the address stand for the contact too; asks for its password where nobody is signed
    in to it.
    """
    link = _open(token)
    if not isinstance(link, Opened):
        return link
    if not link.is_invitation or link.account is None:
        return redirect(url_for(".open_link", token=token), 303)
    form = JoinForm()
    if not link.is_signed_in:
        if not form.validate():
            return _join_page(form, link, 400)
        if portal.check_password(database(), link.notice.email, form.password.data) is None:
            form.password.errors = [N_("This is not the password of this account.")]
            return _join_page(form, link, 400)
    try:
        account = portal.add_contact(database(), link.link, link.account, link.contact)
    except LinkUsed:
        return _page_of("used", 410)
    sign_in(account, desk.accesses(account))
    session.tell("joined" if link.is_new else "")
    return redirect(url_for("portal.home", contact=link.contact.contact_id), 303)

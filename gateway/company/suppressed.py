"""Settings: addresses that get no mail, because mails to them come back or staff said so."""

from dunlin.mailer.v1.sending_pb2 import (
    LiftSuppressionRequest,
    ListSuppressionsRequest,
    Suppression,
    SuppressionReason,
    SuppressRequest,
)
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from gateway.clients import clients
from gateway.site.errors import beside_fields, refusals
from gateway.site.flashes import say
from gateway.site.listing import page_links
from services.shared.errors import Invalid, Missing

PAGE = 50
MOST_AT_ONCE = 200
LONGEST_QUERY = 200

REASONS: dict[int, str] = {
    SuppressionReason.SUPPRESSION_REASON_BOUNCED_FOR_GOOD: "Its mail server says that it does not exist.",
    SuppressionReason.SUPPRESSION_REASON_BOUNCES_REPEATED: "Five emails in a row came back.",
    SuppressionReason.SUPPRESSION_REASON_COMPLAINED: "Its owner marked an email as spam.",
    SuppressionReason.SUPPRESSION_REASON_BY_STAFF: "Suppressed by staff.",
}
NO_MAILBOX = SuppressionReason.SUPPRESSION_REASON_BOUNCED_FOR_GOOD
COMPLAINED = SuppressionReason.SUPPRESSION_REASON_COMPLAINED

blueprint = Blueprint("suppressed", __name__, url_prefix="/settings/sending/suppressed")


class AddressForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """An address to suppress."""

    email = StringField("Email address", [DataRequired("Enter an email address."), Length(max=320)])


def _page(form: AddressForm, status: int = 200) -> ResponseReturnValue:
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    found = clients().sending.ListSuppressions(
        ListSuppressionsRequest(query=query, page_size=PAGE, page_token=request.args.get("page", ""))
    )
    page = render_template(
        "company/suppressed.html",
        found=found,
        query=query,
        reasons=REASONS,
        form=form,
        links=page_links(found.next_page_token),
    )
    return page, status


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The addresses, the newest first, or those that a search finds."""
    return _page(AddressForm())


@blueprint.post("")
def add() -> ResponseReturnValue:
    """Suppresses an address by hand; the next page offers to lift it."""
    form = AddressForm()
    if not form.validate():
        return _page(form, 400)
    try:
        with refusals():
            found = clients().sending.Suppress(
                SuppressRequest(email=form.email.data.strip(), created_by=current_user.email)
            )
    except Invalid as refusal:
        form.email.errors = [*form.email.errors, *beside_fields(form, refusal)]
        return _page(form, 400)
    say(
        f"{found.email} gets no email from now on, also no receipt.",
        undo="Undo",
        url=url_for("suppressed.lift"),
        fields={"email": found.email},
    )
    return redirect(url_for("suppressed.index"), 303)


def _suppression(email: str) -> Suppression | None:
    """The suppression of an address; others that contain it may come before it in a search."""
    order = ListSuppressionsRequest(query=email[:LONGEST_QUERY], page_size=MOST_AT_ONCE)
    while True:
        found = clients().sending.ListSuppressions(order)
        if one := next((one for one in found.suppressions if one.email == email), None):
            return one
        if not found.next_page_token:
            return None
        order.page_token = found.next_page_token


@blueprint.get("/lift")
def ask() -> ResponseReturnValue:
    """Says why an address is suppressed before it is lifted; changes nothing."""
    one = _suppression(request.args.get("email", ""))
    if one is None:
        say("This address is not suppressed any more.", "note")
        return redirect(url_for("suppressed.index"), 303)
    return render_template(
        "company/lift.html",
        one=one,
        reason=REASONS.get(one.reason, ""),
        no_mailbox=one.reason == NO_MAILBOX,
        complained=one.reason == COMPLAINED,
    )


@blueprint.post("/lift")
def lift() -> ResponseReturnValue:
    """Lets an address get mails again; the next page offers to suppress it once more."""
    email = request.form.get("email", "")
    try:
        with refusals():
            clients().sending.LiftSuppression(
                LiftSuppressionRequest(email=email, lifted_by=current_user.email)
            )
    except Missing:
        say("This address was not suppressed any more.", "note")
    else:
        say(
            f"{email} gets emails again. Its bounces count anew.",
            undo="Suppress it again",
            url=url_for("suppressed.add"),
            fields={"email": email},
        )
    return redirect(url_for("suppressed.index"), 303)

"""Invitations to the portal for many contacts at once: whom, who that is, then sending them."""

from uuid import uuid4

from dunlin.scheduler.v1.campaigns_pb2 import (
    Audience,
    ContactAudience,
    CountCampaignRequest,
    StartCampaignRequest,
)
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_WELCOME
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from gateway.client_emails import campaigns
from gateway.client_emails.summary_campaign import start
from gateway.client_emails.wording import left_out_words
from gateway.clients import clients
from gateway.site.client_profiles import all_profiles, names_by_id
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.listing import page_links
from gateway.site.organization_filters import STATUSES, organization_types
from services.shared.errors import Invalid

blueprint = Blueprint("mass_welcome", __name__, url_prefix="/client-emails/welcome")

PAGE = 50


def _audience(given: "MultiDict[str, str]") -> Audience:
    return Audience(
        contacts=ContactAudience(
            profile_id=given.get("profile", "")[:100],
            without_types=given.getlist("hide_type"),
            without_statuses=given.getlist("hide_status"),
            without_signed_in="without_signed_in" in given,
            without_invited="without_invited" in given,
        )
    )


def _again(chosen: ContactAudience, endpoint: str = "mass_welcome.index") -> str:
    """Where to choose anew, or another page, with what was chosen."""
    return url_for(
        endpoint,
        profile=chosen.profile_id,
        hide_type=list(chosen.without_types),
        hide_status=list(chosen.without_statuses),
        without_signed_in="y" if chosen.without_signed_in else None,
        without_invited="y" if chosen.without_invited else None,
    )


@blueprint.get("")
def index() -> str:
    """Whom to invite, and what was sent before."""
    past = campaigns.newest(NOTICE_TYPE_WELCOME)
    return render_template(
        "client_emails/welcome.html",
        profiles=all_profiles(),
        types=organization_types(),
        statuses=STATUSES,
        hidden_statuses=request.args.getlist("hide_status") if request.args else STATUSES[1:],
        chosen=request.args,
        is_fresh=not request.args,
        past=past,
        running=campaigns.running(past),
        states=campaigns.STATES,
    )


@blueprint.get("/who")
def who() -> ResponseReturnValue:
    """Who would get an invitation, page by page; changes nothing."""
    audience = _audience(request.args)
    try:
        with refusals():
            found = clients().campaigns.CountCampaign(
                CountCampaignRequest(
                    audience=audience, page_size=PAGE, page_token=request.args.get("page", "")
                )
            )
    except Invalid as refusal:
        say(refusal.message, "bad")
        return redirect(_again(audience.contacts), 303)
    names = names_by_id(all_profiles())
    return render_template(
        "client_emails/welcome_who.html",
        audience=audience.contacts,
        profile=names.get(audience.contacts.profile_id, audience.contacts.profile_id),
        found=found,
        counted=campaigns.written(found),
        left_out=left_out_words(found, "contact", "left out: signed in or invited before"),
        links=page_links(found.next_page_token),
        running=campaigns.running(campaigns.newest(NOTICE_TYPE_WELCOME)),
        change=_again(audience.contacts),
        campaign_id=uuid4().hex,
    )


@blueprint.post("/send")
def send() -> ResponseReturnValue:
    """Begins it and leads to how far it has come. A form that is sent twice begins it once."""
    audience = _audience(request.form)
    order = StartCampaignRequest(
        campaign_id=request.form.get("campaign_id", ""), audience=audience, started_by=current_user.email
    )
    return start(order, _again(audience.contacts, "mass_welcome.who"), "contact")

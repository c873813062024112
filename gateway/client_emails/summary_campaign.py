"""The account summary now, to all organizations with open invoices: who gets it, then sending it."""

from uuid import uuid4

from dunlin.scheduler.v1.campaigns_pb2 import (
    Audience,
    CountCampaignRequest,
    DebtorAudience,
    StartCampaignRequest,
)
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_ACCOUNT_SUMMARY
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from gateway.client_emails import campaigns
from gateway.client_emails.counts import settings_of
from gateway.client_emails.kinds import KINDS
from gateway.client_emails.wording import left_out_words, recipients_words
from gateway.clients import clients
from gateway.site.client_profiles import profiles_or_none
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.listing import page_links
from services.shared.errors import WrongState

blueprint = Blueprint("summary_campaign", __name__, url_prefix="/client-emails/account-summary/send")

PAGE = 20
AUDIENCE = Audience(debtors=DebtorAudience())


@blueprint.get("")
def ask() -> str:
    """How many would get it, and who; changes nothing."""
    kind = KINDS["account-summary"]
    settings = settings_of(kind)
    past = campaigns.newest(NOTICE_TYPE_ACCOUNT_SUMMARY)
    found = clients().campaigns.CountCampaign(
        CountCampaignRequest(audience=AUDIENCE, page_size=PAGE, page_token=request.args.get("page", ""))
    )
    return render_template(
        "client_emails/send_summary.html",
        kind=kind,
        settings=settings,
        recipients=recipients_words(kind, settings, profiles_or_none() if settings.profile_ids else None),
        found=found,
        counted=campaigns.written(found),
        left_out=left_out_words(found, why="excluded or paused"),
        links=page_links(found.next_page_token),
        past=past,
        running=campaigns.running(past),
        states=campaigns.STATES,
        campaign_id=uuid4().hex,
    )


@blueprint.post("")
def send() -> ResponseReturnValue:
    """Begins it and leads to how far it has come. A form that is sent twice begins it once."""
    order = StartCampaignRequest(
        campaign_id=request.form.get("campaign_id", ""), audience=AUDIENCE, started_by=current_user.email
    )
    return start(order, url_for("summary_campaign.ask"), "organization")


def start(order: StartCampaignRequest, back: str, noun: str) -> ResponseReturnValue:
    """Begins a campaign and leads to its page.

    Leads `back` to where it was asked for if another one is at work, or if it would go to another number
    than that page said: what is confirmed is what happens. `noun` is what is counted. `Invalid`.
    """
    different = campaigns.differs_from(order, request.form.get("counted", ""), noun)
    if different:
        say(different, "bad")
        return redirect(back, 303)
    try:
        with refusals():
            campaign = clients().campaigns.StartCampaign(order)
    except WrongState as refusal:
        say(f"Nothing was sent: {refusal.message}", "bad")
        return redirect(back, 303)
    return redirect(url_for("campaigns.show", campaign_id=campaign.campaign_id), 303)

"""One mail to many at once: how far it has come, what became of each, and how it is cancelled."""

import re
from dataclasses import dataclass

from dunlin.scheduler.v1.campaigns_pb2 import (
    Campaign,
    CampaignCount,
    CampaignState,
    CancelCampaignRequest,
    CountCampaignRequest,
    GetCampaignRequest,
    ListCampaignsRequest,
    StartCampaignRequest,
)
from dunlin.scheduler.v1.notices_pb2 import NOTICE_STATE_SKIPPED, NOTICE_TYPE_WELCOME, NoticeState, NoticeType
from dunlin.scheduler.v1.scheduler_pb2 import ListNoticesRequest, ListNoticesResponse
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.site.errors import refusals
from gateway.site.flashes import say
from gateway.site.listing import chosen, names_of, page_links
from gateway.site.words import NOTICE_STATES, Label, count
from services.shared.errors import Invalid, Missing

blueprint = Blueprint("campaigns", __name__, url_prefix="/client-emails/campaigns")

STATES: dict[int, Label] = {
    CampaignState.CAMPAIGN_STATE_RUNNING: ("At work", "wait"),
    CampaignState.CAMPAIGN_STATE_DONE: ("Done", "good"),
    CampaignState.CAMPAIGN_STATE_CANCELLED: ("Cancelled", "quiet"),
}
RUNNING = CampaignState.CAMPAIGN_STATE_RUNNING
CANCELLED = CampaignState.CAMPAIGN_STATE_CANCELLED

_WRITTEN = re.compile(r"[0-9]{1,9}\+?")

COUNTED_TO = 100_000
"""StartCampaign counts no further; a campaign that came so far is for at least so many."""
PAGE = 50
NAMED = 20
"""So many of those who were skipped stand on the campaign's own page."""


@dataclass(frozen=True)
class Progress:
    """How far a campaign has come: how many mails are settled, sent or not, of how many there will be."""

    campaign: Campaign
    state: Label
    noun: str
    title: str
    back: str
    """Where campaigns of its type are begun."""

    @property
    def is_running(self) -> bool:
        """Whether those meant are still being decided on."""
        return self.campaign.state == RUNNING

    @property
    def goes_on(self) -> bool:
        """Whether mails of it are still to leave, so that it can be cancelled."""
        return self.is_running or (self.campaign.queued > 0 and self.campaign.state != CANCELLED)

    @property
    def settled(self) -> int:
        """How many have been sent, skipped, or given up."""
        return self.campaign.sent + self.campaign.skipped + self.campaign.failed

    @property
    def expected(self) -> int:
        """How many that will be, as far as is known; at least 1."""
        decided = self.settled + self.campaign.queued
        return max(self.campaign.total, decided, 1) if self.is_running else max(decided, 1)

    @property
    def percent(self) -> int:
        """The same in percent; 100 only once nothing is left."""
        return 100 * self.settled // self.expected if self.goes_on else 100

    @property
    def meant(self) -> str:
        """For how many it was when it began."""
        return count(self.campaign.total, self.noun, at_least=self.campaign.total >= COUNTED_TO)


def newest(type_: NoticeType.ValueType) -> list[Campaign]:
    """The newest campaigns of a type. Raises `grpc.RpcError`."""
    return list(clients().campaigns.ListCampaigns(ListCampaignsRequest(type=type_)).campaigns)


def running(campaigns: list[Campaign]) -> Campaign | None:
    """The one at work; another of the same type cannot begin before it has ended."""
    return next((one for one in campaigns if progress_of(one).goes_on), None)


def progress_of(campaign: Campaign) -> Progress:
    """How far it has come."""
    is_welcome = campaign.type == NOTICE_TYPE_WELCOME
    return Progress(
        campaign,
        STATES.get(campaign.state, ("Unknown", "quiet")),
        "contact" if is_welcome else "organization",
        "Invitations" if is_welcome else "Account summaries",
        url_for("mass_welcome.index" if is_welcome else "summary_campaign.ask"),
    )


def written(found: CampaignCount) -> str:
    """For how many it would be, as the form that begins it carries it: `197`, or `100000+` for at least."""
    return f"{found.total}{'+' if found.at_least else ''}"


def differs_from(order: StartCampaignRequest, shown: str, noun: str) -> str:
    """What to say if it would go to another number than the form said; empty if it may begin.

    "All, at least so many" stays what it is while there are more than anybody counts. If the campaign has
    begun, the same form has come before, and whoever got a mail since may count no longer.
    """
    counting = CountCampaignRequest(audience=order.audience, page_size=1)
    with refusals():
        found = clients().campaigns.CountCampaign(counting)
    is_known = _WRITTEN.fullmatch(shown) is not None
    is_same = written(found) == shown or (is_known and shown.endswith("+") and found.at_least)
    if is_same or _has_begun(order.campaign_id):
        return ""
    before = f"to {shown.replace('+', ' or more')}" if is_known else "to another number"
    return (
        f"Nothing has been sent yet: the button would have sent {before} when you opened the page, and now it"
        f" is {count(found.total, noun, at_least=found.at_least)}. Look at who that is, then send."
    )


def _has_begun(campaign_id: str) -> bool:
    try:
        with refusals():
            clients().campaigns.GetCampaign(GetCampaignRequest(campaign_id=campaign_id))
    except (Missing, Invalid):
        return False
    return True


def _campaign(campaign_id: str) -> Progress:
    found = clients().campaigns.GetCampaign(GetCampaignRequest(campaign_id=campaign_id))
    return progress_of(found)


def _notices(
    campaign_id: str, state: NoticeState.ValueType, size: int, token: str = ""
) -> ListNoticesResponse:
    return clients().scheduler.ListNotices(
        ListNoticesRequest(
            campaign_id=campaign_id,
            state=state,
            page_size=size,
            page_token=token,
        )
    )


def _standing(campaign_id: str) -> dict[str, object]:
    """What its page shows of how far it has come, and of those who were skipped."""
    progress = _campaign(campaign_id)
    skipped = _notices(campaign_id, NOTICE_STATE_SKIPPED, NAMED).notices if progress.campaign.skipped else ()
    return {
        "progress": progress,
        "campaign": progress.campaign,
        "skipped": skipped,
        "names": names_of(one.organization_id for one in skipped),
    }


@blueprint.get("/<campaign_id>")
def show(campaign_id: str) -> str:
    """How far a campaign has come; looks again by itself while mails of it are leaving."""
    return render_template("client_emails/campaign.html", **_standing(campaign_id))


@blueprint.get("/<campaign_id>/progress")
def progress(campaign_id: str) -> str:
    """The part of the page that changes, for its script."""
    return render_template("client_emails/_campaign_progress.html", **_standing(campaign_id))


@blueprint.get("/<campaign_id>/emails")
def emails(campaign_id: str) -> str:
    """Each email of a campaign, with what became of it and why."""
    found, state = _campaign(campaign_id), chosen(NOTICE_STATES, NoticeState.NOTICE_STATE_UNSPECIFIED)
    listed = _notices(campaign_id, state, PAGE, request.args.get("page", ""))
    return render_template(
        "client_emails/campaign_emails.html",
        progress=found,
        notices=listed.notices,
        names=names_of(one.organization_id for one in listed.notices),
        state=state,
        states=NOTICE_STATES,
        links=page_links(listed.next_page_token),
    )


@blueprint.post("/<campaign_id>/cancel")
def cancel(campaign_id: str) -> ResponseReturnValue:
    """Ends a campaign; mails of it that have not left are held back."""
    campaign = clients().campaigns.CancelCampaign(CancelCampaignRequest(campaign_id=campaign_id))
    if campaign.state == CANCELLED:
        say(
            f"It has been cancelled: nobody more is told, and emails that have not left are held back. "
            f"{count(campaign.sent, 'email')} had left before.",
            "note",
        )
    else:
        say("It had been done before it could be cancelled.", "note")
    return redirect(url_for("campaigns.show", campaign_id=campaign_id), 303)

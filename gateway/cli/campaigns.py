"""`dunlin campaigns`: one mail to many."""

from typing import Any
from uuid import uuid4

import click
from dunlin.scheduler.v1 import campaigns_pb2, notices_pb2

from gateway.cli.company import open_company
from gateway.cli.output import json_option, name_of, print_json, print_table, remark, say, utc

_COUNTS = ("total", "examined", "queued", "sent", "skipped", "failed")

_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def campaigns() -> None:
    """Send one mail to many, see how far it is, and stop it."""


@campaigns.command("list")
@json_option
def list_campaigns(*, as_json: bool) -> None:
    """List the newest campaigns, at most 50."""
    found = open_company().campaigns.ListCampaigns(campaigns_pb2.ListCampaignsRequest()).campaigns
    if as_json:
        for one in found:
            print_json(_as_json(one))
        return
    if not found:
        remark("There has been no campaign yet.")
        return
    rows = [
        (
            one.campaign_id,
            _type(one),
            _state(one),
            utc(one.started_at),
            *(str(getattr(one, name)) for name in _COUNTS),
        )
        for one in found
    ]
    heads = ("Id", "Type", "State", "Started", *(name.capitalize() for name in _COUNTS))
    print_table(heads, rows, right=range(4, len(heads)))


@campaigns.command()
@_yes
@click.option("--id", "campaign_id", default="", help="Names it: the same once more begins nothing more.")
@json_option
def summaries(*, yes: bool, campaign_id: str, as_json: bool) -> None:
    """Send the account summary to all organizations that have open invoices."""
    audience = campaigns_pb2.Audience(debtors=campaigns_pb2.DebtorAudience())
    _start(audience, campaign_id, yes=yes, as_json=as_json)


@campaigns.command()
@click.option("--profile", required=True, help="Whom: contacts with this client profile.")
@click.option("--without-type", multiple=True, help="Not of organizations of this type.")
@click.option("--without-status", multiple=True, help="Not of organizations with this status.")
@click.option("--again", is_flag=True, help="Also who has signed in, or was invited before.")
@_yes
@click.option("--id", "campaign_id", default="", help="Names it: the same once more begins nothing more.")
@json_option
def welcome(
    *,
    profile: str,
    without_type: tuple[str, ...],
    without_status: tuple[str, ...],
    again: bool,
    yes: bool,
    campaign_id: str,
    as_json: bool,
) -> None:
    """Invite contacts to the portal."""
    contacts = campaigns_pb2.ContactAudience(
        profile_id=profile,
        without_types=without_type,
        without_statuses=without_status,
        without_signed_in=not again,
        without_invited=not again,
    )
    _start(campaigns_pb2.Audience(contacts=contacts), campaign_id, yes=yes, as_json=as_json)


@campaigns.command()
@click.argument("campaign_id")
@json_option
def cancel(campaign_id: str, *, as_json: bool) -> None:
    """Stop a campaign: nobody more is told, and what has not left is withheld."""
    request = campaigns_pb2.CancelCampaignRequest(campaign_id=campaign_id)
    _tell(open_company().campaigns.CancelCampaign(request), as_json=as_json)


def _start(audience: campaigns_pb2.Audience, campaign_id: str, *, yes: bool, as_json: bool) -> None:
    company = open_company()
    if not yes:
        found = company.campaigns.CountCampaign(
            campaigns_pb2.CountCampaignRequest(audience=audience, page_size=1)
        )
        least = "at least " if found.at_least else ""
        click.confirm(f"Send it to {least}{found.total}?", abort=True, err=True)
    request = campaigns_pb2.StartCampaignRequest(
        campaign_id=campaign_id or str(uuid4()), audience=audience, started_by="dunlin"
    )
    _tell(company.campaigns.StartCampaign(request), as_json=as_json)


def _tell(one: campaigns_pb2.Campaign, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(one))
    else:
        say(f"Campaign {one.campaign_id} to {one.total} is {_state(one)}.")


def _type(one: campaigns_pb2.Campaign) -> str:
    return name_of(notices_pb2.NoticeType, one.type, "NOTICE_TYPE_")


def _state(one: campaigns_pb2.Campaign) -> str:
    return name_of(campaigns_pb2.CampaignState, one.state, "CAMPAIGN_STATE_")


def _as_json(one: campaigns_pb2.Campaign) -> dict[str, Any]:
    return {
        "campaign_id": one.campaign_id,
        "type": _type(one),
        "state": _state(one),
        "started_at": utc(one.started_at),
        **{name: getattr(one, name) for name in _COUNTS},
    }

"""Account summaries and invitations to many: who gets one, how far it has come, and how it is cancelled."""

from datetime import UTC, datetime

import pytest
from dunlin.scheduler.v1 import campaigns_pb2
from dunlin.scheduler.v1.notices_pb2 import (
    NOTICE_STATE_SENT,
    NOTICE_STATE_SKIPPED,
    NOTICE_TYPE_ACCOUNT_SUMMARY,
    Notice,
    NoticeState,
)

from services.shared.wire import timestamp
from tests.fakes.gateway_campaigns import RUNNING
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

DONE = campaigns_pb2.CAMPAIGN_STATE_DONE
CAMPAIGN = "/client-emails/campaigns/c1"
SUMMARY = "/client-emails/account-summary/send"
WELCOME = "/client-emails/welcome"


def alert(page: Page) -> str:
    return " ".join(page.one("//div[@role='alert']/p").text_content().split())


def a_campaign(services: FakeServices, **more: object) -> campaigns_pb2.Campaign:
    facts = {
        "campaign_id": "c1",
        "type": NOTICE_TYPE_ACCOUNT_SUMMARY,
        "state": RUNNING,
        "total": 50_000,
        "examined": 12_400,
        "queued": 4_000,
        "sent": 8_000,
        "started_by": "robin@harbor.example",
    }
    campaign = campaigns_pb2.Campaign(**{**facts, **more})  # type: ignore[arg-type]
    services.campaigns.campaigns[campaign.campaign_id] = campaign
    return campaign


def a_notice(
    organization_id: str, state: NoticeState.ValueType, explanation: str, *, campaign_id: str = "c1"
) -> Notice:
    return Notice(
        notice_id=f"n-{organization_id}",
        type=NOTICE_TYPE_ACCOUNT_SUMMARY,
        organization_id=organization_id,
        state=state,
        explanation=explanation,
        campaign_id=campaign_id,
    )


def test_who_gets_the_summary_is_named_before_it_goes(staff: Visitor, services: FakeServices) -> None:
    services.campaigns.excluded = {"BOLT"}
    services.ledger.organizations["CAFE"].contacts[0].ClearField("emails")
    page = staff.get(SUMMARY)
    assert "1 organization would get it" in page.text
    assert "1 organization is excluded or paused and 1 has no email address." in page.text
    assert [one.text for one in page.tree.xpath("//ul[@class='names']//a")] == ["Acme Corporation"]
    assert services.campaigns.requests("StartCampaign") == []


def test_the_summary_goes_to_all_once_however_often_the_form_is_sent(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(SUMMARY).form(SUMMARY)
    first, second = staff.send(form), staff.send(form)
    assert first.path == second.path
    [campaign] = services.campaigns.campaigns.values()
    assert campaign.started_by == "staff@harbor.example"
    assert "0 of 3 organizations looked at" in first.text


def test_the_summary_goes_only_to_as_many_as_the_page_said(staff: Visitor, services: FakeServices) -> None:
    services.campaigns.excluded = {"BOLT"}
    form = staff.get(SUMMARY).form(SUMMARY)
    services.campaigns.excluded = set()
    page = staff.send(form)
    assert services.campaigns.campaigns == {}
    assert alert(page) == (
        "Nothing has been sent yet: the button would have sent to 2 when you opened the page, and now it is"
        " 3 organizations. Look at who that is, then send."
    )
    assert "0 of 3 organizations looked at" in staff.send(page.form(SUMMARY)).text


@pytest.mark.parametrize("counted", ["", "3x", "٣", "3+"])
def test_a_number_that_no_page_said_begins_nothing(
    staff: Visitor, services: FakeServices, counted: str
) -> None:
    page = staff.send(staff.get(SUMMARY).form(SUMMARY), counted=counted)
    assert services.campaigns.campaigns == {}
    assert "Nothing has been sent yet" in alert(page)


def test_all_of_at_least_so_many_is_still_all(staff: Visitor, services: FakeServices) -> None:
    services.campaigns.at_least = True
    form = staff.get(SUMMARY).form(SUMMARY)
    services.campaigns.excluded = {"BOLT"}
    staff.send(form)
    assert len(services.campaigns.campaigns) == 1


def test_a_form_that_comes_again_leads_to_what_it_began_though_fewer_are_left(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(f"{WELCOME}/who?profile=billing&without_invited=y").form("/welcome/send")
    first = staff.send(form)
    services.campaigns.invited = {contact.contact_id for contact in services.accounts.all_contacts()}
    assert staff.send(form).path == first.path


def test_invitations_go_only_to_as_many_as_the_page_said(staff: Visitor, services: FakeServices) -> None:
    path = f"{WELCOME}/who?profile=billing&hide_type=Residential&without_invited=y"
    services.campaigns.invited = {services.ledger.organizations["ACME"].contacts[0].contact_id}
    form = staff.get(path).form("/welcome/send")
    services.campaigns.invited = set()
    page = staff.send(form)
    assert services.campaigns.campaigns == {}
    assert "Nothing has been sent yet" in alert(page)
    assert page.path == f"{WELCOME}/who"
    assert dict(page.form("/welcome/send").form_values())["hide_type"] == "Residential"
    staff.send(page.form("/welcome/send"))
    assert len(services.campaigns.campaigns) == 1


def test_a_second_one_waits_for_the_first_and_the_page_says_so(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(SUMMARY).form(SUMMARY)
    a_campaign(services)
    page = staff.send(form)
    assert alert(page) == "Nothing was sent: Another campaign of this type is at work."
    assert "robin@harbor.example began is still at work" in page.text
    assert not page.tree.xpath("//main//form[@method='post']")


def test_a_campaign_says_how_far_it_has_come_and_may_be_left(staff: Visitor, services: FakeServices) -> None:
    a_campaign(services)
    page = staff.get(CAMPAIGN)
    assert "12,400 of 50,000 organizations looked at" in page.text
    assert "You may leave this page" in page.text
    bar = page.one("//progress")
    assert (bar.get("value"), bar.get("max")) == ("8000", "50000")
    assert "16%" in page.text
    figures = dict(zip(page.tree.xpath("//dt/text()"), page.tree.xpath("//dd/text()"), strict=True))
    assert figures == {"Waiting": "4,000", "Sent": "8,000", "Skipped": "0", "Failed": "0"}


def test_the_page_of_a_campaign_is_loaded_anew_only_where_no_script_can_follow_it(
    staff: Visitor, services: FakeServices
) -> None:
    campaign = a_campaign(services)
    page = staff.get(CAMPAIGN)
    assert "Refresh" not in page.headers
    assert page.tree.xpath("//head/noscript/meta[@http-equiv='refresh']")
    fragment = staff.get(page.one("//*[@data-follow]").get("data-follow"))
    assert "<html" not in fragment.html
    panel = fragment.one("//section[@data-again]")
    assert panel.get("data-told") == "10 percent done"
    campaign.state, campaign.queued, campaign.sent = campaigns_pb2.CAMPAIGN_STATE_DONE, 0, 50_000
    fragment = staff.get(f"{CAMPAIGN}/progress")
    assert fragment.one("//section").get("data-told") == "Done: 50,000 emails sent"
    assert not fragment.tree.xpath("//*[@data-again]")
    assert not staff.get(CAMPAIGN).tree.xpath("//noscript[meta]")


def test_a_campaign_is_done_in_full_once_its_last_mail_has_left(
    staff: Visitor, services: FakeServices
) -> None:
    campaign = a_campaign(services, state=DONE, total=11, queued=1, sent=10, skipped=2, examined=13)
    page = staff.get(CAMPAIGN)
    assert "1 email waits to leave" in page.text
    assert "92%" in page.text
    campaign.queued, campaign.sent = 0, 11
    assert "100%" in staff.get(CAMPAIGN).text


def test_a_campaign_too_large_to_count_is_for_at_least_so_many(
    staff: Visitor, services: FakeServices
) -> None:
    a_campaign(services, total=100_000)
    assert "Account summaries to at least 100,000 organizations" in staff.get(CAMPAIGN).text


def test_what_is_too_large_to_count_says_at_least_so_many_where_it_is_asked_for(
    staff: Visitor, services: FakeServices
) -> None:
    services.campaigns.at_least = True
    page = staff.get(SUMMARY)
    assert "At least 3 organizations would get it" in page.text
    assert "Send to all, at least 3 organizations" in page.text
    page = staff.get(f"{WELCOME}/who?profile=billing")
    assert "At least 3 contacts would get a welcome email" in page.text
    assert "Send to all, at least 3 contacts" in page.text
    assert "Invite at least 3 contacts" in page.text


def test_a_campaign_names_who_was_skipped_and_why(staff: Visitor, services: FakeServices) -> None:
    a_campaign(services, state=DONE, total=11, examined=13, queued=0, sent=11, skipped=2)
    services.scheduler.notices = [
        a_notice("ACME", NOTICE_STATE_SENT, "A person asked for it."),
        a_notice("BOLT", NOTICE_STATE_SKIPPED, "The organization is excluded."),
        a_notice("CAFE", NOTICE_STATE_SKIPPED, "No address of it can be used.", campaign_id="another"),
    ]
    page = staff.get(CAMPAIGN)
    told = page.one("//section[@aria-labelledby='skipped']").text_content()
    assert "Bolt & Sons" in told
    assert "The organization is excluded." in told
    assert "Acme" not in told
    every = staff.get(page.one("//a[contains(., 'See each email')]").get("href"))
    assert [one.text for one in every.tree.xpath("//tbody//th/a")] == ["Acme Corporation", "Bolt & Sons"]
    assert every.one("//a[.='View email']").get("href") == "/history/n-ACME"
    assert (
        "Acme"
        not in staff.get(f"{CAMPAIGN}/emails?state={NOTICE_STATE_SKIPPED}").one("//tbody").text_content()
    )


def test_a_cancelled_campaign_says_what_had_left(staff: Visitor, services: FakeServices) -> None:
    campaign = a_campaign(services)
    page = staff.send(staff.get(CAMPAIGN).form("/cancel"))
    assert campaign.state == campaigns_pb2.CAMPAIGN_STATE_CANCELLED
    assert "8,000 emails had left before." in page.text
    assert not page.tree.xpath("//*[@data-again]")
    assert not page.tree.xpath("//form[contains(@action, '/cancel')]")


def test_a_campaign_whose_mails_still_wait_can_be_cancelled_and_keeps_others_from_beginning(
    staff: Visitor, services: FakeServices
) -> None:
    campaign = a_campaign(services, state=DONE)
    assert "robin@harbor.example began is still at work" in staff.get(SUMMARY).text
    staff.send(staff.get(CAMPAIGN).form("/cancel"))
    assert campaign.state == campaigns_pb2.CAMPAIGN_STATE_CANCELLED


def test_a_campaign_that_was_done_meanwhile_is_not_called_cancelled(
    staff: Visitor, services: FakeServices
) -> None:
    campaign = a_campaign(services)
    form = staff.get(CAMPAIGN).form("/cancel")
    campaign.state, campaign.queued = DONE, 0
    assert "It had been done before it could be cancelled." in staff.send(form).text


def test_past_campaigns_stay_listed(staff: Visitor, services: FakeServices) -> None:
    a_campaign(services, state=DONE, failed=2)
    listed = staff.get(SUMMARY).one("//section[@aria-labelledby='past']").text_content()
    assert "50,000" in listed
    assert "robin@harbor.example" in listed


def test_a_campaign_that_does_not_exist_is_not_found(staff: Visitor) -> None:
    assert staff.get("/client-emails/campaigns/none").status == 404


# Invitations


def test_invitations_leave_out_who_came_before_and_hide_all_but_active_at_first(staff: Visitor) -> None:
    form = staff.get(WELCOME).form("/welcome/who")
    assert dict(form.form_values()) == {
        "profile": "billing",
        "hide_status": "associated",
        "without_signed_in": "y",
        "without_invited": "y",
    }
    hidden = form.xpath(".//input[@name='hide_status'][@checked]/@value")
    assert hidden == ["inactive", "associated"]


def test_who_is_invited_is_shown_before_anything_is_sent(staff: Visitor, services: FakeServices) -> None:
    services.ledger.organizations["BOLT"].type = "Residential"
    services.ledger.organizations["CAFE"].contacts[0].signed_in_at.CopyFrom(
        timestamp(datetime(2026, 1, 1, tzinfo=UTC))
    )
    path = f"{WELCOME}/who?profile=billing&hide_type=Residential&without_signed_in=y"
    page = staff.get(path)
    assert "1 contact would get a welcome email" in page.text
    assert "1 contact is left out: signed in or invited before." in page.text
    assert page.tree.xpath("//td[@class='address']")[0].text_content() == "dana@acme.example"
    assert services.campaigns.requests("StartCampaign") == []
    shown = staff.send(page.form("/welcome/send"))
    [order] = services.campaigns.requests("StartCampaign")
    assert order.audience == services.campaigns.requests("CountCampaign")[0].audience
    assert list(order.audience.contacts.without_types) == ["Residential"]
    assert order.audience.contacts.without_signed_in
    assert not order.audience.contacts.without_invited
    assert "0 of 1 contact looked at" in shown.text


def test_a_profile_that_is_gone_leads_back_with_the_reason_and_what_else_was_chosen(staff: Visitor) -> None:
    page = staff.get(f"{WELCOME}/who?profile=gone&hide_type=Managed&without_invited=y")
    assert page.path == WELCOME
    assert alert(page) == "Choose a client profile."
    assert page.tree.xpath("//input[@checked]/@id") == ["hide_type-Managed", "without_invited-y"]


def test_changing_whom_keeps_what_was_chosen(staff: Visitor) -> None:
    page = staff.get(f"{WELCOME}/who?profile=billing&hide_type=Managed&hide_status=inactive")
    again = staff.get(page.one("//a[.='Change whom']").get("href"))
    ticked = again.tree.xpath("//input[@checked]/@value")
    assert ticked == ["Managed", "inactive"]


def test_without_any_profile_in_use_the_page_says_what_to_do_first(
    staff: Visitor, services: FakeServices
) -> None:
    for contact in services.accounts.all_contacts():
        contact.profile_id = ""
    page = staff.get(WELCOME)
    assert page.one("//a[.='Give profiles to contacts']").get("href") == "/settings/profiles/assign"


@pytest.mark.parametrize("path", [SUMMARY, WELCOME])
def test_pages_of_campaigns_say_so_while_the_scheduler_is_away(
    staff: Visitor, services: FakeServices, path: str
) -> None:
    services.campaigns.is_away = True
    assert staff.get(path).status == 503

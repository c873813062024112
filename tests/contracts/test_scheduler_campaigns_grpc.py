"""Campaigns as the scheduler's peers see them, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dunlin.events.v1 import events_pb2
from dunlin.scheduler.v1 import campaigns_pb2 as pb
from dunlin.scheduler.v1 import emails_pb2, notices_pb2, scheduler_pb2

from tests.contracts.scheduler_program import SchedulerProgram, refused, running
from tests.fakes.scheduler_accounts_server import ANYBODY
from tests.servers import DATABASES, MigratedUrl

WELCOME, SUMMARY = notices_pb2.NOTICE_TYPE_WELCOME, notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY
BILLING = pb.Audience(contacts=pb.ContactAudience(profile_id=ANYBODY, without_signed_in=True))
DEBTORS = pb.Audience(debtors=pb.DebtorAudience())


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        yield program


def start(peers: SchedulerProgram, audience: pb.Audience, campaign_id: str = "c-1") -> pb.Campaign:
    return peers.campaigns.StartCampaign(
        pb.StartCampaignRequest(campaign_id=campaign_id, audience=audience, started_by="sam@x.test")
    )


def get(peers: SchedulerProgram, campaign_id: str = "c-1") -> pb.Campaign:
    return peers.campaigns.GetCampaign(pb.GetCampaignRequest(campaign_id=campaign_id))


def test_the_story_of_a_mass_welcome(peers: SchedulerProgram) -> None:
    peers.accounts.contacts = 2_503  # the first has signed in, the last has no profile
    count = peers.campaigns.CountCampaign(pb.CountCampaignRequest(audience=BILLING, page_size=2))
    assert (count.total, count.unreachable, count.left_out, count.at_least) == (2_501, 0, 1, False)
    assert [(one.contact_id, one.email) for one in count.members] == [
        (2, "p2@acme.test"),
        (3, "p3@acme.test"),
    ]
    following = peers.campaigns.CountCampaign(
        pb.CountCampaignRequest(audience=BILLING, page_size=2, page_token=count.next_page_token)
    )
    assert ([one.contact_id for one in following.members], following.total) == ([4, 5], 2_501)

    assert peers.backlog() == 0
    began = start(peers, BILLING)
    assert peers.backlog() == 1, "who waits for the end of all work waits for it, too"
    assert (began.type, began.state, began.total) == (WELCOME, pb.CAMPAIGN_STATE_RUNNING, 2_501)
    assert start(peers, BILLING) == began
    assert refused(lambda: start(peers, BILLING, "c-2")).reason == "CAMPAIGN_RUNNING"
    assert refused(lambda: start(peers, DEBTORS)).reason == "CAMPAIGN_DIFFERS"
    peers.run("campaigns")
    done = get(peers)
    assert (done.state, done.examined, done.queued) == (pb.CAMPAIGN_STATE_DONE, 2_501, 2_501)
    assert done.HasField("ended_at")
    assert (done.audience, done.started_by) == (BILLING, "sam@x.test")

    page = peers.scheduler.ListNotices(scheduler_pb2.ListNoticesRequest(campaign_id="c-1", page_size=1))
    (notice,) = page.notices
    letter = peers.review(notice.notice_id).letter
    assert (letter.access.contact_id, [to.email for to in letter.recipients]) == (
        notice.contact_id,
        [notice.email],
    )
    again = pb.Audience(contacts=pb.ContactAudience(profile_id=ANYBODY, without_invited=True))
    count = peers.campaigns.CountCampaign(pb.CountCampaignRequest(audience=again))
    assert (count.total, count.left_out) == (1, 2_501), "only who has signed in was not invited"


def test_a_cancelled_campaign_withholds_what_has_not_left(peers: SchedulerProgram) -> None:
    began = start(peers, DEBTORS)
    assert (began.type, began.total) == (SUMMARY, 1)
    peers.run("campaigns")
    (summary,) = peers.notices()
    assert peers.review(summary.notice_id).HasField("letter"), "the type need not be on"
    welcome = start(peers, pb.Audience(contacts=pb.ContactAudience(profile_id=ANYBODY)), "c-2")
    assert welcome.state == pb.CAMPAIGN_STATE_RUNNING
    cancel = pb.CancelCampaignRequest(campaign_id="c-2")
    ended = peers.campaigns.CancelCampaign(cancel)
    assert (ended.state, ended.HasField("ended_at")) == (pb.CAMPAIGN_STATE_CANCELLED, True)
    assert peers.campaigns.CancelCampaign(cancel) == ended
    peers.run("campaigns", "withdrawing")
    assert get(peers, "c-2") == ended
    listed = peers.campaigns.ListCampaigns(pb.ListCampaignsRequest()).campaigns
    assert [one.campaign_id for one in listed] == ["c-2", "c-1"]
    listed = peers.campaigns.ListCampaigns(pb.ListCampaignsRequest(type=SUMMARY)).campaigns
    assert [one.campaign_id for one in listed] == ["c-1"]


def test_whom_no_address_would_get_it_is_counted_apart(peers: SchedulerProgram) -> None:
    peers.accounts.contacts = 6
    peers.hear(address_suppressed=events_pb2.AddressSuppressed(email="p2@acme.test", reason="BY_STAFF"))
    peers.emails.Unsubscribe(emails_pb2.UnsubscribeRequest(type=WELCOME, email="p3@acme.test"))
    count = peers.campaigns.CountCampaign(pb.CountCampaignRequest(audience=BILLING, page_size=1))
    assert (count.total, count.suppressed, count.unsubscribed, count.left_out) == (2, 1, 1, 1)
    assert [one.contact_id for one in count.members] == [4]
    assert start(peers, BILLING).total == 2


def test_refusals_carry_their_reason(peers: SchedulerProgram) -> None:
    many = pb.Audience(contacts=pb.ContactAudience(profile_id="p", without_types=map(str, range(101))))
    c = peers.campaigns
    cases = [
        (lambda: start(peers, pb.Audience()), "PROFILE_MISSING"),
        (lambda: start(peers, many), "TOO_MANY_VALUES"),
        (lambda: start(peers, DEBTORS, "c|1"), "REQUEST_ID_MALFORMED"),
        (lambda: get(peers, "none"), "CAMPAIGN_MISSING"),
        (lambda: c.CancelCampaign(pb.CancelCampaignRequest(campaign_id="none")), "CAMPAIGN_MISSING"),
        (lambda: c.CountCampaign(pb.CountCampaignRequest(audience=many)), "TOO_MANY_VALUES"),
        (
            lambda: c.CountCampaign(pb.CountCampaignRequest(audience=DEBTORS, page_size=-1)),
            "PAGE_SIZE_INVALID",
        ),
        (
            lambda: c.CountCampaign(pb.CountCampaignRequest(audience=DEBTORS, page_token="?")),
            "PAGE_TOKEN_INVALID",
        ),
    ]
    assert [refused(call).reason for call, _ in cases] == [reason for _, reason in cases]
    assert list(c.ListCampaigns(pb.ListCampaignsRequest()).campaigns) == []

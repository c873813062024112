"""Rules, time zones and invitations over gRPC: a whole scheduler before real books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from dunlin.paynow.v1 import accounts_pb2, ledger_pb2
from dunlin.scheduler.v1 import campaigns_pb2, emails_pb2
from dunlin.scheduler.v1 import scheduler_pb2 as pb

from tests.contracts.scheduler_and_books import Office, open_office
from tests.contracts.test_paynow_ledger_grpc import a_record
from tests.servers import DATABASES, MigratedUrl

DUE_ON = date(2031, 5, 20)


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl) -> Iterator[Office]:
    with open_office(request.param, tmp_path, migrated_url) as office:
        yield office


def thresholds_told(office: Office, days: int) -> list[tuple[str, int, int]]:
    """Invoice, rule and days past due of each letter of a run so many days after the due date."""
    letters = office.run_for(DUE_ON + timedelta(days=days))
    return [(one.invoice.number, one.due.threshold_days, one.due.days_past_due) for one in letters]


def test_due_notices_go_on_the_days_of_the_rules_that_are_on(office: Office) -> None:
    shipped = office.scheduler.ListRules(pb.ListRulesRequest()).rules
    assert [rule.threshold_days for rule in shipped] == [-5, 15, 30, 45, 60, 90]
    assert not any(rule.enabled for rule in shipped)
    office.take_in(a_record(1, "O-1", "1001", due_on=DUE_ON.isoformat()))
    office.scheduler.AddRule(pb.AddRuleRequest(threshold_days=22))
    for threshold in (-5, 15, 22, 30):
        office.set_rule(threshold, on=threshold != 15)
    found = {days: thresholds_told(office, days) for days in (-6, -5, -4, 15, 21, 22, 23, 29)}
    assert {days: told for days, told in found.items() if told} == {
        -5: [("1001", -5, -5)],
        22: [("1001", 22, 22)],
    }
    office.scheduler.RemoveRule(pb.RemoveRuleRequest(threshold_days=30))
    assert thresholds_told(office, 30) == []
    office.set_rule(45, on=True)
    assert thresholds_told(office, 46) == [("1001", 45, 46)], "of a run that comes late, too"


def test_of_all_rules_reached_only_the_latest_goes(office: Office) -> None:
    office.take_in(a_record(1, "O-1", "1001", due_on=DUE_ON.isoformat()))
    for threshold in (15, 30, 45, 60):
        office.set_rule(threshold, on=True)
    assert thresholds_told(office, 50) == [("1001", 45, 50)]
    superseded = {one.threshold_days for one in office.notices() if one.reason == "LARGER_THRESHOLD_REACHED"}
    assert superseded == {15, 30}
    assert thresholds_told(office, 51) == []


def test_an_organization_with_a_time_zone_of_its_own_follows_it(office: Office) -> None:
    office.set_calendar(time_zone="America/New_York")
    far_east = ledger_pb2.OrganizationDetails(time_zone="Pacific/Kiritimati")
    office.take_in(
        a_record(1, "O-1", "1001", due_on=DUE_ON.isoformat()),
        a_record(2, "O-2", "2001", due_on=DUE_ON.isoformat(), organization=far_east),
    )
    office.set_rule(15, on=True)
    told = [thresholds_told(office, days) for days in (13, 14, 15)]
    assert told == [[], [("2001", 15, 15)], [("1001", 15, 15)]]


def test_an_audience_leaves_out_the_types_and_statuses_that_are_hidden(office: Office) -> None:
    clients = [("O-1", "Gym", "active"), ("O-2", "Gym", "inactive"), ("O-3", "Clinic", "active")]
    office.take_in(
        *(
            a_record(n, id, f"{n}001", contact_profile="billing",
                     organization=ledger_pb2.OrganizationDetails(type=type, status=status))
            for n, (id, type, status) in enumerate(clients, 1)
        )
    )  # fmt: skip
    for hidden, left in (
        ({}, ["O-1", "O-2", "O-3"]),
        ({"without_types": ["Clinic"]}, ["O-1", "O-2"]),
        ({"without_statuses": ["inactive"]}, ["O-1", "O-3"]),
        ({"without_types": ["Clinic"], "without_statuses": ["inactive"]}, ["O-1"]),
    ):
        audience = campaigns_pb2.Audience(
            contacts=campaigns_pb2.ContactAudience(profile_id="billing", **hidden)
        )
        counted = office.campaigns.CountCampaign(campaigns_pb2.CountCampaignRequest(audience=audience))
        assert [one.organization_id for one in counted.members] == left
        assert counted.total == len(left)
    start(office, audience)
    (invitation,) = office.notices()
    assert addresses_of(office, invitation.notice_id) == ["ana@o-1.test"]


def test_what_a_cancelled_campaign_has_queued_is_withheld(office: Office) -> None:
    office.take_in(a_record(1, "O-1", "1001", contact_profile="billing"))
    everybody = campaigns_pb2.ContactAudience(profile_id="billing")
    start(office, campaigns_pb2.Audience(contacts=everybody))
    (invitation,) = office.notices()
    assert addresses_of(office, invitation.notice_id) == ["ana@o-1.test"]
    office.campaigns.CancelCampaign(campaigns_pb2.CancelCampaignRequest(campaign_id="c-1"))
    assert office.review(invitation.notice_id).withheld.reason == "CAMPAIGN_CANCELLED"


def test_a_mail_to_a_contact_goes_to_the_one_address_that_was_chosen(office: Office) -> None:
    emails = ["ana@o-1.test", "ana.home@o-1.test"]
    office.take_in(a_record(1, "O-1", "1001", contact_emails=emails, contact_profile="billing"))
    asked = accounts_pb2.FindContactsRequest(email=emails[0])
    (contact,) = office.accounts.FindContacts(asked).contacts
    for email in emails:
        welcome = emails_pb2.SendWelcomeRequest(request_id="r", contact_id=contact.contact_id, email=email)
        reset = emails_pb2.SendPasswordResetRequest(
            request_id="r", contact_id=contact.contact_id, email=email
        )
        for sent in (office.emails.SendWelcome(welcome), office.emails.SendPasswordReset(reset)):
            assert addresses_of(office, sent.notice_id) == [email]


def start(office: Office, audience: campaigns_pb2.Audience) -> None:
    """Starts the campaign c-1 and lets it come to its end."""
    request = campaigns_pb2.StartCampaignRequest(
        campaign_id="c-1", audience=audience, started_by="sam@x.test"
    )
    office.campaigns.StartCampaign(request)
    office.run("campaigns")


def addresses_of(office: Office, notice_id: str) -> list[str]:
    """Where the second look lets it go."""
    return [to.email for to in office.review(notice_id).letter.recipients]

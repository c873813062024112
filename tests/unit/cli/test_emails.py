"""What `dunlin emails`, `dunlin campaigns` and `dunlin exclusions` print and how they end."""

from __future__ import annotations

from dunlin.scheduler.v1 import emails_pb2, notices_pb2

from tests.unit.cli.test_commands import Dunlin, FakeCompany, company, dunlin
from tests.unit.cli.test_dead_letters import answering

__all__ = ["company", "dunlin"]

SUMMARY = notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY


def test_types_are_listed_switched_and_counted(dunlin: Dunlin, company: FakeCompany) -> None:
    listed = {one["type"]: one for one in dunlin("emails", "list", "--json").lines}
    assert (listed["account_summary"]["enabled"], listed["payment_failed"]["enabled"]) == (False, True)
    assert "account_summary" in dunlin("emails", "list").out
    company.services.emails.types[SUMMARY].profile_ids.append("billing")
    ran = dunlin("emails", "on", "account_summary", "--include-due")
    assert (ran.code, ran.out) == (0, "account_summary is on\n")
    saved = company.services.emails.types[SUMMARY]
    assert (saved.enabled, list(saved.profile_ids)) == (True, ["billing"]), "all else stays"
    assert company.services.emails.requests("UpdateEmailType")[-1].include_due
    assert dunlin("emails", "off", "account_summary", "--json").lines[0]["enabled"] is False
    company.services.emails.count = emails_pb2.EmailCount(due_now=2, organizations=3, at_least=True)
    assert dunlin("emails", "count", "upcoming_payments").out.startswith(
        "at least 3 organizations would get it, 2 are due now\n"
    )
    assert dunlin("emails", "on", "welcome").code == 2


def test_what_is_due_already_is_left_out_unless_it_is_asked_for(dunlin: Dunlin, company: FakeCompany) -> None:
    for arguments, includes_due in ((), False), (("--include-due",), True):
        assert dunlin("emails", "on", "upcoming_payments", *arguments).code == 0
        assert company.services.emails.requests("UpdateEmailType")[-1].include_due is includes_due
        assert dunlin("emails", "off", "upcoming_payments").code == 0
        assert company.services.emails.requests("UpdateEmailType")[-1].include_due is False


def test_a_summary_by_hand_says_what_became_of_it(dunlin: Dunlin, company: FakeCompany) -> None:
    organization_id = next(iter(company.services.ledger.organizations))
    first = dunlin("emails", "send-summary", organization_id, "--request-id", "r-1", "--json")
    again = dunlin("emails", "send-summary", organization_id, "--request-id", "r-1", "--json")
    assert (first.code, first.lines[0]["state"]) == (0, "queued")
    assert first.lines == again.lines
    company.services.ledger.invoices.clear()
    assert dunlin("emails", "send-summary", organization_id).code == 1
    assert dunlin("emails", "send-summary", "nobody").code == 3


def test_campaigns_ask_before_they_begin(dunlin: Dunlin, company: FakeCompany) -> None:
    assert dunlin("campaigns", "list").err == "There has been no campaign yet.\n"
    with answering("n"):
        assert dunlin("campaigns", "summaries").code != 0
    assert company.services.campaigns.campaigns == {}
    ran = dunlin("campaigns", "summaries", "--yes", "--id", "c-1")
    assert ran.code == 0
    assert ran.out.startswith("Campaign c-1 to ")
    assert dunlin("campaigns", "summaries", "--yes").code == 3, "one is at work"
    (welcome,) = dunlin(
        "campaigns", "welcome", "--profile", "billing", "--yes", "--without-status", "inactive", "--json"
    ).lines
    started = company.services.campaigns.campaigns[welcome["campaign_id"]].audience.contacts
    assert (started.without_invited, started.without_signed_in) == (True, True)
    assert list(started.without_statuses) == ["inactive"]
    listed = dunlin("campaigns", "list", "--json").lines
    assert [one["type"] for one in listed] == ["welcome", "account_summary"]
    assert "welcome" in dunlin("campaigns", "list").out
    assert dunlin("campaigns", "cancel", "c-1", "--json").lines[0]["state"] == "cancelled"
    assert dunlin("campaigns", "cancel", "none").code == 3


def test_every_list_of_exclusions_can_be_named(dunlin: Dunlin, company: FakeCompany) -> None:
    organization_id = next(iter(company.services.ledger.organizations))
    for name in ("account-summaries", "no_type"):
        assert dunlin("exclusions", "add", name, organization_id).code == 2
    for name in ("due-notices", "account_summary", "upcoming_payments", "upcoming-payments"):
        ran = dunlin("exclusions", "add", name, organization_id, "--json")
        assert ran.code == 0, ran.err
        assert ran.lines[0]["type"] == name.replace("-", "_").removesuffix("s") or name.startswith("upcoming")

"""What `dunlin pauses` prints and how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dunlin.scheduler.v1 import pauses_pb2 as pb

from tests.unit.cli.test_commands import Dunlin, FakeCompany, company, dunlin

__all__ = ["company", "dunlin"]


def until(company: FakeCompany, days: int = 10) -> str:
    return (company.services.today + timedelta(days=days)).isoformat()


def test_a_pause_is_added_listed_and_ended(dunlin: Dunlin, company: FakeCompany) -> None:
    options = ("--organization", "ACME", "--reason", "promise", "--until", until(company), "--note", "called")
    ran = dunlin("pauses", "add", *options, "--id", "p-1")
    assert ran.out == f"Pause p-1: no reminders to ACME until {until(company)}.\n"
    assert dunlin("pauses", "add", *options, "--id", "p-1").code == 0, "a repeat is harmless"
    assert dunlin("pauses", "add", *options).code == 3, "it is paused already"
    [listed] = dunlin("pauses", "list", "--json").lines
    assert (listed["pause_id"], listed["reason"], listed["state"]) == ("p-1", "promise", "in_force")
    assert (listed["note"], listed["added_by"], listed["invoice_id"]) == ("called", "dunlin", None)
    assert "p-1" in dunlin("pauses", "list").out
    assert dunlin("pauses", "end", "p-1").out == "Reminders to ACME go again from the next run on.\n"
    assert company.services.pauses.pauses["p-1"].ended_by == "dunlin"
    assert dunlin("pauses", "list").err == "There is no such pause.\n"
    [ended] = dunlin("pauses", "end", "p-1", "--json").lines
    assert ended["state"] == "ended"
    assert dunlin("pauses", "end", "p-9").code == 3


def test_a_repeat_does_not_claim_a_pause_that_has_ended(dunlin: Dunlin, company: FakeCompany) -> None:
    options = ("--organization", "ACME", "--reason", "dispute", "--until", until(company), "--id", "p-1")
    dunlin("pauses", "add", *options)
    dunlin("pauses", "end", "p-1")
    ran = dunlin("pauses", "add", *options)
    assert (ran.code, ran.out) == (1, "Pause p-1 was added before and does not hold any more: ended.\n")
    ran = dunlin("pauses", "add", *options, "--json")
    assert (ran.code, ran.lines[0]["state"]) == (1, "ended")


def test_a_pause_of_an_invoice_may_take_the_place_of_another(dunlin: Dunlin, company: FakeCompany) -> None:
    def pause(*more: str) -> dict[str, object]:
        options = ("--invoice", "1", "--reason", "dispute", "--until", until(company), "--json")
        [made] = dunlin("pauses", "add", *options, *more).lines
        return made

    first = pause("--id", "p-1")
    assert (first["invoice_id"], first["invoice_number"]) == (1, company.services.ledger.invoices[1].number)
    pause("--replaces", "p-1")
    assert company.services.pauses.pauses["p-1"].state == pb.PAUSE_STATE_REPLACED


def test_the_help_says_what_a_pause_stops_and_claims_no_more(dunlin: Dunlin) -> None:
    words = " ".join(dunlin("pauses", "add", "--help").out.split())
    assert "Pause due notices and account summaries to it." in words
    assert "everything" not in words


def test_broken_promises_are_listed_by_themselves(dunlin: Dunlin, company: FakeCompany) -> None:
    company.services.pauses.put("p-1")
    company.services.pauses.put("p-2", organization_id="BOLT", state=pb.PAUSE_STATE_PROMISE_BROKEN)
    assert [one["pause_id"] for one in dunlin("pauses", "list", "--show", "broken", "--json").lines] == [
        "p-2"
    ]
    assert len(dunlin("pauses", "list", "--show", "all", "--json").lines) == 2
    assert len(dunlin("pauses", "list", "--show", "all", "--organization", "BOLT", "--json").lines) == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--reason", "dispute", "--until", "2199-01-01"), 2),
        (("--organization", "ACME", "--invoice", "1", "--reason", "dispute", "--until", "2199-01-01"), 2),
        (("--organization", "ACME", "--until", "2199-01-01"), 2),
        (("--organization", "ACME", "--reason", "dispute"), 2),
        (("--organization", "ACME", "--reason", "dispute", "--until", "soon"), 3),
        (("--organization", "NOBODY", "--reason", "dispute", "--until", "2199-01-01"), 3),
    ],
)
def test_what_is_wrong_ends_with_a_code_and_pauses_nothing(
    dunlin: Dunlin, company: FakeCompany, options: tuple[str, ...], code: int
) -> None:
    ran = dunlin("pauses", "add", *options)
    assert (ran.code, company.services.pauses.pauses) == (code, {})
    assert ran.err

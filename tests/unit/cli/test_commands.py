"""What commands print and how they end, over services in memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from dunlin.operations.v1 import operations_pb2
from dunlin.paynow.v1 import ledger_pb2
from dunlin.scheduler.v1 import scheduler_pb2

from gateway.cli.app import run
from gateway.cli.company import Company, Session
from services.shared.errors import Busy
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_rpc import away

HEADER = (
    "organization_id,organization_name,contact_name,contact_email,invoice_number,issued_on,due_on,"
    "currency,amount,balance,status"
)
LINE = "o1,Acme,Ann,ann@example.test,0001,2026-01-01,2026-01-31,USD,100.00,100.00,open"


@dataclass
class FakeCompany:
    """What commands see of a company."""

    services: FakeServices

    def __getattr__(self, name: str) -> Any:
        return getattr(self.services, name)

    @property
    def calendar(self) -> scheduler_pb2.Calendar:
        return self.services.scheduler.calendar


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def company() -> FakeCompany:
    return FakeCompany(a_story())


@pytest.fixture
def dunlin(company: FakeCompany, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def call(*arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        session = Session(env or {}, lambda _env: cast(Company, company))
        capsys.readouterr()
        code = run(arguments, session)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return call


Dunlin = Callable[..., Ran]


def test_a_sync_reports_what_was_taken_in(dunlin: Dunlin, company: FakeCompany, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}\n{LINE}\n")
    ran = dunlin("sync", str(path))
    assert (ran.code, ran.out) == (0, "2 added, 1 changed, 4 unchanged, 0 refused\n")
    assert [record.invoice_number for record in company.services.ledger.synced] == ["0001"]


def test_a_sync_with_refused_lines_names_them_and_ends_with_one(
    dunlin: Dunlin, company: FakeCompany, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}\n{LINE}\n")
    company.services.ledger.report = ledger_pb2.SyncReport(
        refused=1,
        refusals=[
            ledger_pb2.LineRefusal(line=2, field="amount", reason="AMOUNT_MALFORMED", message="is no amount")
        ],
    )
    ran = dunlin("sync", str(path))
    assert (ran.code, ran.err) == (1, "line 2: amount: is no amount (AMOUNT_MALFORMED)\n")
    assert dunlin("sync", str(path), "--json").lines == [
        {
            "added": 0,
            "changed": 0,
            "unchanged": 0,
            "refused": 1,
            "refusals": [
                {"line": 2, "field": "amount", "reason": "AMOUNT_MALFORMED", "message": "is no amount"}
            ],
        }
    ]


def test_a_file_that_is_no_list_is_refused_before_anything_is_sent(
    dunlin: Dunlin, company: FakeCompany, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}\n{LINE},surplus\n")
    ran = dunlin("sync", str(path))
    assert ran.code == 3
    assert "Line 2 has 12 cells" in ran.err
    assert company.services.ledger.requests("SyncBooks") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync", "/nowhere/list.csv"),
        ("sync", "LIST", "--as-of", "2026-01-01"),
        ("sync", "LIST", "--format", "ibm-late-payments", "--as-of", "yesterday"),
        ("sync", "LIST", "--map", "balance"),
        ("sync", "LIST", "--format", "excel"),
        ("sync", "LIST", "--format", "ibm-late-payments", "--as-of", "2026-W05-6"),
        ("tick", "--as-of", "noon"),
        ("tick", "--as-of", "2026-W05-6"),
        ("tick", "--as-of", "2026-W05-6T09:00"),
        ("tick", "--as-of", "20260131"),
        ("rules", "add"),
        ("rules", "add", "--before", "5", "--after", "5"),
        ("rules", "enable", "--after", "0"),
        ("rules", "enable", "--after", "٣"),
        ("rules", "enable", "--after", "1_5"),
        ("exclusions", "add", "receipts", "ACME"),
        ("payments", "acknowledge"),
        ("nonsense",),
    ],
)
def test_a_call_that_makes_no_sense_ends_with_two(
    dunlin: Dunlin, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}\n{LINE}\n")
    ran = dunlin(*(str(path) if argument == "LIST" else argument for argument in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert "Error: " in ran.err


def test_programs_that_are_away_or_busy_end_with_four(dunlin: Dunlin, company: FakeCompany) -> None:
    company.services.scheduler.refuse["RunTick"] = away()
    assert dunlin("tick").code == 4
    company.services.scheduler.refuse["RunTick"] = Busy("Another tick is running.", reason="TICK_RUNNING")
    ran = dunlin("tick")
    assert (ran.code, ran.err) == (4, "Error: Another tick is running. (TICK_RUNNING)\n")


def test_notices_are_one_object_a_line_with_exactly_these_fields(dunlin: Dunlin) -> None:
    [notice] = dunlin("notices", "--json").lines
    assert list(notice) == [
        "notice_id",
        "type",
        "organization_id",
        "invoice_number",
        "threshold_days",
        "state",
        "reason",
        "decided_at",
        "message_id",
    ]
    assert notice["type"] == "due_notice"
    assert notice["state"] == "sent"
    assert notice["threshold_days"] == 15
    assert notice["decided_at"].endswith("Z")


def test_notices_are_filtered_by_the_scheduler(dunlin: Dunlin, company: FakeCompany) -> None:
    assert dunlin("notices", "--json", "--invoice", "0007/B").lines == []
    assert dunlin("notices", "--json", "--state", "queued", "--organization", "ACME").lines == []
    assert "INV-0042" in dunlin("notices").out
    assert dunlin("notices", "--state", "held").out == "No notices.\n"


def test_why_tells_decisions_and_what_comes_next(dunlin: Dunlin, company: FakeCompany) -> None:
    ran = dunlin("why", "INV-0042")
    assert ran.code == 0
    assert "Acme Corporation" in ran.out
    assert "15 days past due" in ran.out
    assert "Next: 30 days past due, on " in ran.out
    [told] = dunlin("why", "INV-0042", "--json").lines
    assert told["balance"] == "1250.00"
    assert [(d["state"], d["reason"], d["threshold_days"]) for d in told["decisions"]] == [
        ("sent", "RULE_REACHED", 15)
    ]
    assert told["next"]["threshold_days"] == 30


def test_why_shows_every_organization_with_that_number(dunlin: Dunlin, company: FakeCompany) -> None:
    twin = company.services.add_invoice("BOLT", "INV-0042", days_past_due=1, balance_minor=100)
    company.services.scheduler.explanations[twin.invoice_id] = scheduler_pb2.Explanation(
        invoice_id=twin.invoice_id, now="Nothing."
    )
    assert [told["organization_id"] for told in dunlin("why", "INV-0042", "--json").lines] == ["ACME", "BOLT"]
    [told] = dunlin("why", "INV-0042", "--organization", "BOLT", "--json").lines
    assert (told["organization_id"], told["decisions"], told["next"]) == ("BOLT", [], None)


def test_why_about_a_number_that_nobody_has_is_a_refusal(dunlin: Dunlin) -> None:
    ran = dunlin("why", "42")
    assert ran.code == 3
    assert "No invoice has the number '42'" in ran.err


def test_rules_are_named_by_days_before_or_after(dunlin: Dunlin, company: FakeCompany) -> None:
    assert dunlin("rules", "add", "--before", "1").out == "The rule 1 day before was added, and is on.\n"
    assert dunlin("rules", "add", "--after", "20", "--disabled").code == 0
    assert dunlin("rules", "enable", "--after", "90").code == 0
    assert dunlin("rules", "disable", "--after", "15").code == 0
    assert dunlin("rules", "remove", "--before", "5").code == 0
    found = {rule["threshold_days"]: rule["enabled"] for rule in dunlin("rules", "list", "--json").lines}
    assert found == {-1: True, 15: False, 20: False, 30: True, 45: False, 60: False, 90: True}
    assert "15 days past due" in dunlin("rules", "list").out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("add", "--after", "15"), "RULE_EXISTS"),
        (("add", "--before", "400"), "THRESHOLD_OUT_OF_RANGE"),
        (("enable", "--after", "16"), "RULE_MISSING"),
        (("remove", "--after", "16"), "RULE_MISSING"),
    ],
)
def test_what_the_scheduler_refuses_ends_with_three(
    dunlin: Dunlin, arguments: tuple[str, ...], reason: str
) -> None:
    ran = dunlin("rules", *arguments)
    assert (ran.code, ran.out) == (3, "")
    assert reason in ran.err


@pytest.mark.parametrize("notice_type", ["due_notice", "due-notices", "due_notices", "DUE_NOTICE"])
def test_exclusions_are_added_listed_and_removed(dunlin: Dunlin, notice_type: str) -> None:
    assert dunlin("exclusions", "add", notice_type, "ACME").code == 0
    assert dunlin("exclusions", "add", notice_type, "ACME").code == 0
    [exclusion] = dunlin("exclusions", "list", "--json").lines
    assert (exclusion["type"], exclusion["organization_id"]) == ("due_notice", "ACME")
    assert "ACME" in dunlin("exclusions", "list", notice_type).out
    assert dunlin("exclusions", "remove", notice_type, "ACME").code == 0
    assert dunlin("exclusions", "list").out == "Nobody is excluded.\n"
    assert dunlin("exclusions", "remove", notice_type, "ACME").code == 3


def test_an_export_may_be_acknowledged_once_it_is_written(
    dunlin: Dunlin, company: FakeCompany, tmp_path: Path
) -> None:
    printed = dunlin("export", "payments").out
    [payment] = csv.DictReader(io.StringIO(printed))
    assert (payment["payment_id"], payment["amount"]) == ("payment-0", "100.00")
    path = tmp_path / "payments.csv"
    ran = dunlin("export", "payments", "--output", str(path), "--acknowledge")
    assert ran.code == 0
    assert path.read_bytes() == printed.replace("\n", "\r\n").replace("\r\r", "\r").encode()
    assert "1 payment is acknowledged" in ran.err
    assert len(dunlin("export", "payments").out.splitlines()) == 1


def test_an_export_for_accounting_imports_writes_texts_as_they_are(
    dunlin: Dunlin, company: FakeCompany, tmp_path: Path
) -> None:
    company.services.paynow.payments["payment-0"].organization_name = "+Plus & Sons"
    path = tmp_path / "payments.csv"
    assert dunlin("export", "payments", "--raw", "--output", str(path)).code == 0
    assert "+Plus & Sons" in path.read_text()
    for text, options in (("'+Plus & Sons", ()), ("+Plus & Sons", ("--raw",))):
        [payment] = csv.DictReader(io.StringIO(dunlin("export", "payments", *options).out))
        assert payment["organization_name"] == text


def test_payments_that_do_not_exist_cannot_be_acknowledged(dunlin: Dunlin) -> None:
    assert dunlin("payments", "acknowledge", "payment-0", "--json").lines == [
        {"acknowledged": 1, "repeated": 0}
    ]
    assert dunlin("payments", "acknowledge", "payment-9").code == 3


def test_drain_waits_for_two_quiet_looks(dunlin: Dunlin, company: FakeCompany) -> None:
    company.operations["mailer"].backlogs = [
        operations_pb2.Backlog(queue=2, activity=1),
        operations_pb2.Backlog(activity=2),
        operations_pb2.Backlog(activity=3),
    ]
    ran = dunlin("drain", "--timeout", "10")
    assert (ran.code, ran.out) == (0, "No work is left.\n")
    assert len(company.operations["mailer"].calls) == 4


def test_drain_says_what_is_left_when_the_time_is_up(dunlin: Dunlin, company: FakeCompany) -> None:
    company.operations["mailer"].backlogs = [operations_pb2.Backlog(queue=3, outbox=1)]
    company.operations["paynow"].is_away = True
    ran = dunlin("drain", "--timeout", "0.3", "--json")
    assert ran.code == 1
    assert ran.lines[0]["drained"] is False
    assert ran.lines[0]["mailer"] == {"outbox": 1, "inbox": 0, "queue": 3, "parked": 0}
    assert "3 in the queue of mailer, paynow does not answer" in ran.err


def test_drain_tells_of_facts_that_could_not_be_handled(dunlin: Dunlin, company: FakeCompany) -> None:
    company.operations["scheduler"].backlogs = [operations_pb2.Backlog(parked=2)]
    ran = dunlin("drain")
    assert ran.code == 1
    assert "2 facts could not be handled" in ran.err


def test_names_cannot_steer_the_terminal(dunlin: Dunlin, company: FakeCompany) -> None:
    company.services.ledger.organizations["ACME"].name = "x"
    company.services.ledger.invoices[1].organization_name = "Evil\x1b[2J [red]Corp"
    assert "Evil\ufffd[2J [red]Corp" in dunlin("why", "INV-0042").out


@pytest.mark.parametrize(
    ("command", "content"),
    [
        ("sync-methods", "organization_id,method_id,kind,expires\no1,m1,card,2027-09\n"),
        ("sync-plans", "organization_id,plan,status\no1,autopay,on\n"),
    ],
)
def test_lists_of_methods_and_plans_are_sent_and_reported(
    company: FakeCompany, dunlin: Callable[..., Ran], tmp_path: Path, command: str, content: str
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(content)
    ran = dunlin(command, str(file))
    assert (ran.code, ran.out) == (0, "1 added, 0 changed, 0 unchanged, 0 refused\n")
    assert len(company.services.accounts.synced) == 1
    company.services.accounts.report = ledger_pb2.SyncReport(
        refused=1,
        refusals=[ledger_pb2.LineRefusal(line=2, field="kind", reason="KIND_UNKNOWN", message="It is none.")],
    )
    refused = dunlin(command, str(file))
    assert refused.code == 1
    assert "line 2: kind: It is none. (KIND_UNKNOWN)" in refused.err

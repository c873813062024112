"""The story from the command line, over running programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import acts
from tests.e2e.company import Company, running_company

pytestmark = pytest.mark.timeout(300)

HEADER = (
    "organization_id,organization_name,contact_name,contact_email,invoice_number,issued_on,due_on,"
    "currency,amount,balance,status"
)
NOTICE_FIELDS = {
    "notice_id",
    "type",
    "organization_id",
    "invoice_number",
    "threshold_days",
    "state",
    "reason",
    "decided_at",
    "message_id",
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("cli") / "home") as company:
        yield company


@pytest.fixture(scope="module")
def today(company: Company) -> date:
    return date.fromisoformat(company.must("tick", "--dry-run", "--json").json["today"])


def _line(organization: str, number: str, due: date, *, balance: str = "100.00", status: str = "open") -> str:
    issued = due - timedelta(days=30)
    return (
        f"{organization},{organization} Inc,Ann,ann@{organization.lower()}.test,{number},"
        f"{issued},{due},USD,100.00,{balance},{status}"
    )


def _sync(company: Company, *lines: str, code: int = 0) -> dict[str, Any]:
    result = company.run("sync", "-", "--json", stdin="\n".join((HEADER, *lines, "")))
    assert result.code == code, result.err
    return result.json


def _notices(company: Company, *options: str) -> dict[tuple[str, str, int], str]:
    return {
        (line["organization_id"], line["invoice_number"], line["threshold_days"]): line["state"]
        for line in company.must("notices", "--json", *options).lines
    }


def test_the_story(company: Company, today: date, tmp_path: Path) -> None:
    books = tmp_path / "books.csv"
    lines = [
        _line("HARBOR", "007", today - timedelta(days=47)),
        _line("HARBOR", "008", today + timedelta(days=3)),
        _line("KESTREL", "007", today - timedelta(days=16)),
        _line("LUMEN", "L-1", today - timedelta(days=20)),
        _line("LUMEN", "L-2", today - timedelta(days=20), balance="0", status="paid"),
    ]
    books.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")

    assert company.must("sync", str(books)).out == "5 added, 0 changed, 0 unchanged, 0 refused\n"
    assert company.must("sync", str(books)).out == "0 added, 0 changed, 5 unchanged, 0 refused\n"

    rules = {
        rule["threshold_days"]: rule["enabled"] for rule in company.must("rules", "list", "--json").lines
    }
    assert rules == dict.fromkeys((-5, 15, 30, 45, 60, 90), False)
    for option in (("--before", "5"), ("--after", "15"), ("--after", "30"), ("--after", "45")):
        company.must("rules", "enable", *option)
    company.must("rules", "add", "--after", "20")
    company.must("rules", "remove", "--after", "20")
    company.must("exclusions", "add", "due_notice", "LUMEN")

    dry = company.must("tick", "--dry-run", "--json").json
    assert company.must("notices", "--json").lines == []
    wet = company.must("tick", "--json").json
    assert {**dry, "dry_run": False} == wet
    assert (wet["queued"], wet["superseded"], wet["skipped"]) == (3, 2, 1)
    company.drain()

    assert _notices(company) == {
        ("HARBOR", "007", 45): "sent",
        ("HARBOR", "007", 30): "superseded",
        ("HARBOR", "007", 15): "superseded",
        ("HARBOR", "008", -5): "sent",
        ("KESTREL", "007", 15): "sent",
        ("LUMEN", "L-1", 15): "skipped",
    }
    sent = company.must("notices", "--json", "--state", "sent").lines
    assert all(set(notice) == NOTICE_FIELDS for notice in sent)
    assert {mail["Message-ID"] for mail in company.mails()} == {notice["message_id"] for notice in sent}
    assert company.must("tick", "--json").json["queued"] == 0

    [told] = company.must("why", "L-1", "--json").lines
    assert [decision["reason"] for decision in told["decisions"]] == ["ORGANIZATION_EXCLUDED"]
    assert told["next"] == {"threshold_days": 30, "on": (today + timedelta(days=10)).isoformat()}
    assert len(company.must("why", "007", "--json").lines) == 2
    assert "superseded" in company.must("why", "007", "--organization", "HARBOR").out

    company.must("exclusions", "remove", "due_notice", "LUMEN")
    assert company.must("tick", "--json").json["queued"] == 1
    company.drain()
    assert len(company.mails()) == 4


def test_a_payment_waits_in_the_export_until_it_is_acknowledged(company: Company, today: date) -> None:
    _sync(company, _line("PAYER", "P-1", today + timedelta(days=30)))
    quote = acts.quote(company.clients, "ann@payer.test", "P-1", "40.00")
    payment = acts.confirm(company.clients, quote.quote_id)
    company.drain()
    [row] = csv.DictReader(io.StringIO(company.must("export", "payments").out))
    assert (row["payment_id"], row["invoice_number"], row["amount"]) == (payment.payment_id, "P-1", "40.00")
    [receipt] = company.must("notices", "--json", "--invoice", "P-1").lines
    assert (receipt["type"], receipt["state"], receipt["threshold_days"]) == ("payment_succeeded", "sent", 0)
    [told] = company.must("why", "P-1", "--json").lines
    assert told["balance"] == "60.00"

    company.must("payments", "acknowledge", payment.payment_id)
    company.must("payments", "acknowledge", payment.payment_id)
    assert list(csv.DictReader(io.StringIO(company.must("export", "payments").out))) == []
    [told] = company.must("why", "P-1", "--json").lines
    assert told["balance"] == "60.00"


def test_lines_that_are_refused_leave_the_others_alone(company: Company, today: date) -> None:
    report = _sync(
        company,
        _line("MIXED", "M-1", today),
        _line("MIXED", "M-2", today, balance="100.01"),
        _line("MIXED", "M-3", today),
        code=1,
    )
    assert (report["added"], report["refused"]) == (2, 1)
    [refusal] = report["refusals"]
    assert (refusal["line"], refusal["field"]) == (3, "balance")


def test_exit_codes_mean_something(company: Company, tmp_path: Path) -> None:
    assert company.run("sync", str(tmp_path / "missing.csv")).code == 2
    assert company.run("sync", "-", stdin="a;b;c\n").code == 3
    assert company.run("why", "nobody has this").code == 3
    assert company.run("rules", "add", "--after", "15").code == 3
    assert company.run("rules", "enable", "--after", "16").code == 3
    assert company.run("exclusions", "add", "due_notice", "NOBODY").code == 3
    assert company.run("payments", "acknowledge", "not-a-payment").code == 3
    assert company.run("tick", "--as-of", "nonsense").code == 2
    assert company.run("up").code == 3
    assert company.run("status").code == 0


def test_staff_are_added_once_and_with_a_password_that_is_fit(company: Company) -> None:
    made = company.must("staff", "add", "Ada@Example.test", "--name", "Ada", "--json").json
    assert (made["email"], made["name"]) == ("ada@example.test", "Ada")
    assert len(made["password"]) >= 12
    again = company.run("staff", "add", "ada@example.test")
    assert (again.code, "STAFF_EXISTS" in again.err) == (3, True)
    assert company.run("staff", "add", "not an address").code == 3
    assert company.run("staff", "add", "b@example.test", "--password-stdin", stdin="short\n").code == 3
    assert (
        company.run("staff", "add", "b@example.test", "--password-stdin", stdin="a long enough phrase\n").code
        == 0
    )

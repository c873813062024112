"""2,466 real invoices replayed against the running programs, and every notice compared with the oracle."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import notices_pb2

from tests.acceptance.oracle import Bill, read_bills
from tests.acceptance.replay import Replay
from tests.e2e.acts import drain
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).parents[2]
OUTPUT = REPOSITORY / "tests" / "output"
BEFORE, AFTER = {-5}, {15, 30, 45}


@pytest.fixture(scope="module")
def list_path() -> Path:
    path = Path(
        os.environ.get("DUNLIN_IBM_CSV") or REPOSITORY.parent / "shared" / "data" / "ibm_late_payments.csv"
    )
    if not path.is_file():
        missing = f"the real invoice list is not at {path}; name it in DUNLIN_IBM_CSV"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@pytest.fixture(scope="module")
def bills(list_path: Path) -> list[Bill]:
    return read_bills(list_path)


@pytest.fixture
def company(tmp_path: Path, list_path: Path) -> Iterator[Company]:
    with running_company(tmp_path / "home") as company:
        yield company


@pytest.fixture
def replay(company: Company, list_path: Path, bills: list[Bill]) -> Replay:
    clients = company.clients
    return Replay(clients.ledger, clients.scheduler, lambda: drain(clients), list_path, bills)


def test_day_by_day_every_notice_is_the_one_that_the_rule_asks_for(company: Company, replay: Replay) -> None:
    replay.prepare()
    replay.live_through(replay.days(), lambda _day: BEFORE | AFTER)
    agrees_with_the_oracle(company, replay, "daily")


def test_with_one_tick_a_week_only_the_highest_threshold_reached_goes_out(
    company: Company, replay: Replay
) -> None:
    replay.prepare()
    replay.live_through(replay.days(7), lambda _day: BEFORE | AFTER)
    agrees_with_the_oracle(company, replay, "weekly")


def test_rules_enabled_late_send_each_invoice_at_most_the_highest(company: Company, replay: Replay) -> None:
    """Those past due begin half way, those before later still, and two of them pause for a summer.

    Four more thresholds close together and a tick every five days leave much to be superseded.
    """
    half_way, later, summer = date(2013, 1, 1), date(2013, 4, 1), (date(2013, 6, 1), date(2013, 9, 1))

    def rules(day: date) -> set[int]:
        enabled = {1, 4, 8, *AFTER} if day >= half_way else set()
        if day >= later:
            enabled |= {-2, *BEFORE}
        return enabled - {8, 15} if summer[0] <= day < summer[1] else enabled

    replay.prepare(further_rules=[-2, 1, 4, 8])
    replay.live_through(replay.days(5), rules)
    agrees_with_the_oracle(company, replay, "late")
    states = Counter(row.state for row in replay.oracle.rows())
    assert states["superseded"] > 150, "this replay is there for them"


def agrees_with_the_oracle(company: Company, replay: Replay, name: str) -> None:
    """Every row, and one mail for each notice that was sent: to the right address, none too many."""
    notices = replay.notices()
    expected, found = replay.oracle.rows(), replay.rows(notices)
    assert sorted(found - expected)[:10] == [], "notices that the rule does not ask for"
    assert sorted(expected - found)[:10] == [], "notices that are missing"

    emails = {bill.number: f"{bill.customer}@example.test" for bill in replay.bills}
    sent = [notice for notice in notices if notice.state == notices_pb2.NOTICE_STATE_SENT]
    mails = company.mails()
    assert Counter((mail["Message-ID"], mail["To"].addresses[0].addr_spec) for mail in mails) == Counter(
        (notice.message_id, emails[notice.invoice_number]) for notice in sent
    )
    settled = {bill.number: bill.settled for bill in replay.bills}
    assert [row for row in found if row.on >= settled[row.number]] == [], "nobody who has paid is dunned"

    OUTPUT.mkdir(parents=True, exist_ok=True)
    summary = {"sent": len(sent), "superseded": len(found) - len(sent), "seconds": dict(replay.seconds)}
    (OUTPUT / f"replay-{name}.json").write_text(json.dumps(summary, indent=2) + "\n")

"""Mails go out and payments are confirmed while kill -9 strikes at random moments.

The seed is in DUNLIN_KILL_SEED; what happened is written to tests/output/faults-embedded-*.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import notices_pb2

from tests.e2e.acts import drain, tick
from tests.e2e.company import Company, running_company
from tests.faults.aftermath import (
    balance_complaints,
    charge_complaints,
    extra_copies,
    mail_complaints,
    receipt_complaints,
)
from tests.faults.ordeal import DAYS, FIRST_DAY, THRESHOLD, Ordeal
from tests.faults.results import UNFINISHED, Result, write
from tests.faults.sizes import SEED, SIZE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SMTP_CONNECTIONS = 2


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    settings = {"DUNLIN_SANDBOX_ACH_SECONDS": "5", "DUNLIN_SMTP_CONNECTIONS": str(SMTP_CONNECTIONS)}
    with running_company(tmp_path / "home", **settings) as company:
        yield company


def test_kills_of_mailer_scheduler_and_paynow_lose_nothing_and_double_nothing(company: Company) -> None:
    ordeal = Ordeal(company, notices=500, payments=50, seed=SEED)
    ordeal.prepare()
    ordeal.go_through(["mailer", "scheduler", "paynow"])
    ordeal.come_to_rest()
    assert ordeal.killed == {"mailer": DAYS, "scheduler": DAYS, "paynow": DAYS}
    check(ordeal, "services")


def test_kills_of_the_mail_server_and_the_gateway_lose_nothing_either(company: Company) -> None:
    ordeal = Ordeal(company, notices=150, payments=16, seed=SEED)
    ordeal.prepare()
    ordeal.go_through(["mail-sink", "gateway"])
    ordeal.come_to_rest()
    check(ordeal, "edges")


def test_kills_in_the_midst_of_confirmations_charge_nobody_twice(company: Company) -> None:
    ordeal = Ordeal(company, notices=96, payments=96, seed=SEED)
    ordeal.prepare()
    ordeal.pay_while_paynow_dies(rounds=8)
    ordeal.come_to_rest()
    for day in range(DAYS):
        tick(company.clients, FIRST_DAY + timedelta(days=day))
    drain(company.clients)
    check(ordeal, "payments")


def check(ordeal: Ordeal, name: str) -> None:
    """Everything that must be true afterwards, all complaints at once."""
    payments, notices = ordeal.ledger_payments(), ordeal.ledger_notices()
    delivered = [mail["Message-ID"] for mail in ordeal.company.mails()]
    # A copy more for each connection that was open when its one end or the other was killed.
    cuts = ordeal.killed.get("mailer", 0) + ordeal.killed.get("mail-sink", 0)
    expected = {notice.message_id: f"{notice.invoice_number} {notice.notice_id}" for notice in notices}
    receipts = [
        (notice.payment_id, notices_pb2.NoticeType.Name(notice.type).removeprefix("NOTICE_TYPE_"))
        for notice in notices
        if notice.payment_id
    ]
    result = Result(
        f"embedded-{name}",
        SIZE.name,
        ordeal.seed,
        ordeal.notices,
        ordeal.payments,
        mails=len(delivered),
        copies=extra_copies(delivered),
        kills=ordeal.killed,
        seconds_to_idle=ordeal.seconds_to_idle,
        complaints=[UNFINISHED],
    )
    write(result)

    unsent = [n for n in notices if n.state != notices_pb2.NOTICE_STATE_SENT]
    assert [f"{n.invoice_number} {n.reason}" for n in unsent] == []
    due = Counter(n.invoice_number for n in notices if n.threshold_days == THRESHOLD)
    assert due == Counter(ordeal.numbers()), "each invoice has exactly one due notice"
    assert mail_complaints(expected, delivered, copies_allowed=cuts * SMTP_CONNECTIONS) == []

    assert [told for told in ordeal.told if len(told) != 1] == [], "one confirmation is one payment"
    assert len(payments) == ordeal.payments
    assert charge_complaints(payments, ordeal.charges()) == []
    assert balance_complaints(ordeal.invoices(), payments) == []
    assert receipt_complaints(payments, receipts) == []
    assert len({p.state for p in payments}) == 2, "some payments must succeed and some fail"
    write(replace(result, complaints=[]))

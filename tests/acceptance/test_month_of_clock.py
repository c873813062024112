"""Thirty days, 200 clients, every type of mail on: exactly the mails that the oracle lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import emails_pb2

from tests.acceptance import month_books as books
from tests.acceptance.month import Month
from tests.acceptance.month_oracle import SUMMARIES_FROM, Oracle
from tests.acceptance.month_place import Place, on_postgresql, on_sqlite
from tests.servers import DATABASES, PostgresServer

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        with on_sqlite(tmp_path) as running:
            yield running
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with on_postgresql(tmp_path, server) as running:
        yield running


def test_a_month_brings_exactly_the_mails_that_the_rules_ask_for(place: Place) -> None:
    people = books.clients()
    month, oracle = Month(place, people), Oracle(people)
    month.prepare()
    for number in range(books.DAYS):
        day = books.day(number)
        if day == SUMMARIES_FROM:
            month.new_invoices_bring(emails_pb2.ON_NEW_INVOICE_SUMMARY)
        expected, found = Counter(oracle.day(day)), Counter(month.live(day))
        assert sorted(found - expected)[:10] == [], "mails that the rules do not ask for"
        assert sorted(expected - found)[:10] == [], "mails that are missing"
    assert month.envelopes() == month.expected_envelopes(), "each once, to the addresses of its client"
    assert len(month.envelopes()) == len(month.gone)
    types = {mail.type for mail in month.gone.values()}
    assert len(types) == 9, f"the month is there for all that are decided by rules: {types}"
    reasons = {reason for _, _, reason in month.unsent()}
    assert reasons <= {
        "NO_ADDRESS",
        "ORGANIZATION_EXCLUDED",
        "INVOICE_NOT_NEW",
        "NOT_OPEN",
        "NOTHING_LEFT_TO_PAY",
        "LARGER_THRESHOLD_REACHED",
    }, reasons

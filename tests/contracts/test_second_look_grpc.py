"""What the second look finds to have changed since a notice was queued, over gRPC, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import notices_pb2
from dunlin.scheduler.v1 import scheduler_pb2 as pb

from services.shared.wire import timestamp
from tests.contracts.scheduler_program import SchedulerProgram, running
from tests.servers import DATABASES, MigratedUrl

AS_OF = timestamp(datetime(2026, 4, 1, 12, tzinfo=UTC))


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        program.scheduler.SetRuleEnabled(pb.SetRuleEnabledRequest(threshold_days=15, enabled=True))
        yield program


def run(peers: SchedulerProgram) -> notices_pb2.Notice:
    """The only notice, once a run has decided."""
    list(peers.scheduler.RunTick(pb.RunTickRequest(as_of=AS_OF)))
    (notice,) = peers.notices()
    return notice


def test_a_payment_under_way_holds_what_is_queued_until_it_is_over(peers: SchedulerProgram) -> None:
    notice = run(peers)
    assert notice.state == notices_pb2.NOTICE_STATE_QUEUED
    peers.books.invoices = [peers.books.invoice(1, reserved_minor=9_000)]
    assert peers.review(notice.notice_id).withheld.reason == "PAYMENT_UNDER_WAY"
    assert run(peers).state == notices_pb2.NOTICE_STATE_HELD
    peers.books.invoices = [peers.books.invoice(1, balance_minor=5_000)]
    assert run(peers).state == notices_pb2.NOTICE_STATE_QUEUED
    assert peers.review(notice.notice_id).letter.invoice.balance_minor == 5_000, "as it is by then"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"balance_minor": 0}, "NOTHING_LEFT_TO_PAY"),
        ({"due_on": "2026-05-02"}, "DUE_DATE_CHANGED"),
    ],
)
def test_what_the_books_say_by_then_keeps_it_back(
    peers: SchedulerProgram, change: dict[str, object], reason: str
) -> None:
    notice = run(peers)
    peers.books.invoices = [peers.books.invoice(1, **change)]
    assert peers.review(notice.notice_id).withheld.reason == reason

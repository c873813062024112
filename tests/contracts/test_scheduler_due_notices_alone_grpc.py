"""A run over gRPC that decides on due notices alone, on each database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import emails_pb2 as pb
from dunlin.scheduler.v1 import scheduler_pb2

from services.shared.wire import timestamp
from tests.contracts.scheduler_program import SchedulerProgram, running
from tests.contracts.test_scheduler_emails_grpc import DUE, EXPIRATION, ON_THE_15TH, SUMMARY, UPCOMING, save
from tests.servers import DATABASES, MigratedUrl

THE_15TH = date(2099, 3, 15)
"""Later than whatever day the types are turned on."""


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        yield program


def run(peers: SchedulerProgram, **order: bool) -> dict[int, int]:
    """How many notices a run on the 15th queues, by type."""
    noon = datetime.combine(THE_15TH, datetime.min.time(), UTC) + timedelta(hours=12)
    request = scheduler_pb2.RunTickRequest(as_of=timestamp(noon), **order)
    *_, last = peers.scheduler.RunTick(request)
    assert last.done
    return {one.type: one.counts.queued for one in last.types if one.counts.queued}


def test_a_run_may_decide_on_due_notices_alone_and_leaves_the_rest_to_the_next(
    peers: SchedulerProgram,
) -> None:
    peers.accounts.pays_on, peers.accounts.expires = THE_15TH + timedelta(days=2), date(2099, 3, 1)
    save(peers, pb.EmailType(type=SUMMARY, enabled=True, schedule=ON_THE_15TH))
    save(peers, pb.EmailType(type=UPCOMING, enabled=True, days_before=3))
    save(peers, pb.EmailType(type=EXPIRATION, enabled=True))
    peers.scheduler.SetRuleEnabled(scheduler_pb2.SetRuleEnabledRequest(threshold_days=15, enabled=True))
    whole = {DUE: 1, SUMMARY: 1, UPCOMING: 1, EXPIRATION: 1}
    assert run(peers, dry_run=True) == whole
    assert run(peers, dry_run=True, only_due_notices=True) == {DUE: 1}
    assert peers.notices() == []
    assert run(peers, only_due_notices=True) == {DUE: 1}
    assert [notice.type for notice in peers.notices()] == [DUE]
    assert run(peers) == {type: queued for type, queued in whole.items() if type != DUE}

"""The answer "not yet" over the wire: from the scheduler as it runs, and to the mailer as it runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from dunlin.mailer.v1 import messages_pb2
from dunlin.scheduler.v1 import emails_pb2, notices_pb2
from dunlin.scheduler.v1 import scheduler_pb2 as pb

from embedded.mail_sink import protocol
from services.shared.grpc_errors import refusal_of
from services.shared.wire import instant, timestamp
from tests.contracts.scheduler_program import SchedulerProgram
from tests.contracts.scheduler_program import running as scheduler_running
from tests.fakes.mailer_program import Running
from tests.fakes.mailer_program import running as mailer_running
from tests.fakes.mailer_queue import SCRIPTS
from tests.fakes.mailer_smtp import served as smtp_served
from tests.fakes.mailer_smtp import until
from tests.servers import DATABASES, MigratedUrl

HELD = "Held until 08:00 (America/Chicago) by quiet hours."


@pytest.fixture(params=DATABASES)
def scheduler(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with scheduler_running(request.param, tmp_path, migrated_url) as program:
        yield program


@pytest.fixture(params=DATABASES)
def mailer(request: pytest.FixtureRequest, migrated_url: MigratedUrl, tmp_path: Path) -> Iterator[Running]:
    with (
        mailer_running(tmp_path, migrated_url(request.param, SCRIPTS)) as mailer,
        smtp_served(protocol(mailer.maildir), mailer.smtp_port),
    ):
        yield mailer


def save_quiet_hours(scheduler: SchedulerProgram, begin: datetime, end: datetime) -> None:
    calendar = pb.Calendar(
        time_zone="UTC", send_at=f"{end:%H:%M}", quiet_from=f"{begin:%H:%M}", quiet_until=f"{end:%H:%M}"
    )
    scheduler.scheduler.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar))


def test_the_scheduler_answers_not_yet_in_quiet_hours_and_records_nothing(
    scheduler: SchedulerProgram,
) -> None:
    scheduler.scheduler.SetRuleEnabled(pb.SetRuleEnabledRequest(threshold_days=30, enabled=True))
    list(scheduler.scheduler.RunTick(pb.RunTickRequest()))
    [notice] = [one for one in scheduler.notices() if one.state == notices_pb2.NOTICE_STATE_QUEUED]
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=1), now + timedelta(hours=2)
    save_quiet_hours(scheduler, begin, end)
    late = scheduler.review(notice.notice_id).not_yet
    assert instant(late.not_before) == end.replace(second=0, microsecond=0)
    assert (late.reason, late.explanation) == ("QUIET_HOURS", f"Held until {end:%H:%M} (UTC) by quiet hours.")
    assert notice in scheduler.notices(), "it is queued as before"
    with pytest.raises(grpc.RpcError) as error:
        scheduler.scheduler.ReviewNotices(pb.ReviewNoticesRequest(notice_ids=[notice.notice_id]))
    refusal = refusal_of(error.value)
    assert refusal is not None
    assert (error.value.code(), refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_YET_UNKNOWN")
    assert notice in scheduler.notices(), "an older mailer waits, and loses nothing"
    by_hand = emails_pb2.SendSummaryRequest(request_id="r", organization_id="acme")
    asked_for = scheduler.emails.SendSummary(by_hand)
    assert scheduler.review(asked_for.notice_id).HasField("letter"), "a person asked for it"
    save_quiet_hours(scheduler, now + timedelta(hours=3), now + timedelta(hours=5))
    assert scheduler.review(notice.notice_id).HasField("letter")


def test_the_mailer_holds_what_may_not_go_yet_and_sends_it_then(mailer: Running) -> None:
    not_before = datetime.now(UTC) + timedelta(seconds=4)
    mailer.scheduler.later["n-1"] = pb.NotYet(
        not_before=timestamp(not_before), reason="QUIET_HOURS", explanation=HELD
    )
    mailer.accept("n-1", "n-2")
    mailer.until_state("n-2", messages_pb2.MESSAGE_STATE_SENT)
    until(lambda: [event.detail for event in mailer.get("n-1").events][2:] == [HELD])
    assert mailer.get("n-1").state == messages_pb2.MESSAGE_STATE_QUEUED
    del mailer.scheduler.later["n-1"]
    sent = mailer.until_state("n-1", messages_pb2.MESSAGE_STATE_SENT)
    assert instant(sent.sent_at) >= not_before
    assert [event.detail for event in sent.events].count(HELD) == 1

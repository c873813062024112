"""Pauses as the scheduler's peers see them, on each database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2
from dunlin.scheduler.v1 import pauses_pb2 as pb

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from tests.contracts.scheduler_program import SchedulerProgram, refused, running
from tests.servers import DATABASES, MigratedUrl

TODAY = datetime.now(UTC).date()
DISPUTE, PROMISE = pb.PAUSE_REASON_DISPUTE, pb.PAUSE_REASON_PROMISE_TO_PAY


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        yield program


def on(days: int, today: date = TODAY) -> str:
    return (today + timedelta(days=days)).isoformat()


def asked(pause_id: str = "p-1", **but: object) -> pb.AddPauseRequest:
    usual = {"organization_id": "acme", "reason": DISPUTE, "resumes_on": on(10), "added_by": "sam@x.test"}
    if "invoice_id" in but:
        del usual["organization_id"]
    return pb.AddPauseRequest(pause_id=pause_id, **usual | but)  # type: ignore[arg-type]


def ended(peers: SchedulerProgram, pause_id: str = "p-1") -> pb.Pause:
    return peers.pauses.EndPause(pb.EndPauseRequest(pause_id=pause_id, ended_by="kim@x.test"))


def listed(peers: SchedulerProgram, **only: object) -> list[str]:
    found = peers.pauses.ListPauses(pb.ListPausesRequest(**only))  # type: ignore[arg-type]
    return [pause.pause_id for pause in found.pauses]


def ticked(peers: SchedulerProgram) -> scheduler_pb2.TickCounts:
    *_, last = peers.scheduler.RunTick(scheduler_pb2.RunTickRequest())
    return last.counts


def test_the_story_of_a_pause(peers: SchedulerProgram) -> None:
    peers.scheduler.SetRuleEnabled(scheduler_pb2.SetRuleEnabledRequest(threshold_days=15, enabled=True))
    peers.books.invoices = [peers.books.invoice(1, due_on=on(-20))]
    made = peers.pauses.AddPause(asked(note=" called; see ticket 7 "))
    assert (made.organization_id, made.invoice_id, made.reason) == ("acme", 0, DISPUTE)
    assert (made.note, made.added_by, made.resumes_on) == ("called; see ticket 7", "sam@x.test", on(10))
    assert made.resumes_at.ToDatetime().date().isoformat() == on(10)
    assert (made.state, made.HasField("ended_at")) == (pb.PAUSE_STATE_IN_FORCE, False)
    assert peers.pauses.AddPause(asked(note="called; see ticket 7")) == made

    assert (ticked(peers).skipped, ticked(peers).queued) == (1, 0)
    (skipped,) = peers.notices()
    assert (skipped.state, skipped.reason) == (notices_pb2.NOTICE_STATE_SKIPPED, "PAUSED")
    told = peers.scheduler.ExplainInvoice(scheduler_pb2.ExplainInvoiceRequest(invoice_id=1))
    assert [decision.reason for decision in told.decisions] == ["PAUSED"]
    assert (told.next.threshold_days, told.next.on) == (15, on(10))

    over = ended(peers)
    assert (over.state, over.ended_by) == (pb.PAUSE_STATE_ENDED, "kim@x.test")
    assert ended(peers) == over
    assert ticked(peers).queued == 1
    peers.pauses.AddPause(asked("p-2", invoice_id=1))
    assert peers.review(skipped.notice_id).withheld.reason == "PAUSED"
    assert listed(peers) == ["p-2", "p-1"]
    assert listed(peers, view=pb.PAUSE_VIEW_IN_FORCE, organization_id="acme") == ["p-2"]
    assert listed(peers, view=pb.PAUSE_VIEW_IN_FORCE, organization_id="bolt") == []


def test_a_pause_is_changed_by_one_that_takes_its_place(peers: SchedulerProgram) -> None:
    peers.pauses.AddPause(asked())
    later = asked("p-2", resumes_on=on(20), replaces="p-1")
    assert peers.pauses.AddPause(later).state == pb.PAUSE_STATE_IN_FORCE
    assert peers.pauses.AddPause(later).pause_id == "p-2"
    newest, replaced = peers.pauses.ListPauses(pb.ListPausesRequest()).pauses
    assert (newest.pause_id, replaced.state) == ("p-2", pb.PAUSE_STATE_REPLACED)
    assert (replaced.replaced_by, replaced.ended_by) == ("p-2", "sam@x.test")


@pytest.mark.parametrize("kind", DATABASES)
def test_a_broken_promise_is_found_by_its_view(kind: str, tmp_path: Path, migrated_url: MigratedUrl) -> None:
    url = migrated_url(kind, MIGRATIONS)
    with running(kind, tmp_path, lambda *_: url) as peers:
        peers.books.invoices = [peers.books.invoice(1, due_on=on(-9))]
        promise = peers.pauses.AddPause(asked(reason=PROMISE, resumes_on=on(3)))
        assert promise.reason == PROMISE
        _as_if_added_earlier(url, "p-1", timedelta(days=5))
        list(peers.scheduler.RunTick(scheduler_pb2.RunTickRequest()))
        (broken,) = peers.pauses.ListPauses(pb.ListPausesRequest(view=pb.PAUSE_VIEW_BROKEN_PROMISES)).pauses
    assert (broken.pause_id, broken.state) == ("p-1", pb.PAUSE_STATE_PROMISE_BROKEN)


def _as_if_added_earlier(url: str, pause_id: str, by: timedelta) -> None:
    database = Database(url)
    with SqlStore(database).write() as work:
        pause = work.pauses.get(pause_id)
        assert pause is not None
        ends = {"resumes_on": pause.resumes_on - by, "resumes_at": pause.resumes_at - by}
        work.pauses.put(replace(pause, added_at=pause.added_at - by, **ends))
    database.dispose()


def test_pages_follow_each_other(peers: SchedulerProgram) -> None:
    peers.books.invoices = [peers.books.invoice(number) for number in (1, 2, 3)]
    for number in (1, 2, 3):
        peers.pauses.AddPause(asked(f"p-{number}", invoice_id=number))
    first = peers.pauses.ListPauses(pb.ListPausesRequest(page_size=2))
    assert ([one.pause_id for one in first.pauses], first.total) == (["p-3", "p-2"], 3)
    assert listed(peers, page_size=2, page_token=first.next_page_token) == ["p-1"]


def test_refusals_carry_their_reason(peers: SchedulerProgram) -> None:
    add, p = peers.pauses.AddPause, peers.pauses
    add(asked())
    cases = [
        (lambda: add(asked("p 1")), "REQUEST_ID_MALFORMED"),
        (lambda: add(pb.AddPauseRequest(pause_id="p-2", reason=DISPUTE)), "SUBJECT_MISSING"),
        (lambda: add(asked(note="another")), "PAUSE_DIFFERS"),
        (lambda: add(asked("p-2")), "ALREADY_PAUSED"),
        (lambda: add(asked("p-2", organization_id="none")), "ORGANIZATION_MISSING"),
        (lambda: add(asked("p-2", invoice_id=99)), "INVOICE_MISSING"),
        (lambda: add(asked("p-2", invoice_id=1, reason=0)), "PAUSE_INVALID"),
        (lambda: add(asked("p-2", invoice_id=1, reason=77)), "PAUSE_INVALID"),
        (lambda: add(asked("p-2", invoice_id=1, resumes_on="soon")), "PAUSE_INVALID"),
        (lambda: add(asked("p-2", invoice_id=1, resumes_on="")), "PAUSE_INVALID"),
        (lambda: add(asked("p-2", invoice_id=1, resumes_on=on(0))), "PAUSE_INVALID"),
        (lambda: add(asked("p-2", invoice_id=1, resumes_on=on(400))), "PAUSE_INVALID"),
        (lambda: ended(peers, "none"), "PAUSE_MISSING"),
        (lambda: p.ListPauses(pb.ListPausesRequest(page_size=-1)), "PAGE_SIZE_INVALID"),
        (lambda: p.ListPauses(pb.ListPausesRequest(page_token="?")), "PAGE_TOKEN_INVALID"),
    ]
    assert [refused(call).reason for call, _ in cases] == [reason for _, reason in cases]
    peers.books.invoices = [peers.books.invoice(1, balance_minor=0)]
    nothing = refused(lambda: add(asked("p-2", invoice_id=1, reason=PROMISE)))
    assert nothing.reason == "NOTHING_PROMISED"
    malformed = refused(lambda: add(asked("p-2", invoice_id=1, resumes_on="soon")))
    assert [(one.field, one.reason) for one in malformed.violations] == [("resumes_on", "DATE_MALFORMED")]

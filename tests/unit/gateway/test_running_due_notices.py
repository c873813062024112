"""A run of the due notices may take long: its page shows how far it has come, and may be left."""

import threading
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_ACCOUNT_SUMMARY
from dunlin.scheduler.v1.scheduler_pb2 import TickCounts, TickProgress

from gateway.site.jobs import JobLog
from services.shared.database import Database
from services.shared.errors import Busy
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_scheduler import Stream
from tests.fakes.gateway_visitor import Visitor

RUN = "/client-emails/due-notices/run"
RUNS = "/client-emails/due-notices/runs"


def wait_for_the_end(kind: str) -> None:
    for thread in threading.enumerate():
        if thread.name.startswith(f"{kind}-"):
            thread.join(30)


def test_a_run_that_takes_long_shows_its_progress_and_the_page_may_be_left(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(RUN).one("//main//form[@method='post']")
    may_go_on, answer = threading.Event(), services.scheduler.RunTick

    def slow(request: Any, timeout: float | None = None) -> Iterator[Any]:
        for progress in answer(request):
            yield progress
            assert may_go_on.wait(30)

    services.scheduler.RunTick = slow  # type: ignore[method-assign]
    page = staff.send(form)
    assert page.headers["Refresh"] == "1"
    assert "You may leave this page; the run goes on." in page.text
    for again in (staff.get(page.path), staff.get(RUN), staff.send(form)):
        assert again.path == page.path, "a second run would only wait for the first"
    assert len([one for one in services.scheduler.requests("RunTick") if not one.dry_run]) == 1
    may_go_on.set()
    wait_for_the_end("due-notices")
    done = staff.get(page.path)
    assert "Refresh" not in done.headers
    assert "4 emails are on the way." in done.text


def test_what_a_run_of_large_books_would_do_is_counted_beside_the_page(
    staff: Visitor, services: FakeServices
) -> None:
    may_go_on, counts = threading.Event(), Queue[Any]()

    def slow(request: Any, timeout: float | None = None) -> Stream:
        def parts() -> Iterator[Any]:
            counts.put(request)
            today = services.scheduler.calendar.today
            yield TickProgress(examined=2000, total=1_000_000, today=today)
            assert may_go_on.wait(30)
            yield TickProgress(
                examined=1_000_000, total=1_000_000, counts=services.scheduler.tick, done=True, today=today
            )

        return Stream(parts())

    services.scheduler.RunTick = slow  # type: ignore[method-assign]
    page = staff.get(f"{RUN}?as_of=2026-07-04")
    assert "of 1,000,000 open invoices." in page.text
    assert page.headers["Refresh"].endswith(f"{RUN}?as_of=2026-07-04")
    again = staff.get(f"{RUN}?as_of=2026-07-04&again=1")
    assert "of 1,000,000 open invoices." in again.text, "the count that is under way is shown"
    counted = [counts.get(timeout=30), counts.get(timeout=30)]
    assert counts.empty(), "once to see how large the books are, once to count"
    may_go_on.set()
    wait_for_the_end("due-preview")
    done = staff.get(f"{RUN}?as_of=2026-07-04")
    assert "Refresh" not in done.headers
    assert "4 emails would go out." in done.text
    assert "1,000,000 open invoices looked at." in done.text
    assert counts.empty(), "the count is shown again"
    staff.get(done.tree.xpath("//a[.='Count again']")[0].get("href"))
    counted += [counts.get(timeout=30), counts.get(timeout=30)]
    wait_for_the_end("due-preview")
    assert all(request.dry_run for request in counted)


def test_the_page_waits_for_invoices_alone_however_many_organizations_the_day_concerns(
    staff: Visitor, services: FakeServices
) -> None:
    """How large the books are is told by the first word of a count, which is about the invoices."""
    answer, counted = services.scheduler.RunTick, list[int]()

    def of_few_invoices_and_many_organizations(request: Any, timeout: float | None = None) -> Stream:
        def parts() -> Iterator[Any]:
            *_, last = answer(request)
            for examined in (10,) if request.only_due_notices else (10, *range(1000, 60_000, 1000)):
                counted.append(examined)
                yield TickProgress(examined=examined, total=examined, today=last.today)
            yield last

        return Stream(parts())

    services.scheduler.RunTick = of_few_invoices_and_many_organizations  # type: ignore[method-assign]
    page = staff.get(RUN)
    assert "4 emails would go out." in page.text
    assert counted == [10]


def test_a_run_leaves_all_other_types_to_the_daily_run(staff: Visitor, services: FakeServices) -> None:
    services.scheduler.other_types[NOTICE_TYPE_ACCOUNT_SUMMARY] = TickCounts(queued=12, skipped=7)
    page = staff.get(RUN)
    assert "10 open invoices looked at." in page.text
    assert "4 emails would go out." in page.text
    assert "This is about due notices alone." in page.text
    report = staff.send(page.one("//main//form[@method='post']"))
    assert "10 open invoices looked at." in report.text
    assert "4 emails are on the way." in report.text
    asked = services.scheduler.requests("RunTick")
    assert [(one.dry_run, one.only_due_notices) for one in asked] == [(True, True), (False, True)]


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (
            TickCounts(unchanged=5, skipped=2),
            "Of the due notices that have come up, 5 were decided before and 2 are skipped.",
        ),
        (
            TickCounts(unchanged=1, held=1, skipped=1, superseded=1),
            "Of the due notices that have come up, 1 was decided before, 1 waits for a payment that is under "
            "way, 1 is skipped and 1 gave way to a later rule.",
        ),
    ],
)
def test_a_run_that_queues_nothing_says_why(
    staff: Visitor, services: FakeServices, counts: TickCounts, why: str
) -> None:
    services.scheduler.tick = counts
    page = staff.get(RUN)
    assert f"Nothing would go out. {why}" in page.text
    assert f"Nothing had to be sent. {why}" in staff.send(page.one("//main//form[@method='post']")).text


def test_without_a_rule_a_run_blames_that_and_an_old_report_does_not_blame_the_rules_of_today(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.tick = TickCounts()
    page = staff.get(RUN)
    assert "Nothing would go out. No open invoice has reached a rule that is on." in page.text
    report = staff.send(page.one("//main//form[@method='post']"))
    for rule in services.scheduler.rules.values():
        rule.enabled = False
    assert "Nothing would go out. No rule is on, so there is no due notice to send." in staff.get(RUN).text
    told = "Nothing had to be sent. No open invoice had reached a rule that was on."
    assert told in report.text
    assert told in staff.get(report.path).text


def test_a_count_that_failed_says_so(staff: Visitor, services: FakeServices, database: Database) -> None:
    log = JobLog(database, "due-preview")
    log.fail(log.begin(1, "2026-07-05", 1_000_000), "Another run is under way.")
    page = staff.get(f"{RUN}?as_of=2026-07-05")
    assert "Another run is under way." in page.one("//div[@role='alert']").text_content()
    assert "again=1" in page.one("//a[.='Count again']").get("href")


def test_a_run_says_how_far_it_has_come(staff: Visitor, database: Database) -> None:
    log = JobLog(database, "due-notices")
    job_id = log.begin(1, "", 0)
    assert "It has begun." in staff.get(f"{RUNS}/{job_id}").text
    log.progress(job_id, 1500, 200_000)
    page = staff.get(f"{RUNS}/{job_id}")
    assert "1,500 of 200,000 open invoices." in page.text
    bar = page.one("//progress")
    assert (bar.get("value"), bar.get("max")) == ("1500", "200000")
    log.finish(job_id, {})


def test_a_run_that_was_refused_says_why_and_can_be_tried_again(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(f"{RUN}?as_of=2026-07-04").one("//main//form[@method='post']")
    services.scheduler.refuse["RunTick"] = Busy("Another run is under way.", reason="TICK_RUNNING")
    page = staff.send(form)
    assert "Another run is under way." in page.one("//div[@role='alert']").text_content()
    assert page.one("//a[.='Run it again']").get("href") == f"{RUN}?as_of=2026-07-04"


def test_a_run_that_does_not_exist_is_not_found(staff: Visitor, database: Database) -> None:
    an_import = JobLog(database, "import").begin(1, "a.csv", 1)
    assert staff.get(f"{RUNS}/nothing").status == 404
    assert staff.get(f"{RUNS}/{an_import}").status == 404

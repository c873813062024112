"""What a run of the due notices would do: counted at once in small books, beside the page in large ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from dunlin.scheduler.v1.scheduler_pb2 import RunTickRequest, TickCounts, TickProgress
from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub
from google.protobuf.json_format import ParseDict

from gateway.client_emails.wording import listed
from gateway.site import jobs

KIND = "due-preview"
COUNTED_AT_ONCE = 2_000
"""So many invoices are looked at while somebody waits for the page; it takes about a tenth of a second."""
KEPT = timedelta(minutes=5)
"""How long the count of larger books is shown again."""
RUN_SECONDS = 3600
"""How long a run may take; the largest books take minutes."""


@dataclass(frozen=True)
class Preview:
    """What would happen; no progress where it is being counted, or was not counted to the end."""

    progress: TickProgress | None = None
    """The counts; of large books as of `job.started_at`."""
    job: jobs.Job | None = None
    """The count of large books, which may be under way."""

    @property
    def is_under_way(self) -> bool:
        """Whether it is being counted."""
        return self.job is not None and self.job.state == jobs.RUNNING


def run(stub: SchedulerServiceStub, order: RunTickRequest, progress: jobs.Progress) -> TickProgress:
    """Runs to the end; the last word of the scheduler."""
    last = TickProgress()
    for last in stub.RunTick(order, timeout=RUN_SECONDS):
        progress(last.examined, last.total)
    return last


def preview(stub: SchedulerServiceStub, order: RunTickRequest, day: str, *, again: bool) -> Preview:
    """What the order, a dry run, would do. `day` tells one order from others.

    A count of large books that was made for the same day is shown again for some minutes, unless `again`.
    """
    newest = jobs.job_log(KIND).newest(1)
    known = newest[0] if newest and newest[0].subject == day else None
    if known and (known.state == jobs.RUNNING or not (again or _is_old(known))):
        return _of(known)
    stream = stub.RunTick(order, timeout=RUN_SECONDS)
    first = next(stream)
    if first.done or first.total <= COUNTED_AT_ONCE:
        *_, last = chain([first], stream)
        return Preview(last)
    stream.cancel()
    job_id = jobs.start(
        KIND,
        day,
        first.total,
        lambda told: run(stub, order, told),
        "The scheduler did not finish counting.",
        patience=0,
    )
    found = jobs.job_log(KIND).find(job_id)
    return _of(found) if found else Preview()


def why_nothing(counts: TickCounts, *, any_rule_on: bool) -> str:
    """Why a run with these counts, which would queue nothing, does so with today's rules; a sentence."""
    if told := _decided(counts):
        return told
    if any_rule_on:
        return "No open invoice has reached a rule that is on."
    return "No rule is on, so there is no due notice to send."


def why_nothing_went(counts: TickCounts) -> str:
    """The same of a run that was, by what it has counted alone: the rules may have been others then."""
    return _decided(counts) or "No open invoice had reached a rule that was on."


def _decided(counts: TickCounts) -> str:
    """What became of the notices that had come up; empty if there were none."""
    reasons = [
        (counts.unchanged, "was decided before", "were decided before"),
        (counts.held, "waits for a payment that is under way", "wait for payments that are under way"),
        (counts.skipped, "is skipped", "are skipped"),
        (counts.superseded, "gave way to a later rule", "gave way to a later rule"),
    ]
    told = [f"{number:,} {one if number == 1 else many}" for number, one, many in reasons if number]
    return f"Of the due notices that have come up, {listed(told)}." if told else ""


def _of(job: jobs.Job) -> Preview:
    return Preview(ParseDict(job.outcome, TickProgress()) if job.state == jobs.DONE else None, job)


def _is_old(job: jobs.Job) -> bool:
    return datetime.now(UTC) - job.started_at > KEPT

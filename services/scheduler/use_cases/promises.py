"""Promises to pay: once their date has passed, a run says whether they were kept."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice

from services.scheduler.domain.books import Subject
from services.scheduler.domain.pauses import Pause, Promise, judge, judged_again_from
from services.scheduler.ports import Store, Work
from services.scheduler.ports_peers import Ledger
from services.scheduler.use_cases.plan import Plan

BATCH = 200
MOST_SUBJECTS = 500
"""The ledger tells of no more at once."""


def judge_promises(
    plan: Plan, *, store: Store, ledger: Ledger, begin: Callable[[], AbstractContextManager[Work]]
) -> Iterator[None]:
    """Judges the promises that have ended, of organizations in the run's zones, batch by batch.

    Those that are known to be broken are judged again for some time, since they may have been paid late.
    """
    todays = [plan.today_in(zone) for zone in plan.zones]
    again_from, resumes_by, after = judged_again_from(min(todays)), max(todays), ""
    while True:
        with store.read() as work:
            found = work.pauses.to_judge(again_from, resumes_by, after, BATCH)
        if not found:
            return
        subjects = _subjects({number for pause in found for number in pause.promised}, ledger)
        judged = {pause.pause_id: _judged(pause, subjects, plan) for pause in found}
        with begin() as work:
            for pause_id, promise in judged.items():
                pause = work.pauses.get(pause_id)
                if promise and pause and pause.ended_at is None and pause.promise is not promise:
                    work.pauses.put(replace(pause, promise=promise))
        yield
        after = found[-1].pause_id


def _judged(pause: Pause, subjects: Mapping[int, Subject], plan: Plan) -> Promise | None:
    """What became of it; None where that cannot be said yet, or is for the run of another zone.

    Nor is it said while the books do not know one of the invoices, as an older copy of them may not: nothing
    says that it was paid.
    """
    promised = [subjects[number] for number in pause.promised if number in subjects]
    if not promised or len(promised) < len(pause.promised):
        return None
    zone = promised[0].time_zone
    if zone not in plan.zones or plan.today_in(zone) < pause.resumes_on:
        return None
    return judge(subject.invoice for subject in promised)


def _subjects(invoice_ids: Collection[int], ledger: Ledger) -> dict[int, Subject]:
    found: dict[int, Subject] = {}
    rest = iter(invoice_ids)
    while some := list(islice(rest, MOST_SUBJECTS)):
        found |= ledger.subjects(some)
    return found

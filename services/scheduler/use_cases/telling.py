"""Deciding on candidates that are no due notices, a batch at a time, and recording what was decided."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

from services.scheduler.domain.hours import NotBefore
from services.scheduler.domain.notice import (
    EXCLUSION_LISTS,
    Change,
    Lane,
    Notice,
    NoticeType,
    Occurred,
    State,
)
from services.scheduler.domain.occurrences import Candidate, asks_for_addresses, decide
from services.scheduler.domain.pauses import NOTHING_PAUSED, PAUSABLE, Paused
from services.scheduler.domain.standing import Standing
from services.scheduler.ports import NewId, Work
from services.scheduler.use_cases.tally import Tally


class Decided(NamedTuple):
    """What is decided on a candidate, and what is known of it; without an outcome that stays as it is."""

    candidate: Candidate
    known: Occurred | None
    outcome: Standing | None


def decide_all(
    type: NoticeType,
    candidates: Sequence[Candidate],
    work: Work,
    today_in: Callable[[str], date],
    untold: Mapping[str, str] | None = None,
) -> list[Decided]:
    """The decisions on candidates of one type, each with an occurrence of its own; nothing is written.

    `today_in` gives the local date in an organization's zone. `untold` has the organizations of which nobody
    can be told, and why; None if that was not asked.
    """
    if not candidates:
        return []
    known = {row.occurrence: row for row in work.notices.occurred(type, [c.occurrence for c in candidates])}
    excluded: set[str] = set()
    if type in EXCLUSION_LISTS:
        excluded = work.exclusions.among(EXCLUSION_LISTS[type], {c.organization_id for c in candidates})
    paused = NOTHING_PAUSED
    if type in PAUSABLE:
        paused = Paused(work.pauses.live({c.organization_id for c in candidates}))

    def decided(candidate: Candidate) -> Decided:
        row, organization_id = known.get(candidate.occurrence), candidate.organization_id
        is_paused = paused.forbids(type, organization_id, candidate.invoice_id, today_in(candidate.time_zone))
        outcome = decide(
            candidate,
            row,
            excluded=organization_id in excluded,
            paused=is_paused,
            untold=None if untold is None else untold.get(organization_id, ""),
        )
        return Decided(candidate, row, outcome)

    return [decided(candidate) for candidate in candidates]


class Telling:
    """Decides and counts. The number of statements for a batch does not depend on its size."""

    def __init__(
        self,
        new_id: NewId,
        *,
        tally: Tally | None = None,
        not_before: NotBefore = lambda _zone: None,
        as_of: datetime | None = None,
        lane: Lane = Lane.USUAL,
        campaign_id: str = "",
        writes: bool = True,
    ) -> None:
        self._new_id = new_id
        self._tally = tally or Tally()
        self._not_before = not_before
        self._as_of = as_of
        self._lane = lane
        self._campaign_id = campaign_id
        self._writes = writes

    def decide(
        self,
        type: NoticeType,
        candidates: Sequence[Candidate],
        work: Work,
        now: datetime,
        untold: Mapping[str, str] | None = None,
    ) -> list[Candidate]:
        """Decides on a batch of one type, each with an occurrence of its own; `untold` is as in `decide_all`.

        Returns those on which nothing is decided before it is asked whom they could go to.
        """
        added: list[Notice] = []
        changes: list[Change] = []
        unasked: list[Candidate] = []
        today_in = partial(work.calendar.get().date_at, self._as_of or now)
        for candidate, row, outcome in decide_all(type, candidates, work, today_in, untold):
            if untold is None and asks_for_addresses(row, outcome):
                unasked.append(candidate)
            elif outcome is None:
                self._tally.stays(type)
            else:
                self._tally.count(type, outcome.state)
                if row is None:
                    added.append(self._notice(type, candidate, outcome, now))
                else:
                    changes.append(self._change(row.notice_id, candidate, outcome))
        self._write(added, changes, work, now)
        return unasked

    def supersede(self, type: NoticeType, passed: Sequence[Candidate], work: Work, now: datetime) -> None:
        """Records candidates that a later one replaces; those that are known stay as they are."""
        if not passed:
            return
        known = {row.occurrence for row in work.notices.occurred(type, [c.occurrence for c in passed])}
        new = [candidate for candidate in passed if candidate.occurrence not in known]
        for _ in new:
            self._tally.count(type, State.SUPERSEDED)
        outcomes = [(candidate, Standing(State.SUPERSEDED, candidate.reason)) for candidate in new]
        self._write([self._notice(type, *one, now) for one in outcomes], [], work, now)

    def _notice(self, type: NoticeType, candidate: Candidate, outcome: Standing, now: datetime) -> Notice:
        return Notice(
            notice_id=self._new_id(),
            type=type,
            organization_id=candidate.organization_id,
            invoice_id=candidate.invoice_id,
            invoice_number=candidate.invoice_number,
            threshold=0,
            due_on=None,
            state=outcome.state,
            reason=outcome.reason,
            decided_at=now,
            as_of=self._as_of,
            occurrence=candidate.occurrence,
            about=candidate.about,
            campaign_id=self._campaign_id,
            lane=self._lane,
            not_before=self._not_before(candidate.time_zone),
        )

    def _change(self, notice_id: str, candidate: Candidate, outcome: Standing) -> Change:
        return Change(
            notice_id,
            outcome.state,
            outcome.reason,
            as_of=self._as_of,
            not_before=self._not_before(candidate.time_zone),
        )

    def _write(self, added: Sequence[Notice], changes: Sequence[Change], work: Work, now: datetime) -> None:
        if self._writes:
            work.notices.add_new(added)
            work.notices.change(changes, now)

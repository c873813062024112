"""The scheduler's pauses in memory; the contract tests prove them against the databases'."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from services.scheduler.domain.pauses import Live, Pause, PauseReason, PauseState, PauseView, Promise

if TYPE_CHECKING:
    from tests.fakes.scheduler import Tables


class FakePauses:
    def __init__(self, tables: Tables) -> None:
        self._t = tables

    def get(self, pause_id: str) -> Pause | None:
        return self._t.pauses.get(pause_id)

    def newest_of(self, organization_id: str, invoice_id: int) -> Pause | None:
        # In the order in which they were added.
        found = [p for p in self._t.pauses.values() if _subject(p) == (organization_id, invoice_id)]
        return found[-1] if found else None

    def add(self, pause: Pause) -> None:
        if pause.pause_id in self._t.pauses:
            raise ValueError(f"there is such a pause: {pause}")
        self.put(pause)

    def put(self, pause: Pause) -> None:
        self._t.pauses[pause.pause_id] = pause
        self._t.versions["pauses"] += 1

    def live(self, organization_ids: Collection[str]) -> list[Live]:
        return _live(p for p in self._newest() if p.organization_id in organization_ids)

    def live_after(self, on: date) -> list[Live]:
        return _live(p for p in self._newest() if p.resumes_on > on)

    def version(self) -> int:
        return self._t.versions["pauses"]

    def page(
        self,
        view: PauseView,
        organization_id: str,
        now: datetime,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Pause]:
        found = self._viewed(view, organization_id, now)
        behind = [p for p in found if before is None or (p.added_at, p.pause_id) < before]
        return sorted(behind, key=lambda p: (p.added_at, p.pause_id), reverse=True)[:limit]

    def count(self, view: PauseView, organization_id: str, now: datetime, limit: int) -> int:
        return min(len(self._viewed(view, organization_id, now)), limit)

    def to_judge(self, again_from: date, resumes_by: date, after: str, limit: int) -> list[Pause]:
        found = [
            p
            for p in self._newest()
            if p.reason is PauseReason.PROMISE_TO_PAY
            and p.ended_at is None
            and p.promise is not Promise.KEPT
            and (p.promise is None or p.resumes_on >= again_from)
            and p.resumes_on <= resumes_by
            and p.pause_id > after
        ]
        return sorted(found, key=lambda p: p.pause_id)[:limit]

    def _newest(self) -> Collection[Pause]:
        return {_subject(p): p for p in self._t.pauses.values()}.values()

    def _viewed(self, view: PauseView, organization_id: str, now: datetime) -> list[Pause]:
        states = {
            PauseView.IN_FORCE: PauseState.IN_FORCE,
            PauseView.BROKEN_PROMISES: PauseState.PROMISE_BROKEN,
        }
        found = self._t.pauses.values() if view is PauseView.ALL else self._newest()
        return [
            p
            for p in found
            if (not organization_id or p.organization_id == organization_id)
            and (view is PauseView.ALL or p.state(now) is states[view])
        ]


def _subject(pause: Pause) -> tuple[str, int]:
    return pause.organization_id, pause.invoice_id


def _live(pauses: Iterable[Pause]) -> list[Live]:
    return [Live(p.organization_id, p.invoice_id, p.resumes_on) for p in pauses if p.ended_at is None]

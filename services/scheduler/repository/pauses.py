"""Pauses."""

import json
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select, text, tuple_, update

from services.scheduler.domain.pauses import Live, Pause, PauseReason, PauseView, Promise
from services.scheduler.repository.bulk import is_one_of
from services.scheduler.repository.versions import change_version, version_of
from services.scheduler.tables_pauses import IS_NEWEST, pauses

_p = pauses.c
_LIVE = select(_p.organization_id, _p.invoice_id, _p.resumes_on).where(IS_NEWEST, _p.ended_at.is_(None))


class SqlPauses:
    """Implements `ports_pauses.Pauses`."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks

    def get(self, pause_id: str) -> Pause | None:
        """The pause, if there is one; writers go one by one, and readers wait for none."""
        if self._locks and self._connection.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE pauses IN SHARE ROW EXCLUSIVE MODE"))
        return self._first(select(pauses).where(_p.pause_id == pause_id))

    def newest_of(self, organization_id: str, invoice_id: int) -> Pause | None:
        """The newest pause of the organization or the invoice, if there is one."""
        query = select(pauses).where(_p.organization_id == organization_id, _p.invoice_id == invoice_id)
        return self._first(query.where(IS_NEWEST))

    def add(self, pause: Pause) -> None:
        """Adds it as the newest one of what it is of."""
        older = update(pauses).where(_p.organization_id == pause.organization_id, IS_NEWEST)
        older = older.where(_p.invoice_id == pause.invoice_id)
        self._connection.execute(older.values(is_newest=False))
        self._connection.execute(insert(pauses).values(_row(pause) | {"is_newest": True}))
        change_version(self._connection, "pauses")

    def put(self, pause: Pause) -> None:
        """Replaces it."""
        self._connection.execute(update(pauses).where(_p.pause_id == pause.pause_id).values(_row(pause)))
        change_version(self._connection, "pauses")

    def live(self, organization_ids: Collection[str]) -> list[Live]:
        """The newest pauses of these organizations and their invoices that were not ended."""
        if not organization_ids:
            return []
        query = _LIVE.where(is_one_of(self._connection, _p.organization_id, organization_ids))
        return [Live(*row) for row in self._connection.execute(query)]

    def live_after(self, on: date) -> list[Live]:
        """Those of all organizations that still hold on that date."""
        return [Live(*row) for row in self._connection.execute(_LIVE.where(_p.resumes_on > on))]

    def version(self) -> int:
        """How often pauses were added or changed."""
        return version_of(self._connection, "pauses")

    def page(
        self,
        view: PauseView,
        organization_id: str,
        now: datetime,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Pause]:
        """Up to `limit` of them, the newest first."""
        query = _viewed(select(pauses), view, organization_id, now)
        if before:
            query = query.where(tuple_(_p.added_at, _p.pause_id) < tuple_(*before))
        query = query.order_by(_p.added_at.desc(), _p.pause_id.desc()).limit(limit)
        return [_pause(row) for row in self._connection.execute(query)]

    def count(self, view: PauseView, organization_id: str, now: datetime, limit: int) -> int:
        """How many there are, at most `limit`."""
        some = _viewed(select(_p.pause_id), view, organization_id, now).limit(limit).subquery()
        return self._connection.execute(select(func.count()).select_from(some)).scalar_one()

    def to_judge(self, again_from: date, resumes_by: date, after: str, limit: int) -> list[Pause]:
        """Up to `limit` newest promises to pay that end by then and are not known to be kept, by id."""
        is_unknown, may_be_late = _p.promise == "", _p.resumes_on >= again_from
        query = select(pauses).where(IS_NEWEST, _p.ended_at.is_(None), _p.resumes_on <= resumes_by)
        query = query.where(_p.reason == PauseReason.PROMISE_TO_PAY.value, _p.promise != Promise.KEPT.value)
        query = query.where(or_(is_unknown, may_be_late))
        query = query.where(_p.pause_id > after).order_by(_p.pause_id).limit(limit)
        return [_pause(row) for row in self._connection.execute(query)]

    def _first(self, query: Select[Any]) -> Pause | None:
        row = self._connection.execute(query).first()
        return None if row is None else _pause(row)


def _viewed(query: Select[Any], view: PauseView, organization_id: str, now: datetime) -> Select[Any]:
    if organization_id:
        query = query.where(_p.organization_id == organization_id)
    match view:
        case PauseView.IN_FORCE:
            return query.where(IS_NEWEST, _p.ended_at.is_(None), _p.resumes_at > now)
        case PauseView.BROKEN_PROMISES:
            broken = _p.promise == Promise.BROKEN.value
            return query.where(IS_NEWEST, _p.ended_at.is_(None), broken, _p.resumes_at <= now)
    return query


def _row(pause: Pause) -> dict[str, Any]:
    return {
        "pause_id": pause.pause_id,
        "organization_id": pause.organization_id,
        "invoice_id": pause.invoice_id,
        "invoice_number": pause.invoice_number,
        "reason": pause.reason.value,
        "note": pause.note,
        "resumes_on": pause.resumes_on,
        "resumes_at": pause.resumes_at,
        "added_by": pause.added_by,
        "added_at": pause.added_at,
        "promised": json.dumps(pause.promised),
        "promise": pause.promise.value if pause.promise else "",
        "ended_at": pause.ended_at,
        "ended_by": pause.ended_by,
        "replaced_by": pause.replaced_by,
    }


def _pause(row: Any) -> Pause:
    return Pause(
        pause_id=row.pause_id,
        organization_id=row.organization_id,
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        reason=PauseReason(row.reason),
        note=row.note,
        resumes_on=row.resumes_on,
        resumes_at=row.resumes_at,
        added_by=row.added_by,
        added_at=row.added_at,
        promised=tuple(json.loads(row.promised)),
        promise=Promise(row.promise) if row.promise else None,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        replaced_by=row.replaced_by,
    )

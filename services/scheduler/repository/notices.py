"""The notice ledger."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select, text, tuple_, update

from services.scheduler.domain.notice import (
    Change,
    Decision,
    HandOver,
    Invitation,
    Known,
    Lane,
    Leaving,
    Notice,
    NoticeFilter,
    NoticeType,
    Occurred,
    State,
)
from services.scheduler.repository import leaving
from services.scheduler.repository.abouts import from_json, to_json
from services.scheduler.repository.bulk import insert_rows, is_one_of
from services.scheduler.tables import IS_HELD, IS_RECEIPT, decisions, notices
from services.shared.log import request_id as current_request
from services.shared.upserts import insert_ignoring

_n = notices.c
_HAS_OCCURRENCE = text("occurrence IS NOT NULL")
_STATES = {state.value: state for state in State}

_DecisionRow = tuple[str, str, str, str, datetime, datetime | None]

_KNOWN = select(_n.notice_id, _n.invoice_id, _n.due_on, _n.threshold_days, _n.state, _n.reason)

_CHANGED = ["state", "reason", "detail", "decided_at", "as_of", "hand_over_at", "message_id", "request_id"]
_CHANGE = (
    update(notices)
    .where(_n.notice_id == bindparam("id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)


class SqlNotices:
    """Implements `ports.Notices`.

    Whoever waits for the locks of several notices takes them in the order of their ids, in one statement, so
    that two who do cannot deadlock. What updates several notices updates such as are locked already: an
    UPDATE takes rows in whatever order they are found.
    """

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks

    def known(self, invoice_ids: Sequence[int]) -> list[Known]:
        """The due notices of these invoices, of every due date, in one query."""
        return self._known(_KNOWN.where(_n.due_on.is_not(None)), invoice_ids)

    def known_to_change(self, invoice_ids: Sequence[int], notice_ids: Collection[str] = ()) -> list[Known]:
        """The same, locked together with the invoices' receipts: `get` of any of them locks nothing more."""
        return self._known(_KNOWN.order_by(_n.notice_id).with_for_update(), invoice_ids, notice_ids)

    def _known(
        self, query: Select[Any], invoice_ids: Sequence[int], notice_ids: Collection[str] = ()
    ) -> list[Known]:
        wanted = [
            is_one_of(self._connection, column, values)
            for column, values in ((_n.invoice_id, invoice_ids), (_n.notice_id, notice_ids))
            if values
        ]
        if not wanted:
            return []
        rows = self._connection.execute(query.where(or_(*wanted)))
        return [
            Known(notice_id, invoice_id, due_on, threshold, _STATES[state], reason)
            for notice_id, invoice_id, due_on, threshold, state, reason in rows
            if due_on is not None
        ]

    def add(self, new: Sequence[Notice]) -> None:
        """Inserts notices, each with its first decision."""
        if not new:
            return
        insert_rows(self._connection, notices, _COLUMNS, [_row(notice) for notice in new])
        self._decide([_first_decision(notice) for notice in new])

    def change(self, changes: Sequence[Change], at: datetime) -> None:
        """Records new decisions made at that instant. If they are several, the notices are locked already."""
        if not changes:
            return
        rows = [
            {
                "id": change.notice_id,
                "new_state": change.state.value,
                "new_reason": change.reason,
                "new_detail": change.detail,
                "new_decided_at": at,
                "new_as_of": change.as_of,
                "new_hand_over_at": (change.not_before or at) if change.state is State.QUEUED else None,
                "new_message_id": change.message_id,
                "new_request_id": current_request.get(),
            }
            for change in changes
        ]
        self._connection.execute(_CHANGE, rows)
        self._decide([(c.notice_id, c.state.value, c.reason, c.detail, at, c.as_of) for c in changes])

    def _decide(self, rows: Sequence[_DecisionRow]) -> None:
        insert_rows(self._connection, decisions, _DECISION_COLUMNS, rows)

    def get(self, notice_ids: Collection[str]) -> dict[str, Notice]:
        """The notices that exist among these."""
        if not notice_ids:
            return {}
        query = select(notices).where(_n.notice_id.in_(list(notice_ids))).order_by(_n.notice_id)
        query = query.with_for_update() if self._locks else query
        return {notice.notice_id: notice for notice in self._notices(query)}

    def occurred(self, type: NoticeType, occurrences: Collection[str]) -> list[Occurred]:
        """Those of these occurrences that have a notice."""
        if not occurrences:
            return []
        columns = (_n.notice_id, _n.organization_id, _n.occurrence, _n.state, _n.reason)
        query = select(*columns).where(_n.type == type.value, _HAS_OCCURRENCE)
        query = query.where(is_one_of(self._connection, _n.occurrence, occurrences)).order_by(_n.notice_id)
        query = query.with_for_update() if self._locks else query
        return [
            Occurred(notice_id, organization_id, occurrence, _STATES[state], reason)
            for notice_id, organization_id, occurrence, state, reason in self._connection.execute(query)
        ]

    def add_new(self, new: Sequence[Notice]) -> int:
        """Inserts those whose occurrence has no notice of their type yet, each with its first decision.

        Whoever adds the same at once waits for the other one's transaction; so all do it in the same order.
        """
        rows = {notice.notice_id: notice for notice in sorted(new, key=lambda n: (n.type, n.occurrence))}
        if not rows:
            return 0
        values = [dict(zip(_COLUMNS, _row(notice), strict=True)) for notice in rows.values()]
        insert_ignoring(
            self._connection, notices, values, conflict=["occurrence", "type"], where=_HAS_OCCURRENCE
        )
        inserted = is_one_of(self._connection, _n.notice_id, list(rows))
        added = self._connection.execute(select(_n.notice_id).where(inserted)).scalars().all()
        self._decide([_first_decision(rows[notice_id]) for notice_id in added])
        return len(added)

    def of_occurrence(self, type: NoticeType, occurrence: str) -> Notice | None:
        """The notice of that type and occurrence, if there is one."""
        query = select(notices).where(_n.occurrence == occurrence, _n.type == type.value, _HAS_OCCURRENCE)
        return next(iter(self._notices(query)), None)

    def leaving(self, type: NoticeType, organization_ids: Collection[str]) -> list[Leaving]:
        """What is queued of that type to these organizations, and was sent since the first was decided."""
        return leaving.of_repeated(self._connection, type, organization_ids)

    def invitations(self, contact_ids: Collection[int]) -> list[Invitation]:
        """The invitations to these contacts that were sent or are on their way."""
        return leaving.invitations(self._connection, contact_ids)

    def held(self, after: str, limit: int) -> list[Notice]:
        """Up to `limit` held notices with a larger id, in order."""
        query = select(notices).where(IS_HELD, _n.notice_id > after)
        return self._notices(query.order_by(_n.notice_id).limit(limit))

    def page(self, only: NoticeFilter, before: tuple[datetime, str] | None, limit: int) -> list[Notice]:
        """Up to `limit` of them, the newest decision first."""
        query = select(notices)
        if only.organization_id:
            query = query.where(_n.organization_id == only.organization_id)
        if only.invoice_number:
            query = query.where(_n.invoice_number == only.invoice_number)
        if only.invoice_id:
            query = query.where(_n.invoice_id == only.invoice_id)
        if only.type:
            query = query.where(_n.type == only.type.value)
            query = query if only.type is NoticeType.DUE_NOTICE else query.where(IS_RECEIPT)
        if only.state:
            query = query.where(_n.state == only.state.value)
        if only.campaign_id:
            query = query.where(_n.campaign_id == only.campaign_id)
        if before:
            query = query.where(tuple_(_n.decided_at, _n.notice_id) < tuple_(*before))
        return self._notices(query.order_by(_n.decided_at.desc(), _n.notice_id.desc()).limit(limit))

    def of_invoice(self, invoice_id: int) -> list[Notice]:
        """All notices about the invoice, oldest first."""
        query = select(notices).where(_n.invoice_id == invoice_id)
        return self._notices(query.order_by(_n.notice_id))

    def decisions_on_invoice(self, invoice_id: int) -> list[Decision]:
        """All decisions on them, oldest first."""
        d = decisions.c
        query = (
            select(d.notice_id, _n.threshold_days, d.state, d.reason, d.detail, d.decided_at, d.as_of)
            .join(notices, _n.notice_id == d.notice_id)
            .where(_n.invoice_id == invoice_id)
            .order_by(d.decision_id)
        )
        return [
            Decision(notice_id, threshold, _STATES[state], reason, detail, decided_at, as_of)
            for notice_id, threshold, state, reason, detail, decided_at, as_of in self._connection.execute(
                query
            )
        ]

    def to_hand_over(self, now: datetime, limit: int) -> list[HandOver]:
        """Up to `limit` queued notices that the mailer is to be told of; waits for no lock.

        Lane by lane, so that the index gives each in its order, however many wait.
        """
        found: list[HandOver] = []
        for lane in Lane:
            columns = (_n.notice_id, _n.organization_id, _n.invoice_number, _n.request_id)
            query = select(*columns).where(_n.lane == lane.value, _n.hand_over_at <= now)
            query = query.order_by(_n.hand_over_at, _n.notice_id).limit(limit - len(found))
            query = query.with_for_update(skip_locked=True) if self._locks else query
            found += [HandOver(*row, lane) for row in self._connection.execute(query)]
            if len(found) == limit:
                break
        return found

    def claim(self, notice_ids: Sequence[str], *, until: datetime) -> None:
        """Puts off when the mailer is to be told of them. They are locked since they were read."""
        if not notice_ids:
            return
        claimed = update(notices).where(is_one_of(self._connection, _n.notice_id, notice_ids))
        self._connection.execute(claimed.values(hand_over_at=until))

    def end_claim(self, notice_ids: Sequence[str], *, until: datetime, again_at: datetime) -> None:
        """Sets when the mailer is to be told of them again, where the claim still stands."""
        those = is_one_of(self._connection, _n.notice_id, notice_ids)
        mine = select(_n.notice_id).where(those, _n.hand_over_at == until).order_by(_n.notice_id)
        self.claim(self._connection.execute(mine.with_for_update()).scalars().all(), until=again_at)

    def _notices(self, query: Select[Any]) -> list[Notice]:
        return [_notice(row) for row in self._connection.execute(query)]


_COLUMNS = tuple(column.name for column in notices.columns)
_DECISION_COLUMNS = ("notice_id", "state", "reason", "detail", "decided_at", "as_of")


def _row(notice: Notice) -> tuple[Any, ...]:
    """The values in the order of the table's columns."""
    return (
        notice.notice_id,
        notice.type._value_,
        notice.organization_id,
        notice.invoice_id,
        notice.invoice_number,
        notice.due_on,
        notice.threshold,
        notice.occurrence or None,
        to_json(notice.about),
        notice.state._value_,
        notice.reason,
        notice.detail,
        notice.decided_at,
        notice.as_of,
        (notice.not_before or notice.decided_at) if notice.state is State.QUEUED else None,
        notice.message_id,
        current_request.get(),
        notice.campaign_id or None,
        notice.lane._value_,
        notice.access.contact_id if notice.access else None,
    )


def _first_decision(n: Notice) -> _DecisionRow:
    return n.notice_id, n.state._value_, n.reason, n.detail, n.decided_at, n.as_of


def _notice(row: Any) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        type=NoticeType(row.type),
        organization_id=row.organization_id,
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        threshold=row.threshold_days,
        due_on=row.due_on,
        state=_STATES[row.state],
        reason=row.reason,
        decided_at=row.decided_at,
        detail=row.detail,
        as_of=row.as_of,
        message_id=row.message_id,
        occurrence=row.occurrence or "",
        about=from_json(row.about),
        campaign_id=row.campaign_id or "",
        lane=Lane(row.lane),
    )

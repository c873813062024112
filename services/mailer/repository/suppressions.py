"""Addresses that get no mail, and mails to those from which some have come back."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, union_all, update

from services.mailer.domain.bounces import WITHIN, Fate, PastMail, Reason, Suppression
from services.mailer.ports_sending import Known
from services.mailer.tables import address_mails, suppressions
from services.shared.upserts import insert_ignoring

s, a = suppressions.c, address_mails.c

_WORST = (Fate.LEFT, Fate.REFUSED, Fate.BOUNCED, Fate.COMPLAINED)
"""A report changes a mail's fate only towards the end."""


class SqlSuppressions:
    """See `ports_sending.Suppressions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, emails: Collection[str]) -> Known:
        """One statement, by the keys of both tables."""
        if not emails:
            return Known()
        query = union_all(
            select(s.email, (s.id > 0).label("gone")).where(s.email.in_(emails)),
            select(a.email, (a.message < 0).label("gone")).where(a.email.in_(emails)),
        )
        rows = self._connection.execute(query).all()
        return Known(
            suppressed=frozenset(row.email for row in rows if row.gone),
            watched=frozenset(row.email for row in rows if not row.gone),
        )

    def add(self, suppression: Suppression) -> bool:
        """The unique address decides."""
        row = {
            "email": suppression.email,
            "reason": suppression.reason.value,
            "detail": suppression.detail.replace("\0", "")[:2000],
            "created_at": suppression.created_at,
            "notice_id": suppression.notice_id,
            "created_by": suppression.created_by,
        }
        return bool(insert_ignoring(self._connection, suppressions, [row], conflict=["email"]))

    def lift(self, email: str) -> Suppression | None:
        """With what had been noted of it; the tables in the order in which reports take them."""
        found = self.get(email)
        self._connection.execute(delete(address_mails).where(a.email == email))
        removed = self._connection.execute(delete(suppressions).where(s.email == email)).rowcount
        return found if removed else None

    def get(self, email: str) -> Suppression | None:
        """By its address."""
        row = self._connection.execute(select(suppressions).where(s.email == email)).first()
        return _suppression(row) if row else None

    def page(self, query: str, before: int | None, limit: int) -> tuple[list[Suppression], int | None]:
        """They are few enough to be looked through."""
        asking = select(suppressions).where(s.email.contains(query.lower(), autoescape=True))
        if before is not None:
            asking = asking.where(s.id < before)
        rows = self._connection.execute(asking.order_by(s.id.desc()).limit(limit + 1)).all()
        rest = rows[limit - 1].id if len(rows) > limit else None
        return [_suppression(row) for row in rows[:limit]], rest

    def count(self, query: str, most: int) -> int:
        """No further than `most`."""
        some = select(s.id).where(s.email.contains(query.lower(), autoescape=True)).limit(most).subquery()
        return self._connection.execute(select(func.count()).select_from(some)).scalar_one()

    def note_left(self, mails: Sequence[tuple[str, int]], at: datetime) -> None:
        """One statement."""
        rows = [
            {"email": email, "message": key, "left_at": at, "fate": Fate.LEFT.value}
            for email, key in sorted(set(mails))
        ]
        insert_ignoring(self._connection, address_mails, rows, conflict=["email", "message"])

    def note_fate(self, email: str, key: int, fate: Fate, left_at: datetime) -> bool:
        """What is too old to count goes at the same time, so that the table stays small."""
        self._connection.execute(
            delete(address_mails).where(a.email == email, a.left_at < left_at - WITHIN - timedelta(days=1))
        )
        row = {"email": email, "message": key, "left_at": left_at, "fate": fate.value}
        if insert_ignoring(self._connection, address_mails, [row], conflict=["email", "message"]):
            return True
        better = [other.value for other in _WORST[: _WORST.index(fate)]]
        known = update(address_mails).where(a.email == email, a.message == key, a.fate.in_(better))
        return bool(self._connection.execute(known.values(fate=fate.value)).rowcount)

    def past(self, email: str) -> list[PastMail]:
        """In the order in which they left."""
        query = select(a.left_at, a.fate).where(a.email == email).order_by(a.left_at, a.message)
        return [PastMail(row.left_at, Fate(row.fate)) for row in self._connection.execute(query)]


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(
        email=row.email,
        reason=Reason(row.reason),
        detail=row.detail,
        created_at=row.created_at,
        notice_id=row.notice_id,
        created_by=row.created_by,
    )

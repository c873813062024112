"""Dead letters: facts in the inbox that are no longer tried, until a person has looked at them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, or_, select, update

from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.errors import Invalid
from services.shared.facts import UNREADABLE
from services.shared.facts_wire import from_json
from services.shared.inbox import fact_row, is_parked, parked_facts, parked_row
from services.shared.paging import decode_token, encode_token, page_size
from services.shared.upserts import insert_ignoring

DEFAULT_PAGE = 50
LARGEST_PAGE = 200
MOST_AT_ONCE = 500

LONGEST_BODY = 16_000
"""Of a longer body a list shows the beginning, so that the largest page fits into an answer."""

_QUERY = "dead letters"


@dataclass(frozen=True)
class DeadLetter:
    """A fact that is no longer tried; see `operations.v1.DeadLetter`."""

    inbox_id: int
    fact_id: str
    name: str
    body: str
    occurred_at: datetime
    received_at: datetime
    parked_at: datetime
    attempts: int
    error: str
    request_id: str


@dataclass(frozen=True)
class Page:
    """Some dead letters, the token of the next page, and how many there are in all."""

    letters: Sequence[DeadLetter]
    next_token: str
    total: int


class DeadLetters:
    """What staff can do about them. Each call is one transaction, and a repeat is safe."""

    def __init__(
        self, database: Database, table: Table, clock: Clock, *, retried: Callable[[], None] = lambda: None
    ) -> None:
        """`retried` is called after facts were put back, to wake whoever handles them."""
        self._database = database
        self._table = table
        self._clock = clock
        self._retried = retried

    def page(self, size: int, token: str) -> Page:
        """The one parked last first. `Invalid`: PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID."""
        t, size = self._table, page_size(size, DEFAULT_PAGE, LARGEST_PAGE)
        query = select(t).where(is_parked(t)).order_by(t.c.parked_at.desc(), t.c.inbox_id.desc())
        if key := decode_token(_QUERY, token):
            at, number = datetime.fromisoformat(str(key[0])), int(key[1])
            same_moment = and_(t.c.parked_at == at, t.c.inbox_id < number)
            query = query.where(or_(t.c.parked_at < at, same_moment))
        with self._database.read() as connection:
            rows = connection.execute(query.limit(size + 1)).all()
            total = parked_facts(connection, t)
        letters = [_letter(row) for row in rows[:size]]
        last = letters[-1] if len(rows) > size else None
        following = encode_token(_QUERY, last.parked_at.isoformat(), last.inbox_id) if last else ""
        return Page(letters, following, total)

    def retry(self, inbox_ids: Sequence[int]) -> int:
        """Has facts tried again from the beginning; returns how many wait now.

        What could not be read is read again, which a newer version may be able to; if it cannot, it stays.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            rows = connection.execute(self._parked(inbox_ids)).all()
            retried = sum(self._retry(connection, row, now) for row in rows)
        self._retried()
        return retried

    def drop(self, inbox_ids: Sequence[int]) -> int:
        """Gives facts up; returns how many. They stay, so that they are known when they come again."""
        t = self._table
        with self._database.write() as connection:
            ids = [row.inbox_id for row in connection.execute(self._parked(inbox_ids))]
            connection.execute(update(t).where(t.c.inbox_id.in_(ids)).values(dropped_at=self._clock.now()))
        return len(ids)

    def _parked(self, inbox_ids: Sequence[int]) -> Select[Any]:
        """Those of them, locked; in one order, so that two who name the same at once do not deadlock."""
        t = self._table
        query = select(t).where(t.c.inbox_id.in_(_few(inbox_ids)), is_parked(t))
        return query.order_by(t.c.inbox_id).with_for_update()

    def _retry(self, connection: Connection, row: Row[Any], now: datetime) -> bool:
        t = self._table
        afresh: dict[str, Any] = {"attempts": 0, "error": None, "parked_at": None, "next_attempt_at": now}
        if row.name == UNREADABLE:
            reading = from_json(row.body.encode())
            still = [fact for fact in reading.unreadable if fact.fact_id == row.fact_id]
            if still:
                afresh = {"attempts": row.attempts + 1, "error": still[0].error, "parked_at": now}
            elif [fact.fact_id for fact in reading.facts] == [row.fact_id]:
                afresh = fact_row(reading.facts[0]) | afresh
            else:
                # A whole message: its facts take its place.
                received = {"received_at": row.received_at, "next_attempt_at": now}
                facts = [fact_row(fact) | received for fact in reading.facts]
                parked = [parked_row(fact, now) | received for fact in reading.unreadable]
                insert_ignoring(connection, t, facts, conflict=["fact_id"])
                insert_ignoring(connection, t, parked, conflict=["fact_id"])
                afresh = {"parked_at": None, "handled_at": now}
        connection.execute(update(t).where(t.c.inbox_id == row.inbox_id).values(**afresh))
        return afresh["parked_at"] is None


def _few(inbox_ids: Sequence[int]) -> Sequence[int]:
    if len(inbox_ids) > MOST_AT_ONCE:
        raise Invalid(f"Name at most {MOST_AT_ONCE} dead letters at once.", reason="TOO_MANY_DEAD_LETTERS")
    return inbox_ids


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        inbox_id=row.inbox_id,
        fact_id=row.fact_id,
        name=row.name,
        body=row.body[:LONGEST_BODY],
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        parked_at=row.parked_at,
        attempts=row.attempts,
        error=row.error or "",
        request_id=row.request_id,
    )

"""The stop switch, the limits, and what is counted against them.

Each row that several processes change is locked before it is read, always in the same order: the settings,
the day, the domains by name, messages, then addresses by name, each one's mails before its suppression. So
none waits for another one in a circle.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, or_, select, update

from services.mailer.domain.message import Lane
from services.mailer.domain.sending import Limits, Sending
from services.mailer.domain.spread import Line
from services.mailer.domain.templates import TemplateType
from services.mailer.tables import messages, sending, sending_days, sending_lines
from services.shared.upserts import insert_ignoring, upsert

m, s, d, n = messages.c, sending.c, sending_days.c, sending_lines.c

_LINE = ("free_at", "at_once_until", "usual_until", "bulk_until")


class SqlSending:
    """See `ports_sending.SendingStore`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self) -> Sending:
        """One row."""
        row = self._connection.execute(select(sending)).one()
        limits = Limits(row.daily_cap, row.domain_per_minute, row.time_zone)
        return Sending(limits, row.stopped_by, row.stopped_at)

    def change(self, limits: Limits) -> None:
        """Of the one row."""
        values = {
            "daily_cap": limits.daily_cap,
            "domain_per_minute": limits.domain_per_minute,
            "time_zone": limits.time_zone,
        }
        self._connection.execute(update(sending).values(values))

    def move(self, time_zone: str, *, instead_of: str) -> bool:
        """Of the one row, and nothing that others may be changing; of several the first one."""
        moving = update(sending).where(s.time_zone == instead_of).values(time_zone=time_zone)
        return bool(self._connection.execute(moving).rowcount)

    def stop(self, by: str, at: datetime) -> bool:
        """The first one is named."""
        stopping = update(sending).where(s.stopped_at.is_(None)).values(stopped_by=by, stopped_at=at)
        return bool(self._connection.execute(stopping).rowcount)

    def go_on(self) -> bool:
        """Whoever had stopped it."""
        going = update(sending).where(s.stopped_at.is_not(None)).values(stopped_by="", stopped_at=None)
        return bool(self._connection.execute(going).rowcount)

    def spent(self, day: date) -> int:
        """No row is none."""
        query = select(d.mails).where(d.day == day.isoformat())
        return self._connection.execute(query).scalar() or 0

    def lock_day(self, day: date, begins_at: datetime) -> int:
        """Made at its first use."""
        query = select(d.mails).where(d.day == day.isoformat()).with_for_update()
        found: int | None = self._connection.execute(query).scalar()
        if found is None:
            row = {"day": day.isoformat(), "mails": self.left_since(begins_at)}
            insert_ignoring(self._connection, sending_days, [row], conflict=["day"])
            found = self._connection.execute(query).scalar_one()
        return found

    def spend(self, day: date, mails: int) -> None:
        """Of a row that is there."""
        if mails:
            spending = update(sending_days).where(d.day == day.isoformat()).values(mails=d.mails + mails)
            self._connection.execute(spending)

    def recount(self, day: date, begins_at: datetime) -> None:
        """Mails under way are not among them."""
        row = {"day": day.isoformat(), "mails": self.left_since(begins_at)}
        adding = upsert(self._connection, sending_days).values(row)
        self._connection.execute(
            adding.on_conflict_do_update(index_elements=["day"], set_={"mails": row["mails"]})
        )

    def lock_lines(self, domains: Collection[str]) -> dict[str, Line]:
        """Those that are not there are made first, or two could make the same one."""
        if not domains:
            return {}
        new = [{"domain": domain} for domain in sorted(domains)]
        insert_ignoring(self._connection, sending_lines, new, conflict=["domain"])
        query = select(sending_lines).where(n.domain.in_(domains)).order_by(n.domain).with_for_update()
        return {row.domain: Line(*row[1:]) for row in self._connection.execute(query)}

    def keep_lines(self, lines: Mapping[str, Line]) -> None:
        """In one statement."""
        if not lines:
            return
        rows = [
            {"domain": domain, **{name: getattr(line, name) for name in _LINE}}
            for domain, line in sorted(lines.items())
        ]
        keeping = upsert(self._connection, sending_lines).values(rows)
        new = {name: keeping.excluded[name] for name in _LINE}
        self._connection.execute(keeping.on_conflict_do_update(index_elements=["domain"], set_=new))

    def drop_lines(self, at: datetime) -> None:
        """Locked in order before they go."""
        self._connection.execute(select(n.domain).order_by(n.domain).with_for_update())
        self._connection.execute(delete(sending_lines))
        waiting = self._connection.execute(
            select(m.id).where(m.in_line, m.lease_owner.is_(None)).order_by(m.id).with_for_update()
        ).scalars()
        keys = waiting.all()
        for start in range(0, len(keys), 10_000):
            some = keys[start : start + 10_000]
            leaving = update(messages).where(m.id.in_(some), m.due_at.is_not(None))
            self._connection.execute(leaving.values(in_line=False, due_at=at))

    def left_since(self, begins_at: datetime) -> int:
        """From the index of sent messages alone."""
        types = [type.value for type in TemplateType]
        query = select(func.count()).where(m.type.in_(types), m.sent_at >= begins_at)
        return self._connection.execute(query).scalar_one()

    def waiting(self, at: datetime, lanes: Collection[Lane]) -> int:
        """From the index of what is active."""
        closed = (m.due_at <= at) & m.lane.not_in([lane.value for lane in lanes])
        query = select(func.count()).where(m.due_at.is_not(None), or_(m.in_line, closed))
        return self._connection.execute(query).scalar_one()

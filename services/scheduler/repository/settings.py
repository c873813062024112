"""Rules, exclusions, the calendar, leases."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, text, update

from services.scheduler.domain.calendar import Calendar, CalendarSettings
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports import Excluded
from services.scheduler.repository.bulk import is_one_of
from services.scheduler.repository.versions import change_version, version_of
from services.scheduler.tables import calendar, exclusions, leases, rules
from services.shared.upserts import insert_ignoring


class SqlRules:
    """Implements `ports.Rules`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Rule]:
        """All rules, the earliest threshold first."""
        query = select(rules.c.threshold_days, rules.c.enabled).order_by(rules.c.threshold_days)
        return [Rule(*row) for row in self._connection.execute(query)]

    def add(self, rule: Rule) -> bool:
        """Adds it; False if there is one with that threshold."""
        row = {"threshold_days": rule.threshold, "enabled": rule.enabled}
        return insert_ignoring(self._connection, rules, [row], conflict=["threshold_days"]) == 1

    def set_enabled(self, threshold: int, *, enabled: bool) -> bool:
        """Turns it on or off; False if there is none."""
        change = update(rules).where(rules.c.threshold_days == threshold).values(enabled=enabled)
        return self._connection.execute(change).rowcount == 1

    def remove(self, threshold: int) -> Rule | None:
        """Removes it and returns it as it was; None if there is none."""
        removal = delete(rules).where(rules.c.threshold_days == threshold)
        row = self._connection.execute(removal.returning(rules.c.threshold_days, rules.c.enabled)).first()
        return None if row is None else Rule(*row)


class SqlExclusions:
    """Implements `ports.Exclusions`."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks

    def page(self, type: NoticeType, after: str, limit: int) -> list[Excluded]:
        """Up to `limit` of them with a larger organization id, in order."""
        e = exclusions.c
        query = select(e.type, e.organization_id, e.created_at)
        query = query.where(e.type == type.value, e.organization_id > after)
        rows = self._connection.execute(query.order_by(e.organization_id).limit(limit))
        return [_excluded(row) for row in rows]

    def count(self, type: NoticeType) -> int:
        """How many there are."""
        query = select(func.count()).select_from(exclusions).where(exclusions.c.type == type.value)
        return self._connection.execute(query).scalar_one()

    def version(self, type: NoticeType) -> int:
        """How often the list has changed."""
        return version_of(self._connection, _version(type))

    def among(self, type: NoticeType, organization_ids: Collection[str]) -> set[str]:
        """Which of these organizations are excluded."""
        if not organization_ids:
            return set()
        e = exclusions.c
        query = select(e.organization_id)
        query = query.where(
            e.type == type.value, is_one_of(self._connection, e.organization_id, organization_ids)
        )
        return set(self._connection.execute(query).scalars())

    def get(self, type: NoticeType, organization_id: str) -> Excluded | None:
        """The exclusion, if there is one; writers of the list go one by one, and readers wait for none."""
        if self._locks and self._connection.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE exclusions IN SHARE ROW EXCLUSIVE MODE"))
        e = exclusions.c
        query = select(e.type, e.organization_id, e.created_at)
        query = query.where(e.type == type.value, e.organization_id == organization_id)
        row = self._connection.execute(query).first()
        return None if row is None else _excluded(row)

    def add(self, exclusion: Excluded) -> None:
        """Adds it; one that is there stays as it is."""
        row = exclusion._asdict() | {"type": exclusion.type.value}
        if insert_ignoring(self._connection, exclusions, [row], conflict=["type", "organization_id"]):
            change_version(self._connection, _version(exclusion.type))

    def remove(self, type: NoticeType, organization_id: str) -> None:
        """Removes it, if it is there."""
        e = exclusions.c
        removal = delete(exclusions).where(e.type == type.value, e.organization_id == organization_id)
        if self._connection.execute(removal).rowcount:
            change_version(self._connection, _version(type))


_c = calendar.c
_CALENDAR = select(calendar).where(_c.calendar_id == 1)


def _version(type: NoticeType) -> str:
    return f"exclusions {type.value}"


def _excluded(row: Any) -> Excluded:
    return Excluded(NoticeType(row.type), row.organization_id, row.created_at)


class SqlCalendar:
    """Implements `ports.Calendars`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self) -> Calendar:
        """The calendar."""
        return _calendar(self._connection.execute(_CALENDAR).one())

    def get_to_change(self) -> Calendar:
        """The calendar, locked."""
        return _calendar(self._connection.execute(_CALENDAR.with_for_update()).one())

    def put(self, new: Calendar) -> None:
        """Replaces it."""
        told = new.settings
        row = {
            "time_zone": told.time_zone,
            "send_at": told.send_at,
            "sandbox": told.sandbox,
            "automatic": told.automatic,
            "country": told.country,
            "business_days_only": told.business_days_only,
            "quiet_from": told.quiet.start,
            "quiet_until": told.quiet.end,
            "since": new.since,
            "clock_set": new.clock_set,
        }
        self._connection.execute(update(calendar).where(_c.calendar_id == 1).values(row))


def _calendar(row: Any) -> Calendar:
    quiet = QuietHours(row.quiet_from, row.quiet_until)
    told = CalendarSettings(
        time_zone=row.time_zone,
        send_at=row.send_at,
        sandbox=row.sandbox,
        automatic=row.automatic,
        country=row.country,
        business_days_only=row.business_days_only,
        quiet=quiet,
    )
    return Calendar(told, row.since, row.clock_set)


class SqlLeases:
    """Implements `ports.Leases`. What is taken here is taken by the process `owner`."""

    def __init__(self, connection: Connection, owner: str) -> None:
        self._connection = connection
        self._owner = owner

    def take(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """Takes the lease if it is free, expired, or the holder's own."""
        known = select(leases.c.name).where(leases.c.name == name)
        if self._connection.execute(known).first() is None:
            row = {"name": name, "holder": holder, "expires_at": until, "owner": self._owner}
            return insert_ignoring(self._connection, leases, [row], conflict=["name"]) == 1
        free = known.where(or_(leases.c.expires_at <= now, leases.c.holder == holder))
        # A row that is locked belongs to a holder who is writing under it at this moment.
        if self._connection.execute(free.with_for_update(skip_locked=True)).first() is None:
            return False
        taken = update(leases).where(leases.c.name == name)
        self._connection.execute(taken.values(holder=holder, expires_at=until, owner=self._owner))
        return True

    def renew(self, name: str, holder: str, *, until: datetime) -> bool:
        """Keeps the lease. The row stays locked: whoever takes an expired one waits for this transaction."""
        mine = update(leases).where(leases.c.name == name, leases.c.holder == holder)
        return self._connection.execute(mine.values(expires_at=until)).rowcount == 1

    def is_held(self, name: str, *, now: datetime) -> bool:
        """Whether somebody holds it."""
        held = select(leases.c.name).where(leases.c.name == name, leases.c.expires_at > now)
        return self._connection.execute(held).first() is not None

    def release(self, name: str, holder: str) -> None:
        """Gives it back, if it is still the holder's."""
        self._connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    def owners(self) -> set[str]:
        """The processes that have taken leases which nobody has given back."""
        return set(self._connection.execute(select(leases.c.owner)).scalars())

    def release_owners(self, owners: Collection[str]) -> None:
        """Gives back whatever these processes still have."""
        self._connection.execute(delete(leases).where(leases.c.owner.in_(owners)))

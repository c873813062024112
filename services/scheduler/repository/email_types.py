"""The settings of the types of mail, when each last went out, and how far the runs of each zone have come."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, text, update

from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports_emails import ZoneRun
from services.scheduler.tables import email_types, last_sent, zone_runs
from services.shared.upserts import insert_ignoring, upsert

_e = email_types.c
_ALL = select(_e.type, _e.enabled, _e.since, _e.settings)


class SqlEmailTypes:
    """Implements `ports.EmailTypes`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, type: NoticeType) -> EmailType:
        """The settings of one type; the defaults of one that has none."""
        row = self._connection.execute(_ALL.where(_e.type == type.value)).first()
        return EmailType(type) if row is None else _settings(row)

    def all(self) -> dict[NoticeType, EmailType]:
        """The settings of all types that have some."""
        found = map(_settings, self._connection.execute(_ALL))
        return {settings.type: settings for settings in found}

    def get_to_change(self, type: NoticeType) -> EmailType:
        """As `get`, locked."""
        row = self._connection.execute(_ALL.where(_e.type == type.value).with_for_update()).first()
        return EmailType(type) if row is None else _settings(row)

    def put(self, settings: EmailType) -> None:
        """Replaces them."""
        values = {"enabled": settings.enabled, "since": settings.since, "settings": _content(settings)}
        self._connection.execute(update(email_types).where(_e.type == settings.type.value).values(values))

    def last_sent(self) -> dict[tuple[NoticeType, int], datetime]:
        """When a mail of each type and threshold last went out."""
        query = select(last_sent.c.type, last_sent.c.threshold_days, last_sent.c.sent_at)
        return {(NoticeType(type), days): at for type, days, at in self._connection.execute(query)}

    def lock_last_sent(self) -> None:
        """Lets others who do this wait until the end of this transaction, whatever types there are."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text(f"LOCK TABLE {last_sent.name} IN SHARE ROW EXCLUSIVE MODE"))

    def note_sent(self, type: NoticeType, threshold: int, at: datetime) -> None:
        """Remembers that one went out."""
        row = {"type": type.value, "threshold_days": threshold, "sent_at": at}
        if insert_ignoring(self._connection, last_sent, [row], conflict=["type", "threshold_days"]):
            return
        of_it = (last_sent.c.type == type.value, last_sent.c.threshold_days == threshold)
        later = update(last_sent).where(*of_it, last_sent.c.sent_at < at)
        self._connection.execute(later.values(sent_at=at))


def _content(settings: EmailType) -> str:
    return json.dumps(
        {
            "day": settings.schedule.day,
            "closed_days": settings.schedule.closed_days.value,
            "on_new_invoice": settings.on_new_invoice.value,
            "profile_ids": list(settings.profile_ids),
            "days_before": settings.days_before,
            "tells_payment_date": settings.tells_payment_date,
            "newest_days": settings.newest_days,
        }
    )


def _settings(row: Any) -> EmailType:
    told: dict[str, Any] = json.loads(row.settings)
    default = EmailType(NoticeType(row.type))
    return EmailType(
        type=default.type,
        enabled=row.enabled,
        since=row.since,
        schedule=Monthly(told.get("day"), ClosedDays(told.get("closed_days", "after"))),
        on_new_invoice=OnNewInvoice(told.get("on_new_invoice", "nothing")),
        profile_ids=tuple(told.get("profile_ids", ())),
        days_before=told.get("days_before", default.days_before),
        tells_payment_date=told.get("tells_payment_date", default.tells_payment_date),
        newest_days=told.get("newest_days", default.newest_days),
    )


class SqlZoneRuns:
    """Implements `ports.ZoneRuns`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> dict[str, ZoneRun]:
        """By zone."""
        query = select(*(zone_runs.c[name] for name in ZoneRun._fields))
        return {row.zone: ZoneRun(*row) for row in self._connection.execute(query)}

    def forget(self, zones: Collection[str]) -> None:
        """Removes those of these zones."""
        self._connection.execute(delete(zone_runs).where(zone_runs.c.zone.in_(list(zones))))

    def put(self, runs: Collection[ZoneRun]) -> None:
        """Replaces those of these zones, always in the same order."""
        if not runs:
            return
        statement = upsert(self._connection, zone_runs).values([run._asdict() for run in sorted(runs)])
        new = {name: statement.excluded[name] for name in ZoneRun._fields[1:]}
        self._connection.execute(statement.on_conflict_do_update(index_elements=["zone"], set_=new))

"""The newest count of the books."""

import json
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from services.scheduler.domain.forecasting import Basis, Count
from services.scheduler.repository.versions import change_version, version_of
from services.scheduler.tables import forecasts
from services.shared.upserts import upsert


class SqlForecasts:
    """Implements `ports.Forecasts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self) -> Count | None:
        """The count, if there is one."""
        row = self._connection.execute(select(forecasts)).first()
        return None if row is None else _count(row)

    def put(self, count: Count) -> None:
        """Replaces it."""
        row = {
            "forecast_id": 1,
            "counted_at": count.counted_at,
            "took_ms": count.took // timedelta(milliseconds=1),
            "invoices": count.invoices,
            "content": _content(count),
        }
        statement = upsert(self._connection, forecasts).values(row)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["forecast_id"], set_=row))

    def version(self) -> int:
        """A number that is another one once counts have been outdated."""
        return version_of(self._connection, "forecasts")

    def outdate(self) -> None:
        """Says that what was counted before this transaction's end is of no use."""
        change_version(self._connection, "forecasts")


def _content(count: Count) -> str:
    today, on, thresholds, exclusions, runs, pauses = count.basis
    return json.dumps(
        {
            "basis": [today.isoformat(), on.isoformat(), list(thresholds), exclusions, runs, pauses],
            "mails": [[due_on.isoformat(), days, mails] for (due_on, days), mails in count.mails.items()],
            "due": [[due_on.isoformat(), invoices] for due_on, invoices in count.due.items()],
            "paused": [[due_on.isoformat(), [*map(str, ends)]] for due_on, ends in count.paused.items()],
        }
    )


def _count(row: Any) -> Count:
    day = date.fromisoformat
    content = json.loads(row.content)
    today, on, thresholds, exclusions, runs, *pauses = content["basis"]
    return Count(
        # What was counted before there were pauses knows nothing of them.
        Basis(day(today), day(on), tuple(thresholds), exclusions, runs, *pauses),
        row.counted_at,
        timedelta(milliseconds=row.took_ms),
        row.invoices,
        {(day(due_on), days): mails for due_on, days, mails in content["mails"]},
        {day(due_on): invoices for due_on, invoices in content["due"]},
        {day(due_on): tuple(map(day, ends)) for due_on, ends in content.get("paused", ())},
    )

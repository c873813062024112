"""The log of imports: how far each has come and what it did, so that a page may be left and found again."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import Row, insert, select, update

from gateway.identity.tables import imports, staff
from services.shared.database import Database

EXTENSION = "dunlin_import_log"
SILENCE = timedelta(seconds=90)
"""A running import that has not been heard of for so long has died with its process."""

RUNNING, DONE, FAILED, CUT_SHORT = "running", "done", "failed", "cut_short"


@dataclass(frozen=True)
class Import:
    """One import. `outcome` is a SyncReport in proto3 JSON form once it is done, else holds `message`."""

    import_id: str
    file_name: str
    preset: str
    state: str
    lines_done: int
    lines_total: int
    outcome: dict[str, Any]
    started_at: datetime
    staff_name: str


class ImportLog:
    """The imports of one gateway database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, staff_id: int, file_name: str, preset: str, lines_total: int) -> str:
        """Writes down an import that starts now, and names it."""
        import_id, now = uuid.uuid4().hex, datetime.now(UTC)
        with self._database.write() as connection:
            connection.execute(
                insert(imports).values(
                    import_id=import_id,
                    staff_id=staff_id,
                    file_name=file_name[-200:],
                    preset=preset,
                    state=RUNNING,
                    lines_total=lines_total,
                    outcome={},
                    started_at=now,
                    updated_at=now,
                )
            )
        return import_id

    def progress(self, import_id: str, lines_done: int) -> None:
        """Says how far it has come, and that it lives."""
        self._set(import_id, lines_done=lines_done)

    def finish(self, import_id: str, report: dict[str, Any]) -> None:
        """Writes down the report."""
        self._set(import_id, state=DONE, outcome=report)

    def fail(self, import_id: str, message: str) -> None:
        """Writes down why it did not end well."""
        self._set(import_id, state=FAILED, outcome={"message": message})

    def find(self, import_id: str) -> Import | None:
        """The import with that id."""
        with self._database.read() as connection:
            row = connection.execute(_QUERY.where(imports.c.import_id == import_id)).one_or_none()
        return _import(row) if row else None

    def newest(self, limit: int) -> list[Import]:
        """The last imports, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_QUERY.order_by(imports.c.started_at.desc()).limit(limit))
            return [_import(row) for row in rows]

    def _set(self, import_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(imports)
                .where(imports.c.import_id == import_id)
                .values(updated_at=datetime.now(UTC), **values)
            )


_QUERY = select(imports, staff.c.name.label("staff_name")).join(staff, staff.c.staff_id == imports.c.staff_id)


def _import(row: Row[Any]) -> Import:
    is_silent = row.state == RUNNING and datetime.now(UTC) - row.updated_at > SILENCE
    return Import(
        import_id=row.import_id,
        file_name=row.file_name,
        preset=row.preset,
        state=CUT_SHORT if is_silent else row.state,
        lines_done=row.lines_done,
        lines_total=row.lines_total,
        outcome=row.outcome,
        started_at=row.started_at,
        staff_name=row.staff_name,
    )


def import_log() -> ImportLog:
    """The log of the application that serves this request."""
    return cast(ImportLog, current_app.extensions[EXTENSION])


def init_app(app: Flask, database: Database) -> None:
    """Tells the pages where the log is."""
    app.extensions[EXTENSION] = ImportLog(database)

"""Work that may outlast a page: how far it has come and what it did, so that the page may be left."""

import threading
import time
import uuid
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import grpc
import structlog
from flask import Flask, Response, current_app, make_response
from flask_login import current_user
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from sqlalchemy import Row, insert, select, update

from gateway.errors import words_of
from gateway.identity.tables import jobs, staff
from services.shared.database import Database
from services.shared.grpc_errors import refusal_of

log = structlog.get_logger()

EXTENSION = "dunlin_jobs"
PATIENCE_SECONDS = 2.0
"""A job that is done within this goes straight to its report."""
PROGRESS_SECONDS = 0.5
"""How often a job says how far it has come."""
SILENCE = timedelta(seconds=90)
"""A running job that has not been heard of for so long has died with its process."""

RUNNING, DONE, FAILED, CUT_SHORT = "running", "done", "failed", "cut_short"

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@dataclass(frozen=True)
class Job:
    """One job. `outcome` is its report in proto3 JSON form; after a failure it holds a `message`."""

    job_id: str
    subject: str
    state: str
    done: int
    total: int
    outcome: dict[str, Any]
    started_at: datetime
    staff_name: str


class JobLog:
    """The jobs of one kind in one gateway database; safe from any thread."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self._kind = kind

    def begin(self, staff_id: int, subject: str, total: int) -> str:
        """Writes down a job that starts now, and names it."""
        job_id, now = uuid.uuid4().hex, datetime.now(UTC)
        with self._database.write() as connection:
            connection.execute(
                insert(jobs).values(
                    job_id=job_id,
                    kind=self._kind,
                    staff_id=staff_id,
                    subject=subject[-200:],
                    state=RUNNING,
                    total=total,
                    outcome={},
                    started_at=now,
                    updated_at=now,
                )
            )
        return job_id

    def progress(self, job_id: str, done: int, total: int) -> None:
        """Says how far it has come, and that it lives."""
        self._set(job_id, done=done, total=total)

    def finish(self, job_id: str, report: dict[str, Any]) -> None:
        """Writes down the report."""
        self._set(job_id, state=DONE, outcome=report)

    def fail(self, job_id: str, message: str) -> None:
        """Writes down why it did not end well."""
        self._set(job_id, state=FAILED, outcome={"message": message})

    def find(self, job_id: str) -> Job | None:
        """The job with that id."""
        with self._database.read() as connection:
            row = connection.execute(self._query().where(jobs.c.job_id == job_id)).one_or_none()
        return _job(row) if row else None

    def newest(self, limit: int) -> list[Job]:
        """The last jobs, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(self._query().order_by(jobs.c.started_at.desc()).limit(limit))
            return [_job(row) for row in rows]

    def _query(self) -> Any:
        joined = select(jobs, staff.c.name.label("staff_name")).join(
            staff, staff.c.staff_id == jobs.c.staff_id
        )
        return joined.where(jobs.c.kind == self._kind)

    def _set(self, job_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(jobs).where(jobs.c.job_id == job_id).values(updated_at=datetime.now(UTC), **values)
            )


def _job(row: Row[Any]) -> Job:
    is_silent = row.state == RUNNING and datetime.now(UTC) - row.updated_at > SILENCE
    return Job(
        job_id=row.job_id,
        subject=row.subject,
        state=CUT_SHORT if is_silent else row.state,
        done=row.done,
        total=row.total,
        outcome=row.outcome,
        started_at=row.started_at,
        staff_name=row.staff_name,
    )


def job_log(kind: str) -> JobLog:
    """The log of the application that serves this request."""
    return JobLog(cast(Database, current_app.extensions[EXTENSION]), kind)


def start(kind: str, subject: str, total: int, work: Callable[[Progress], Message], sorry: str) -> str:
    """Begins the work in a thread and returns the job's id, after a moment in which most are done.

    `work` returns its report. `sorry` is said where a call failed and nobody can say more.
    """
    entries = job_log(kind)
    job_id = entries.begin(current_user.staff_id, subject, total)
    context = copy_context()  # for the request id in the log and in the calls
    thread = threading.Thread(
        target=context.run, args=(_do, entries, job_id, work, sorry), name=f"{kind}-{job_id}", daemon=True
    )
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return job_id


def _do(entries: JobLog, job_id: str, work: Callable[[Progress], Message], sorry: str) -> None:
    said_at = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= PROGRESS_SECONDS:
            said_at = time.monotonic()
            entries.progress(job_id, done, total)

    try:
        entries.finish(job_id, MessageToDict(work(progress)))
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        log.error("job failed", job_id=job_id, error=str(error))
        entries.fail(job_id, words_of(refusal) if refusal else sorry)
    except Exception as error:
        # Nobody else would see it: this is the end of a thread, and the page must not wait for ever.
        log.error("job failed", job_id=job_id, exc_info=error)
        entries.fail(job_id, "It stopped because of a fault of ours, which was written down.")


def page_of(job: Job, content: str) -> Response:
    """The job's page; while it runs, browsers look again each second."""
    response = make_response(content)
    if job.state == RUNNING:
        response.headers["Refresh"] = "1"
    return response


def init_app(app: Flask, database: Database) -> None:
    """Tells the pages where the log is."""
    app.extensions[EXTENSION] = database

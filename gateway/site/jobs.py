"""Work that may outlast a page: how far it has come and what it did, so that the page may be left."""

import re
import threading
import time
import uuid
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import grpc
import structlog
from flask import Flask, Response, current_app, make_response
from flask_login import current_user
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.identity.tables import job_parts, jobs, staff
from gateway.site.errors import words_of
from services.shared.database import Database, UtcDateTime
from services.shared.grpc_errors import refusal_of

log = structlog.get_logger()

EXTENSION = "dunlin_jobs"
PATIENCE_SECONDS = 2.0
"""A job that is done within this goes straight to its report."""
PROGRESS_SECONDS = 0.5
"""How often a job says how far it has come."""
HEARTBEAT_SECONDS = 10.0
"""How often a job says that it lives, also while it has come no further."""
SILENCE = timedelta(seconds=60)
"""A running job that has not been heard of for so long has died with its process, on whatever machine."""
INSISTENCE_SECONDS = 120.0
"""How long a job that has ended goes on trying to write down how, while the database is away."""

RUNNING, DONE, FAILED, CUT_SHORT = "running", "done", "failed", "cut_short"

_IDS = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DATABASE_NOW = func.now(type_=UtcDateTime())

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


class JobOver(Exception):
    """Somebody has declared the job ended, so whoever still works on it must stop."""


class JobLog:
    """The jobs of one kind in one gateway database; safe from any thread, and for several gateways at once.

    Whether a job lives is judged by the database's clock alone: those of machines differ.
    """

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
                    subject=subject.replace("\0", "\ufffd")[-200:],
                    state=RUNNING,
                    total=total,
                    outcome={},
                    started_at=now,
                    updated_at=_DATABASE_NOW,
                )
            )
        return job_id

    def progress(self, job_id: str, done: int, total: int) -> None:
        """Says how far it has come, and that it lives."""
        self._set(job_id, done=done, total=total)

    def is_alive(self, job_id: str) -> None:
        """Says that it lives."""
        self._set(job_id)

    def finish(self, job_id: str, report: dict[str, Any]) -> None:
        """Writes down the report."""
        self._set(job_id, state=DONE, outcome=report)

    def fail(self, job_id: str, message: str) -> None:
        """Writes down why it did not end well."""
        self._set(job_id, state=FAILED, outcome={"message": message})

    def keep(self, job_id: str, number: int, what: dict[str, Any]) -> None:
        """Keeps what one step needs to be undone, in the place of what was kept of it. Raises `JobOver`."""
        is_part = (job_parts.c.job_id == job_id) & (job_parts.c.number == number)
        with self._database.write() as connection:
            self._still_running(connection, job_id)
            connection.execute(delete(job_parts).where(is_part))
            connection.execute(insert(job_parts).values(job_id=job_id, number=number, kept=what))

    def kept(self, job_id: str) -> list[dict[str, Any]]:
        """What was kept, step by step; also of a job that did not end well."""
        query = select(job_parts.c.kept).where(job_parts.c.job_id == job_id).order_by(job_parts.c.number)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def give_up(self, job_id: str, message: str) -> None:
        """Declares a job that was cut short ended: should it live after all, it keeps nothing more."""
        is_open = (jobs.c.job_id == job_id) & (jobs.c.state == RUNNING)
        with self._database.write() as connection:
            connection.execute(update(jobs).where(is_open).values(state=FAILED, outcome={"message": message}))

    def _still_running(self, connection: Connection, job_id: str) -> None:
        is_open = (jobs.c.job_id == job_id) & (jobs.c.state == RUNNING)
        said = connection.execute(update(jobs).where(is_open).values(updated_at=_DATABASE_NOW))
        if not said.rowcount:
            raise JobOver(job_id)

    def find(self, job_id: str) -> Job | None:
        """The job with that id; None for an id that is none."""
        if not _IDS.fullmatch(job_id):
            return None
        with self._database.read() as connection:
            row = connection.execute(self._query().where(jobs.c.job_id == job_id)).one_or_none()
        return _job(row) if row else None

    def newest(self, limit: int) -> list[Job]:
        """The last jobs, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(self._query().order_by(jobs.c.started_at.desc()).limit(limit))
            return [_job(row) for row in rows]

    def _query(self) -> Any:
        columns = (jobs, staff.c.name.label("staff_name"), _DATABASE_NOW.label("read_at"))
        joined = select(*columns).join(staff, staff.c.staff_id == jobs.c.staff_id)
        return joined.where(jobs.c.kind == self._kind)

    def _set(self, job_id: str, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(jobs).where(jobs.c.job_id == job_id).values(updated_at=_DATABASE_NOW, **values)
            )


def _job(row: Row[Any]) -> Job:
    is_silent = row.state == RUNNING and row.read_at - row.updated_at > SILENCE
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


def start(
    kind: str,
    subject: str,
    total: int,
    work: "Work",
    sorry: str,
    *,
    patience: float = PATIENCE_SECONDS,
) -> str:
    """Begins the work in a thread and returns the job's id, after a moment in which most are done.

    `work` gets a `Pulse` to tell how far it has come, and returns its report. `sorry` is said where a call
    failed and nobody can say more.
    """
    entries = job_log(kind)
    job_id = entries.begin(current_user.staff_id, subject, total)
    context = copy_context()  # for the request id in the log and in the calls
    thread = threading.Thread(
        target=context.run, args=(_do, entries, job_id, work, sorry), name=f"{kind}-{job_id}", daemon=True
    )
    thread.start()
    thread.join(patience)
    return job_id


def _do(entries: JobLog, job_id: str, work: "Work", sorry: str) -> None:
    with Pulse(entries, job_id) as pulse:
        try:
            report = MessageToDict(work(pulse))
            write_down = partial(entries.finish, job_id, report)
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            log.error("job failed", job_id=job_id, error=str(error))
            write_down = partial(entries.fail, job_id, words_of(refusal) if refusal else sorry)
        except Exception as error:
            # Nobody else would see it: this is the end of a thread, and the page must not wait for ever.
            log.error("job failed", job_id=job_id, exc_info=error)
            text = "It stopped because of a fault of ours, which was written down."
            write_down = partial(entries.fail, job_id, text)
    _insist(write_down, job_id)


class Pulse:
    """Writes down beside the work how far it has come, and that it lives.

    The work itself never waits for the gateway's database, nor does it fail with it, but for what it keeps.
    """

    def __init__(self, entries: JobLog, job_id: str) -> None:
        self._entries = entries
        self._job_id = job_id
        self._latest: tuple[int, int] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pulse-{job_id}", daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def __call__(self, done: int, total: int) -> None:
        """What the work calls as often as it likes."""
        self._latest = (done, total)

    def keep(self, number: int, what: dict[str, Any]) -> None:
        """Has it written down what step `number` needs to be undone, before it returns. Raises `JobOver`."""
        self._entries.keep(self._job_id, number, what)

    def _run(self) -> None:
        written: tuple[int, int] | None = None
        heard_at = time.monotonic()
        while not self._ended.wait(PROGRESS_SECONDS):
            latest, now = self._latest, time.monotonic()
            try:
                if latest is not None and latest != written:
                    self._entries.progress(self._job_id, *latest)
                elif now - heard_at >= HEARTBEAT_SECONDS:
                    self._entries.is_alive(self._job_id)
                else:
                    continue
            except SQLAlchemyError as error:
                log.warning("progress not written", job_id=self._job_id, error=str(error))
            else:
                written, heard_at = latest, now


Work = Callable[[Pulse], Message]


def _insist(write_down: Callable[[], None], job_id: str) -> None:
    give_up = time.monotonic() + INSISTENCE_SECONDS
    while True:
        try:
            return write_down()
        except SQLAlchemyError as error:
            log.error("end of job not written", job_id=job_id, error=str(error))
            if time.monotonic() > give_up:
                return None
            time.sleep(1)


def page_of(job: Job, content: str) -> Response:
    """The job's page; while it runs, browsers look again each second."""
    response = make_response(content)
    if job.state == RUNNING:
        response.headers["Refresh"] = "1"
    return response


def init_app(app: Flask, database: Database) -> None:
    """Tells the pages where the log is."""
    app.extensions[EXTENSION] = database

"""Tables of the gateway: staff, sessions that were signed out, and the log of work that outlasts a page."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, MetaData, String, Table

from services.shared.database import BigId, UtcDateTime

metadata = MetaData()

staff = Table(
    "staff",
    metadata,
    Column("staff_id", BigId, primary_key=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(200), nullable=False),
    # Sessions carry the epoch that they began in; raising it ends all of them.
    Column("session_epoch", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
)

# Cookies are signed, not stored: one that was copied is refused by its session's id.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", String(32), primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("staff_id", BigId, ForeignKey("staff.staff_id"), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("outcome", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("jobs_by_start", "kind", "started_at"),
)

# What a job needs to be undone, a row for each of its steps.
job_parts = Table(
    "job_parts",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.job_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kept", JSON, nullable=False),
)

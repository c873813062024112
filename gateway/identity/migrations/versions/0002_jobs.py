"""The log of imports becomes a log of all work that outlasts a page."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the log of jobs and moves the imports there."""
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("staff_id", BigId, sa.ForeignKey("staff.staff_id"), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("total", sa.Integer, nullable=False, server_default="0"),
        sa.Column("outcome", sa.JSON, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_index("jobs_by_start", "jobs", ["kind", "started_at"])
    op.execute(
        "INSERT INTO jobs"
        " (job_id, kind, staff_id, subject, state, done, total, outcome, started_at, updated_at)"
        " SELECT import_id, 'import', staff_id, file_name, state, lines_done, lines_total, outcome,"
        " started_at, updated_at FROM imports"
    )
    op.drop_table("imports")


def downgrade() -> None:
    """Moves the imports back; other jobs are forgotten."""
    op.create_table(
        "imports",
        sa.Column("import_id", sa.String(32), primary_key=True),
        sa.Column("staff_id", BigId, sa.ForeignKey("staff.staff_id"), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("preset", sa.String(50), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("lines_done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lines_total", sa.Integer, nullable=False, server_default="0"),
        sa.Column("outcome", sa.JSON, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_index("imports_by_start", "imports", ["started_at"])
    op.execute(
        "INSERT INTO imports"
        " (import_id, staff_id, file_name, preset, state, lines_done, lines_total, outcome,"
        " started_at, updated_at) SELECT job_id, staff_id, subject, 'dunlin', state, done, total, outcome,"
        " started_at, updated_at FROM jobs WHERE kind = 'import'"
    )
    op.drop_table("jobs")

"""Staff, and the log of imports."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the first schema."""
    op.create_table(
        "staff",
        sa.Column("staff_id", BigId, primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("session_epoch", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
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


def downgrade() -> None:
    """Drops everything."""
    op.drop_table("imports")
    op.drop_table("staff")

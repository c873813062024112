"""Pauses."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IS_NEWEST = sa.text("is_newest")


def upgrade() -> None:
    """Adds the table, which is empty at first."""
    op.create_table(
        "pauses",
        sa.Column("pause_id", sa.String(64), primary_key=True),
        sa.Column("organization_id", sa.Text, nullable=False),
        sa.Column("invoice_id", sa.BigInteger, nullable=False),
        sa.Column("invoice_number", sa.Text, nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("resumes_on", sa.Date, nullable=False),
        sa.Column("resumes_at", UtcDateTime, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.Column("promised", sa.Text, nullable=False),
        sa.Column("promise", sa.String(10), nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("replaced_by", sa.String(64), nullable=False),
        sa.Column("is_newest", sa.Boolean, nullable=False),
    )
    op.create_index("pauses_newest_first", "pauses", ["added_at", "pause_id"])
    op.create_index("pauses_of_organization", "pauses", ["organization_id", "added_at"])
    op.create_index(
        "pauses_newest",
        "pauses",
        ["organization_id", "invoice_id"],
        unique=True,
        sqlite_where=IS_NEWEST,
        postgresql_where=IS_NEWEST,
    )

"""A sync counts its batches in the books, and so knows if a database that was killed has forgotten one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; syncs of before have ended."""
    op.add_column("sync_runs", sa.Column("batches", sa.BigInteger, nullable=False, server_default="0"))

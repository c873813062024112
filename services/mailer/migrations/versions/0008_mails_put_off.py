"""Mails that wait for an hour at which they may go."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None does yet."""
    op.add_column("messages", sa.Column("put_off_for", sa.String(200), nullable=False, server_default=""))

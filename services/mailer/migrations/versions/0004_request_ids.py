"""The request that each message came from, so that one id leads from a click to a mail in all logs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; nobody knows it of older messages."""
    op.add_column("messages", sa.Column("request_id", sa.String(64), nullable=False, server_default=""))

"""The charges of the sandbox provider, in its own database."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the table, unless an earlier version of the sandbox has made it when it was opened."""
    op.create_table(
        "sandbox_charges",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("method_token", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("settles_at", UtcDateTime),
        sa.Column("settles_reason", sa.Text, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        if_not_exists=True,
    )

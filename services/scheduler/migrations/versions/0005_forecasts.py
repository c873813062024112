"""The newest count of larger books, which pages show at once."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table, empty."""
    op.create_table(
        "forecasts",
        sa.Column("forecast_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("counted_at", UtcDateTime, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
        sa.Column("invoices", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )

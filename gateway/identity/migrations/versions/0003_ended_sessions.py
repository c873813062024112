"""Sessions that were signed out are remembered for as long as a copy of their cookie would be good."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the list of ended sessions."""
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", sa.String(32), primary_key=True),
        sa.Column("ended_at", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Drops it; copies of cookies that were signed out are good again until they run out."""
    op.drop_table("ended_sessions")

"""Facts that a person has given up stay in the inbox, marked."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PARKED = sa.text("parked_at IS NOT NULL AND dropped_at IS NULL")


def upgrade() -> None:
    """Adds the column, and leaves such facts out of the list of parked ones."""
    op.add_column("inbox", sa.Column("dropped_at", UtcDateTime))
    op.drop_index("inbox_parked", "inbox")
    op.create_index(
        "inbox_parked", "inbox", ["parked_at", "inbox_id"], sqlite_where=PARKED, postgresql_where=PARKED
    )

"""Notices are handed over lane by lane, and those of one instant without being sorted first."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IS_QUEUED = sa.text("hand_over_at IS NOT NULL")


def upgrade() -> None:
    """Makes the index anew. A run that waits for the end of quiet hours has very many of one instant."""
    op.drop_index("notices_to_hand_over", "notices")
    op.create_index(
        "notices_to_hand_over",
        "notices",
        ["lane", "hand_over_at", "notice_id"],
        sqlite_where=IS_QUEUED,
        postgresql_where=IS_QUEUED,
    )

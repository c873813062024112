"""Indexes that give each page of the history at once, however long it is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IS_RECEIPT = sa.text("type <> 'due_notice'")
IS_HELD = sa.text("state = 'held'")


def upgrade() -> None:
    """A run decides thousands at one instant, so the id is part of the order; few are held or receipts."""
    op.drop_index("notices_in_state", "notices")
    op.create_index("notices_in_state", "notices", ["state", "decided_at", "notice_id"])
    op.create_index("notices_held", "notices", ["notice_id"], sqlite_where=IS_HELD, postgresql_where=IS_HELD)
    op.create_index(
        "notices_receipts",
        "notices",
        ["type", "decided_at", "notice_id"],
        sqlite_where=IS_RECEIPT,
        postgresql_where=IS_RECEIPT,
    )

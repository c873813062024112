"""Facts that a broker has taken over, apart from those that have arrived."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TO_PUBLISH = sa.text("published_at IS NULL")
TO_AUDIT = sa.text("published_at IS NOT NULL AND delivered_at IS NULL")


def upgrade() -> None:
    """Adds the column, and an index for each half of the way."""
    op.add_column("outbox", sa.Column("published_at", UtcDateTime))
    op.execute("UPDATE outbox SET published_at = delivered_at WHERE delivered_at IS NOT NULL")
    op.drop_index("outbox_waiting", "outbox")
    for name, waits in (("outbox_to_publish", TO_PUBLISH), ("outbox_to_audit", TO_AUDIT)):
        op.create_index(name, "outbox", ["outbox_id"], sqlite_where=waits, postgresql_where=waits)

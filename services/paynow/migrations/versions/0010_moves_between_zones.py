"""When an organization came to the books, and when it got another time zone than it was known with."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

HAS_MOVED = "zone_changed_at IS NOT NULL"


def upgrade() -> None:
    """Adds the columns; of what was before nothing is known."""
    op.add_column("organizations", sa.Column("came_at", UtcDateTime))
    op.add_column("organizations", sa.Column("zone_changed_at", UtcDateTime))
    op.create_index(
        "organizations_that_moved", "organizations", ["zone_changed_at"],
        sqlite_where=sa.text(HAS_MOVED), postgresql_where=sa.text(HAS_MOVED),
    )  # fmt: skip

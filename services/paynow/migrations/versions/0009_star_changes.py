"""Changes of stars that staff have made, by the id of the request."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table; nobody could set a star by hand before."""
    op.create_table(
        "star_changes",
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("stars", sa.Text, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
    )

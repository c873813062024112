"""Runs ask for addresses themselves; what can be used again waits for nobody."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Which addresses are suppressed stands in another table."""
    op.drop_table("restored_addresses")

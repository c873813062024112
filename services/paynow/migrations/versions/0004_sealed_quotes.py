"""Quotes are no longer kept: the payer carries them, sealed. Open ones have to be asked for again."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Removes their table; payments keep the id of their quote."""
    op.drop_table("quotes")

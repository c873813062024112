"""Leases name the process that has taken them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of those that are held now nothing is known, so they last as long as they say."""
    op.add_column("leases", sa.Column("owner", sa.String(200), nullable=False, server_default=""))

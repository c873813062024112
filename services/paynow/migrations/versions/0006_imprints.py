"""An invoice keeps the imprint of the last line about it, so that a line that repeats it is known at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; the next list fills it."""
    op.add_column("invoices", sa.Column("imprint", sa.Text, nullable=False, server_default=""))

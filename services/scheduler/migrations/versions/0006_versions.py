"""Numbers by which a forecast knows that what it stands on has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table, and drops the forecast, which does not know them; it is counted again at once."""
    op.create_table(
        "versions",
        sa.Column("name", sa.String(30), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.execute("DELETE FROM forecasts")

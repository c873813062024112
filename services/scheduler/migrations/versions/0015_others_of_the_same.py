"""Whether another mail says the same is found among an organization's own."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

IS_REPEATED = sa.text("type IN ('account_summary', 'method_expiration')")


def upgrade() -> None:
    """Adds an index of account summaries and notices about cards."""
    op.create_index(
        "notices_repeated",
        "notices",
        ["organization_id", "state", "decided_at"],
        sqlite_where=IS_REPEATED,
        postgresql_where=IS_REPEATED,
    )

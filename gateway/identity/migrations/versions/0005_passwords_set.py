"""When each account of the portal got its password."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; of passwords that are there it is not known."""
    op.add_column("portal_accounts", sa.Column("password_set_at", UtcDateTime))

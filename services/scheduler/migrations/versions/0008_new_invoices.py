"""New invoices and restored addresses that wait to be dealt with; invitations are found by organization."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

IS_INVITATION = sa.text("type = 'welcome'")


def upgrade() -> None:
    """Adds what 0007 has no place for."""
    op.create_table(
        "recorded_invoices",
        sa.Column("recorded_id", BigId, primary_key=True, autoincrement=True),
        sa.Column("sync_id", sa.String(64), nullable=False),
        sa.Column("invoice_id", sa.BigInteger, nullable=False),
        sa.Column("organization_id", sa.Text, nullable=False),
        sa.Column("came_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "restored_addresses",
        sa.Column("email_key", sa.Text, primary_key=True),
        sa.Column("told_at", UtcDateTime, nullable=False),
    )
    op.create_index(
        "notices_invitations",
        "notices",
        ["organization_id"],
        sqlite_where=IS_INVITATION,
        postgresql_where=IS_INVITATION,
    )

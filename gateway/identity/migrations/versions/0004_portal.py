"""Accounts of contacts for the portal, and the links that were used up to open one."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the tables of the portal."""
    op.create_table(
        "portal_accounts",
        sa.Column("account_id", BigId, primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("session_epoch", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_sign_in_at", UtcDateTime),
    )
    op.create_table(
        "portal_contacts",
        sa.Column("account_id", BigId, sa.ForeignKey("portal_accounts.account_id"), primary_key=True),
        sa.Column("contact_id", sa.BigInteger, primary_key=True),
        sa.Column("organization_id", sa.String(100), nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "used_links",
        sa.Column("notice_id", sa.String(64), primary_key=True),
        sa.Column("used_at", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Drops them: contacts have to be invited again."""
    op.drop_table("used_links")
    op.drop_table("portal_contacts")
    op.drop_table("portal_accounts")

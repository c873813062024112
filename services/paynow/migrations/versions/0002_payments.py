"""Quotes and payments."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("next_check_at IS NOT NULL")
WAITS_FOR_BOOKS = sa.text("state = 'succeeded' AND acknowledged_at IS NULL")


def upgrade() -> None:
    """Adds both tables."""
    op.create_table(
        "quotes",
        sa.Column("quote_id", sa.String(64), primary_key=True),
        sa.Column("organization_id", sa.Text, nullable=False),
        sa.Column("invoice_id", sa.BigInteger, sa.ForeignKey("invoices.invoice_id"), nullable=False),
        sa.Column("invoice_number", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    op.create_index("quotes_by_expiry", "quotes", ["expires_at"])
    _payments()


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.String(36), primary_key=True),
        sa.Column("quote_id", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("method_digest", sa.String(64), nullable=False),
        sa.Column("method_label", sa.Text, nullable=False),
        sa.Column("organization_id", sa.Text, nullable=False),
        sa.Column("invoice_id", sa.BigInteger, sa.ForeignKey("invoices.invoice_id"), nullable=False),
        sa.Column("invoice_number", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("payer_email", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("failure_reason", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("acknowledged_at", UtcDateTime),
        sa.Column("next_check_at", UtcDateTime),
        sa.Column("checks", sa.Integer, nullable=False),
        sa.Column("absent_since", UtcDateTime),
        sa.Column("books_minor", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("quote_id", name="payments_one_for_a_quote"),
        sa.UniqueConstraint("idempotency_key", name="payments_one_for_a_key"),
    )
    op.create_index("payments_newest", "payments", ["created_at", "payment_id"])
    op.create_index("payments_of_organization", "payments", ["organization_id", "created_at", "payment_id"])
    op.create_index(
        "payments_open", "payments", ["next_check_at"], sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
    )
    op.create_index(
        "payments_waiting_for_books", "payments", ["created_at", "payment_id"],
        sqlite_where=WAITS_FOR_BOOKS, postgresql_where=WAITS_FOR_BOOKS,
    )  # fmt: skip
    op.create_index(
        "payments_waiting_of_invoice", "payments", ["invoice_id"],
        sqlite_where=WAITS_FOR_BOOKS, postgresql_where=WAITS_FOR_BOOKS,
    )  # fmt: skip


def downgrade() -> None:
    """Removes both tables."""
    op.drop_table("payments")
    op.drop_table("quotes")

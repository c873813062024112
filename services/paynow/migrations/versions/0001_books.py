"""The books, and the outbox."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0001"
down_revision = None

IS_DUE = sa.text("status = 'open' AND balance_minor > 0 AND due_on IS NOT NULL")
WAITS = sa.text("delivered_at IS NULL")


def upgrade() -> None:
    """Creates the tables of the ledger, and the outbox that it shares with payments."""
    _lock()
    _organizations()
    _contacts()
    _invoices()
    _sync_runs()
    _outbox()


def _lock() -> None:
    op.create_table("books_lock", sa.Column("lock_id", sa.Integer, primary_key=True, autoincrement=False))
    op.execute("INSERT INTO books_lock (lock_id) VALUES (1)")


def _organizations() -> None:
    op.create_table(
        "organizations",
        sa.Column("organization_id", sa.Text, primary_key=True),
        sa.Column("id_key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_index("organizations_by_name", "organizations", ["name_key", "organization_id"])


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("contact_id", BigId, primary_key=True),
        sa.Column("organization_id", sa.Text, sa.ForeignKey("organizations.organization_id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        sa.Column("starred_by_hand", sa.Boolean, nullable=False),
        sa.Column("starred_by_crm", sa.Boolean, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.UniqueConstraint("organization_id", "position"),
    )
    op.create_table(
        "addresses",
        sa.Column("contact_id", sa.BigInteger, sa.ForeignKey("contacts.contact_id"), primary_key=True),
        sa.Column("email_key", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
    )
    op.create_index("addresses_by_key", "addresses", ["email_key"])


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("invoice_id", BigId, primary_key=True),
        sa.Column("organization_id", sa.Text, sa.ForeignKey("organizations.organization_id"), nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("issued_on", sa.Date),
        sa.Column("due_on", sa.Date),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("listed_balance_minor", sa.BigInteger, nullable=False),
        sa.Column("books_balance_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_here_minor", sa.BigInteger, nullable=False),
        sa.Column("reserved_minor", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("organization_id", "number"),
    )
    op.create_index("invoices_by_number", "invoices", ["number"])
    op.create_index("invoices_by_due_date", "invoices", ["due_on"])
    op.create_index(
        "invoices_due", "invoices", ["invoice_id", "due_on"], sqlite_where=IS_DUE, postgresql_where=IS_DUE
    )


def _sync_runs() -> None:
    op.create_table(
        "sync_runs",
        sa.Column("sync_id", BigId, primary_key=True),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("completed_at", UtcDateTime),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("unchanged", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("outbox_id", BigId, primary_key=True, autoincrement=True),
        sa.Column("fact_id", sa.String(36), nullable=False, unique=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("occurred_at", UtcDateTime, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("delivered_at", UtcDateTime),
    )
    op.create_index("outbox_waiting", "outbox", ["outbox_id"], sqlite_where=WAITS, postgresql_where=WAITS)

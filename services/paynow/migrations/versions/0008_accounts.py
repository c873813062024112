"""Languages, client profiles, methods on file, and payments that are to be made by themselves."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

HAS_ZONE = sa.text("time_zone <> ''")
HAS_PROFILE = sa.text("profile_id <> ''")
IS_CARD_ON_FILE = sa.text("expires_on IS NOT NULL AND status <> 'deleted'")
IS_SCHEDULED = sa.text("status = 'scheduled'")


def upgrade() -> None:
    """Adds the columns and tables, and the three profiles that every company begins with."""
    _books()
    _profiles()
    _methods()
    _plans()


def _books() -> None:
    told = sa.Column("told_invoice_id", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("books_lock", told)
    # What is in the books by now is no news.
    newest = "(SELECT coalesce(max(invoice_id), 0) FROM invoices)"
    op.execute(f"UPDATE books_lock SET told_invoice_id = {newest}")
    op.add_column("organizations", sa.Column("language", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "organizations_with_time_zone", "organizations", ["time_zone", "organization_id"],
        sqlite_where=HAS_ZONE, postgresql_where=HAS_ZONE,
    )  # fmt: skip
    op.add_column("contacts", sa.Column("profile_id", sa.Text, nullable=False, server_default=""))
    op.add_column("contacts", sa.Column("signed_in_at", UtcDateTime))
    op.create_index(
        "contacts_with_profile", "contacts", ["profile_id", "contact_id"],
        sqlite_where=HAS_PROFILE, postgresql_where=HAS_PROFILE,
    )  # fmt: skip


def _profiles() -> None:
    profiles = op.create_table(
        "profiles",
        sa.Column("profile_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("sees_invoices", sa.Boolean, nullable=False),
        sa.Column("may_pay", sa.Boolean, nullable=False),
        sa.UniqueConstraint("name_key", name="profiles_one_for_a_name"),
    )
    columns = ("profile_id", "name", "name_key", "sees_invoices", "may_pay")
    first = [
        ("full", "Full access", "full access", True, True),
        ("billing", "Billing", "billing", True, True),
        ("viewer", "View only", "view only", True, False),
    ]
    op.bulk_insert(profiles, [dict(zip(columns, row, strict=True)) for row in first])


def _of_organization() -> sa.Column[str]:
    key = sa.ForeignKey("organizations.organization_id")
    return sa.Column("organization_id", sa.Text, key, primary_key=True)


def _methods() -> None:
    op.create_table(
        "payment_methods",
        _of_organization(),
        sa.Column("method_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("brand", sa.Text, nullable=False),
        sa.Column("last_four", sa.Text, nullable=False),
        sa.Column("expires_on", sa.Date),
        sa.Column("nickname", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("failure_reason", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_index(
        "payment_methods_expiring", "payment_methods", ["organization_id", "method_id", "expires_on"],
        sqlite_where=IS_CARD_ON_FILE, postgresql_where=IS_CARD_ON_FILE,
    )  # fmt: skip


def _plans() -> None:
    op.create_table(
        "autopay",
        _of_organization(),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("method_id", sa.Text, nullable=False),
        sa.Column("days_after_due", sa.Integer, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "scheduled_payments",
        _of_organization(),
        sa.Column("scheduled_id", sa.Text, primary_key=True),
        sa.Column("invoice_id", sa.BigInteger, sa.ForeignKey("invoices.invoice_id"), nullable=False),
        sa.Column("method_id", sa.Text, nullable=False),
        sa.Column("pays_on", sa.Date, nullable=False),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
    for name, column in (
        ("scheduled_payments_by_date", "pays_on"),
        ("scheduled_payments_of_invoice", "invoice_id"),
    ):
        op.create_index(
            name, "scheduled_payments", [column], sqlite_where=IS_SCHEDULED, postgresql_where=IS_SCHEDULED
        )

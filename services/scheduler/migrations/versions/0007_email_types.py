"""Notices of every type; the types' settings, runs by time zone, campaigns, who gets no mail."""

import json

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HAS_OCCURRENCE = sa.text("occurrence IS NOT NULL")
HAS_CAMPAIGN = sa.text("campaign_id IS NOT NULL")
NOBODY_TO_TELL = sa.text("state = 'skipped' AND reason IN ('NO_ADDRESS', 'ADDRESSES_SUPPRESSED')")

FIRST_SETTINGS: dict[str, dict[str, object]] = {
    "account_summary": {"day": None, "closed_days": "after", "on_new_invoice": "nothing", "profile_ids": []},
    "invoice": {"tells_payment_date": True, "newest_days": 14},
    "upcoming_payments": {"days_before": 3},
    "method_expiration": {},
}


def upgrade() -> None:
    """Keeps every notice: what named the payment of a receipt names its occurrence now."""
    _notices()
    _last_sent()
    _calendar()
    _email_types()
    _campaigns()
    _addresses()


def _notices() -> None:
    op.drop_index("notices_of_payment", "notices")
    op.alter_column("notices", "payment_id", new_column_name="occurrence")
    op.alter_column("notices", "payment", new_column_name="about")
    op.add_column("notices", sa.Column("campaign_id", sa.String(64)))
    op.add_column("notices", sa.Column("lane", sa.String(10), nullable=False, server_default="usual"))
    op.execute(
        "UPDATE notices SET lane = 'at_once' WHERE occurrence IS NOT NULL AND hand_over_at IS NOT NULL"
    )
    for name, columns, where, unique in (
        ("notices_of_occurrence", ["occurrence", "type"], HAS_OCCURRENCE, True),
        ("notices_of_campaign", ["campaign_id", "state"], HAS_CAMPAIGN, False),
        ("notices_nobody_to_tell", ["organization_id", "decided_at"], NOBODY_TO_TELL, False),
    ):
        op.create_index(name, "notices", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _last_sent() -> None:
    before = sa.table("last_sent", sa.column("threshold_days"), sa.column("sent_at", UtcDateTime))
    rows = op.get_bind().execute(sa.select(before.c.threshold_days, before.c.sent_at)).all()
    op.drop_table("last_sent")
    last_sent = op.create_table(
        "last_sent",
        sa.Column("type", sa.String(30), primary_key=True),
        sa.Column("threshold_days", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sent_at", UtcDateTime, nullable=False),
    )
    op.bulk_insert(
        last_sent, [{"type": "due_notice", "threshold_days": days, "sent_at": at} for days, at in rows]
    )


def _calendar() -> None:
    op.create_table(
        "zone_runs",
        sa.Column("zone", sa.String(60), primary_key=True),
        sa.Column("ran_on", sa.Date),
        sa.Column("summed_on", sa.Date),
    )
    op.execute("INSERT INTO zone_runs (zone, ran_on) SELECT '', ticked_on FROM calendar")
    op.drop_column("calendar", "ticked_on")
    for column in (
        sa.Column("country", sa.String(10), nullable=False, server_default=""),
        sa.Column("business_days_only", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("quiet_from", sa.String(5), nullable=False, server_default=""),
        sa.Column("quiet_until", sa.String(5), nullable=False, server_default=""),
    ):
        op.add_column("calendar", column)


def _email_types() -> None:
    email_types = op.create_table(
        "email_types",
        sa.Column("type", sa.String(30), primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("since", sa.Date),
        sa.Column("settings", sa.Text, nullable=False),
    )
    op.bulk_insert(
        email_types,
        [
            {"type": type, "enabled": False, "since": None, "settings": json.dumps(settings)}
            for type, settings in FIRST_SETTINGS.items()
        ],
    )


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.String(64), primary_key=True),
        sa.Column("type", sa.String(30), nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("examined", sa.BigInteger, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("started_by", sa.Text, nullable=False),
        sa.Column("ended_at", UtcDateTime),
    )
    op.create_index("campaigns_newest", "campaigns", ["started_at", "campaign_id"])


def _addresses() -> None:
    op.create_table(
        "unsubscriptions",
        sa.Column("type", sa.String(30), primary_key=True),
        sa.Column("email_key", sa.Text, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("notice_id", sa.String(36), nullable=False),
    )
    op.create_index("unsubscriptions_newest", "unsubscriptions", ["created_at", "email_key"])
    op.create_table(
        "suppressed",
        sa.Column("email_key", sa.Text, primary_key=True),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("told_at", UtcDateTime, nullable=False),
        sa.Column("is_suppressed", sa.Boolean, nullable=False),
    )

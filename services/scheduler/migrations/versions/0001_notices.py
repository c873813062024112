"""Rules, exclusions, the notice ledger, the calendar, leases and the inbox."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0001"
down_revision = None

FIRST_RULES = (-5, 15, 30, 45, 60, 90)
WAITING = sa.text("handled_at IS NULL AND parked_at IS NULL")
PARKED = sa.text("parked_at IS NOT NULL")
IS_RECEIPT = sa.text("payment_id IS NOT NULL")
IS_QUEUED = sa.text("hand_over_at IS NOT NULL")


def upgrade() -> None:
    """Creates the tables, the first rules (all off) and the calendar."""
    _rules()
    _exclusions()
    _notices()
    _decisions()
    _calendar()
    _leases()
    _inbox()


def _rules() -> None:
    rules = op.create_table(
        "rules",
        sa.Column("threshold_days", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )
    op.bulk_insert(rules, [{"threshold_days": threshold, "enabled": False} for threshold in FIRST_RULES])
    op.create_table(
        "last_sent",
        sa.Column("threshold_days", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sent_at", UtcDateTime, nullable=False),
    )


def _exclusions() -> None:
    op.create_table(
        "exclusions",
        sa.Column("type", sa.String(30), primary_key=True),
        sa.Column("organization_id", sa.Text, primary_key=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.String(36), primary_key=True),
        sa.Column("type", sa.String(30), nullable=False),
        sa.Column("organization_id", sa.Text, nullable=False),
        sa.Column("invoice_id", sa.BigInteger, nullable=False),
        sa.Column("invoice_number", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("threshold_days", sa.Integer, nullable=False),
        sa.Column("payment_id", sa.Text),
        sa.Column("payment", sa.Text),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("decided_at", UtcDateTime, nullable=False),
        sa.Column("as_of", UtcDateTime),
        sa.Column("hand_over_at", UtcDateTime),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.UniqueConstraint("invoice_id", "due_on", "threshold_days", name="notices_due_key"),
        sa.CheckConstraint("(due_on IS NULL) <> (payment_id IS NULL)", name="notices_subject"),
    )
    op.create_index("notices_newest", "notices", ["decided_at", "notice_id"])
    op.create_index("notices_of_organization", "notices", ["organization_id", "decided_at"])
    op.create_index("notices_of_number", "notices", ["invoice_number"])
    op.create_index("notices_in_state", "notices", ["state", "decided_at"])
    op.create_index(
        "notices_of_payment",
        "notices",
        ["payment_id", "type"],
        unique=True,
        sqlite_where=IS_RECEIPT,
        postgresql_where=IS_RECEIPT,
    )
    op.create_index(
        "notices_to_hand_over",
        "notices",
        ["hand_over_at"],
        sqlite_where=IS_QUEUED,
        postgresql_where=IS_QUEUED,
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", BigId, primary_key=True, autoincrement=True),
        sa.Column("notice_id", sa.String(36), sa.ForeignKey("notices.notice_id"), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("decided_at", UtcDateTime, nullable=False),
        sa.Column("as_of", UtcDateTime),
    )
    op.create_index("decisions_of_notice", "decisions", ["notice_id", "decision_id"])


def _calendar() -> None:
    calendar = op.create_table(
        "calendar",
        sa.Column("calendar_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("send_at", sa.String(5), nullable=False),
        sa.Column("sandbox", sa.Boolean, nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("ticked_on", sa.Date),
        sa.Column("clock_set", sa.Boolean, nullable=False),
    )
    first = {
        "calendar_id": 1,
        "time_zone": "UTC",
        "send_at": "09:00",
        "sandbox": True,
        "automatic": True,
        "since": datetime.now(UTC),
        "clock_set": False,
    }
    op.bulk_insert(calendar, [first])


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(30), primary_key=True),
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("inbox_id", BigId, primary_key=True, autoincrement=True),
        sa.Column("fact_id", sa.String(36), nullable=False, unique=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("occurred_at", UtcDateTime, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("handled_at", UtcDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", UtcDateTime, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("parked_at", UtcDateTime),
    )
    op.create_index(
        "inbox_waiting",
        "inbox",
        ["next_attempt_at"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index("inbox_parked", "inbox", ["parked_at"], sqlite_where=PARKED, postgresql_where=PARKED)

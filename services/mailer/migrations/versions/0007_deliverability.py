"""Lanes, the stop switch, limits, lines of domains, and suppressed addresses."""

import sqlalchemy as sa
from alembic import op

from services.shared.database import BigId, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What waits keeps its place, in the usual lane."""
    _lanes()
    _limits()
    _addresses()


def _lanes() -> None:
    op.add_column("messages", sa.Column("lane", sa.SmallInteger, nullable=False, server_default="2"))
    op.add_column("messages", sa.Column("counted_on", sa.String(10), nullable=False, server_default=""))
    false = sa.text("false")
    op.add_column("messages", sa.Column("in_line", sa.Boolean, nullable=False, server_default=false))
    op.drop_index("messages_due", "messages")
    _index("messages_due", ["lane", "due_at", "id"], "due_at IS NOT NULL")
    _index("messages_counted", ["counted_on", "due_at"], "due_at IS NOT NULL AND counted_on != ''")
    _index("messages_in_line", ["id"], "in_line")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "messages", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _limits() -> None:
    sending = op.create_table(
        "sending",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("stopped_by", sa.String(200), nullable=False),
        sa.Column("stopped_at", UtcDateTime),
        sa.Column("daily_cap", sa.Integer, nullable=False),
        sa.Column("domain_per_minute", sa.Integer, nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
    )
    none = {"id": 1, "stopped_by": "", "daily_cap": 0, "domain_per_minute": 0, "time_zone": "UTC"}
    op.bulk_insert(sending, [none])
    op.create_table(
        "sending_days",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("mails", sa.Integer, nullable=False),
    )
    lanes = ("free_at", "at_once_until", "usual_until", "bulk_until")
    op.create_table(
        "sending_lines",
        sa.Column("domain", sa.String(255), primary_key=True),
        *(sa.Column(name, UtcDateTime) for name in lanes),
    )


def _addresses() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("notice_id", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
    )
    op.create_table(
        "address_mails",
        sa.Column("email", sa.String(320), primary_key=True),
        sa.Column("message", BigId, sa.ForeignKey("messages.id"), primary_key=True, autoincrement=False),
        sa.Column("left_at", UtcDateTime, nullable=False),
        sa.Column("fate", sa.String(20), nullable=False),
    )
